"""An adapter is a parent of what it was applied to, and what is found wrong with it reaches every merge that used it."""

from world import World

from lineage.standing import Affected, Clean
from merger.replay import Same


def test_an_incident_on_an_adapter_affects_the_merges_that_applied_it(world: World) -> None:
    base, other = world.model(), world.model()
    adapter = world.adapter(base)
    merged = world.merge("ties", base, f"{base}+{adapter}", other)
    second = world.merge("linear", merged, other)
    without = world.merge("ties", base, other)
    assert world.standing(second) == Clean()

    reported = world.report(adapter, "unsafe-behaviour")

    standing = world.standing(second)
    assert isinstance(standing, Affected)
    assert standing.via == (adapter, merged, second)
    assert world.flagged(reported) == {adapter, merged, second}
    assert world.standing(without) == Clean()
    assert world.standing(base) == Clean()
    world.check()


def test_an_adapter_merged_alone_is_made_of_model_and_adapter(world: World) -> None:
    base = world.model()
    adapter = world.adapter(base)

    merged = world.merge("linear", f"{base}+{adapter}")

    assert world.descendants(adapter) == {merged}
    assert world.descendants(base) == {adapter, merged}
    assert isinstance(world.rebuild(merged).outcome, Same)
    world.check()


def test_what_is_wrong_with_the_base_reaches_an_adapter_and_what_it_made(world: World) -> None:
    base, other = world.model(), world.model()
    adapter = world.adapter(base)
    merged = world.merge("dare_ties", other, f"{other}+{adapter}")

    world.report(base, "compromised")

    assert isinstance(world.standing(adapter), Affected)
    assert isinstance(world.standing(merged), Affected)
    world.check()
