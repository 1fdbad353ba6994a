"""What a statement establishes stands once, whoever says it again."""

import pytest
from world import World

from lineage.facts import Evidence
from lineage.predicates import incident, incident_change, provenance, rebuild
from merger.recipe import Recipe
from registry.store import artifacts, flagging
from signing.dsse import sign
from signing.errors import Refused

DIGEST = "ab" * 32


def recipe(*parents: str) -> Recipe:
    return Recipe.of(
        {
            "arithmetic": "1",
            "method": "linear",
            "parents": [{"model": parent, "parameters": {"weight": "0.5"}} for parent in parents],
            "parameters": {"normalize": True},
        }
    )


def test_a_rebuild_lifts_the_edges_of_the_build_that_it_repeated(world: World) -> None:
    one, two, merged = world.artifact(), world.artifact(), world.artifact()
    executed = recipe(one, two)
    said = provenance.statement(
        merged, executed, DIGEST, DIGEST, "0.1.0", {"engine": "sha256:00"}, by_rows=False
    )
    (built,) = world.publish("builder", said)
    assert {edge.evidence for edge in world.verdict(merged).parents} == {Evidence.SIGNED}
    before = world.size()

    verdict = rebuild.statement(merged, built.entry, world.home.operator("rebuilder"), world.time, [])
    world.publish("rebuilder", verdict)

    assert {edge.evidence for edge in world.verdict(merged).parents} == {Evidence.REPRODUCED}
    assert {edge.evidence for edge in world.verdict(merged, before).parents} == {Evidence.SIGNED}
    with world.home.store.reading() as connection:
        assert artifacts.builds(connection, merged) == (built.index,)
        assert artifacts.manifests(connection, merged) == (DIGEST,)
    world.check()


def test_a_build_and_its_rebuild_may_come_together(world: World) -> None:
    one, two, merged = world.artifact(), world.artifact(), world.artifact()
    said = provenance.statement(merged, recipe(one, two), DIGEST, DIGEST, "0.1.0", {}, by_rows=False)
    entry = sign(said.encode(), [world.home.keys("builder")]).entry
    verdict = rebuild.statement(merged, entry, world.home.operator("rebuilder"), world.time, ["norm"])
    world.home.say_all([("builder", said), ("rebuilder", verdict)])
    assert {edge.evidence for edge in world.verdict(merged).parents} == {Evidence.SIGNED}
    world.check()


def test_t13_a_rebuild_of_another_artifact_s_build_is_refused(world: World) -> None:
    one, two, merged = world.artifact(), world.artifact(), world.artifact()
    said = provenance.statement(merged, recipe(one, two), DIGEST, DIGEST, "0.1.0", {}, by_rows=False)
    (built,) = world.publish("builder", said)
    verdict = rebuild.statement(one, built.entry, world.home.operator("rebuilder"), world.time, [])
    with pytest.raises(Refused, match=built.entry):
        world.publish("rebuilder", verdict)
    world.check()


def test_a_report_repeated_by_another_key_stands_once_in_the_stage_it_has_reached(world: World) -> None:
    second = world.join("other", "security")
    base = world.artifact()
    child = world.artifact(base)
    said = incident.statement([base], "compromised", "high", "reported", "bad", contact="vet", issued=1)
    (first,) = world.publish("security", said)
    world.publish("security", incident_change.statement(first.entry, "confirmed", "seen"))

    again = world.say(said, second)

    assert again.index > first.index
    with world.home.store.reading() as connection:
        (only,) = flagging.incidents(connection)
        assert (only.id, only.stage) == (first.entry, "confirmed")
        assert flagging.flags(connection, [base, child, "sha256:" + "ff" * 32])[child] == (only,)
    assert world.flagged(first.entry) == {base, child}
    world.check()
