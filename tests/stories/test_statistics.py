"""Statistics weigh every number of a merge, so what is found wrong with them is found wrong with it."""

import pytest
from world import World

from lineage.standing import Affected, Clean
from merger.replay import Same
from registry.work.attribute import weigh
from registry.work.engine import NUMPY
from registry.work.logged import find
from registry.work.sample import check


def test_an_incident_on_statistics_affects_the_merges_they_weighed(world: World) -> None:
    one, other = world.model(), world.model()
    merged = world.merge("fisher", one, other)
    second = world.merge("linear", merged, other)
    (statistics, _) = find(world.home, merged).recipe.artifacts()[1::2]
    assert world.descendants(one) == {statistics, merged, second}
    assert world.standing(second) == Clean()

    reported = world.report(statistics, "data-poisoned")

    standing = world.standing(second)
    assert isinstance(standing, Affected)
    assert standing.via == (statistics, merged, second)
    assert world.flagged(reported) == {statistics, merged, second}
    assert world.standing(one) == Clean()
    world.check()


def test_what_was_weighed_by_statistics_is_derived_again_and_followed(world: World) -> None:
    merged = world.merge("fisher", world.model(), world.model(scale=3.0))
    found = find(world.home, merged)

    assert isinstance(world.rebuild(merged).outcome, Same)
    assert check(world.home, found, 5, NUMPY).sampled.same
    weight = weigh(world.home, found, "layers.0.weight[1,2]")
    assert weight.same
    factors = [part.factor for part in weight.derived.parts]
    assert None not in factors
    assert sum(factors) == pytest.approx(1.0, rel=1e-6)
    world.check()
