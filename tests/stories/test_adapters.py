"""An adapter is a parent of what it was applied to, and what is found wrong with it reaches every merge that used it."""

from world import World

from lineage.standing import Affected, Clean
from merger.replay import Same
from registry.store import lineage
from registry.work.logged import find
from registry.work.make import make
from registry.work.prepared import prepare


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


def test_adapters_put_side_by_side_are_one_that_falls_with_each_of_them_and_with_their_base(
    world: World,
) -> None:
    base, other = world.model(), world.model()
    one, two = world.adapter(base), world.adapter(base)
    both = world.merge("cat", one, two)
    applied = world.merge("linear", f"{base}+{both}", other)
    assert world.descendants(one) == {both, applied}
    assert isinstance(world.rebuild(both).outcome, Same)
    assert world.standing(applied) == Clean()

    world.report(two, "compromised")

    standing = world.standing(applied)
    assert isinstance(standing, Affected)
    assert standing.via == (two, both, applied)
    world.report(base, "privacy")
    assert isinstance(world.standing(both), Affected)
    world.check()


def test_two_adapters_of_one_base_are_merged_by_what_they_change_in_it(world: World) -> None:
    """TIES and DARE want whole task vectors: they are taken of the base with each adapter applied."""
    base = world.model()
    one, two = world.adapter(base), world.adapter(base)

    for method in ("ties", "dare_ties", "dare_linear"):
        merged = world.merge(method, base, f"{base}+{one}", f"{base}+{two}")
        assert isinstance(world.rebuild(merged, threads=2).outcome, Same)
        assert merged in world.descendants(one) & world.descendants(two)
        # What the document was compiled to is the same merge.
        canonical = prepare(world.home, find(world.home, merged).recipe.encode())
        assert [parent.adapter for parent in canonical.recipe.parents] == [one, two]
        assert make(world.home, canonical, world.folder / f"{method} again").result.artifact == merged
    world.check()


def test_the_base_that_adapters_are_for_is_a_parent_of_another_kind(world: World) -> None:
    base = world.model()
    one, two = world.adapter(base), world.adapter(base)
    text = f"merge_method: cat\nbase_model: {base}\nmodels: [{{model: {one}}}, {{model: {two}}}]\nparameters: {{weight: 1}}\n"
    made = make(world.home, prepare(world.home, text.encode()), world.folder / "both").result.artifact

    with world.home.store.reading() as connection:
        edges = {
            one.parent: one.relation for one in lineage.around(connection, made).edges if one.child == made
        }
    assert edges == {base: "adapter_of", one: "merge", two: "merge"}
    assert isinstance(world.rebuild(made).outcome, Same)
    world.check()
