"""What is merged is signed, logged, and falls with its parents."""

import pytest
from world import World

from lineage.standing import Affected, Clean
from merger.methods import METHODS


def test_an_incident_on_a_parent_affects_the_merge(world: World) -> None:
    base, tuned, other = world.model(), world.model(), world.model()
    merged = world.merge("ties", base, tuned, other)
    second = world.merge("slerp", merged, other)
    assert world.standing(second) == Clean()

    world.report(tuned, "compromised")

    standing = world.standing(second)
    assert isinstance(standing, Affected)
    assert standing.via == (tuned, merged, second)
    assert world.descendants(tuned) == {merged, second}
    assert world.standing(other) == Clean()
    world.check()


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_leaves_a_home_that_holds_together(world: World, method: str) -> None:
    models = [world.model(scale=scale) for scale in (1.0, 2.0, 3.0, 4.0)]
    adapters = METHODS[method].merges == "adapters"
    merged = world.merge(method, *([world.adapter(models[0]) for _ in models] if adapters else models))
    assert world.standing(merged) == Clean()
    world.check()
