"""What changed between two sizes of the log, told by what was done in between."""

import pytest
from world import World

from lineage.checks import Evaluated
from lineage.predicates import derivation, evaluation, signature
from registry.store import Absent
from registry.work.difference import diff
from signing.digest import artifact_id
from signing.errors import Malformed, Refused


def test_what_was_done_in_between_is_what_changed(world: World) -> None:
    base, bad = world.model(license="mit"), world.model()
    merged = world.merge("linear", base, bad)
    before = world.size()
    below = world.model(merged)
    world.license(merged, "apache-2.0")
    late = world.model(license="llama3")
    world.derive(merged, late)
    incident = world.report(bad, "data-poisoned")
    measured = Evaluated(merged, "PASSED", "a" * 64, "harness 1", "accuracy", "0.5", n=10, seed=None)
    world.publish("builder", evaluation.statement(measured))
    world.rebuild(merged)
    after = world.size()
    world.model(merged)

    found = diff(world.home.store, merged, since=before, until=after)

    assert (found.before.as_of, found.now.as_of, found.as_of) == (before, after, after)
    assert (found.before.standing.state, found.now.standing.state) == ("clean", "affected")
    assert found.now.license == "apache-2.0"
    assert [one.artifact for one in found.ancestors.came] == [late]
    assert [one.artifact for one in found.descendants.came] == [below]
    assert found.ancestors.went == found.descendants.went == ()
    assert {(one.child, one.parent) for one in found.edges_came} == {(merged, late), (below, merged)}
    assert {(one.edge.parent, one.before, one.edge.evidence) for one in found.regraded} == {
        (parent, "signed", "reproduced") for parent in (base, bad)
    }
    assert [one.id for one in found.incidents_came] == [incident]
    assert len(found.evaluations_came) == 1
    assert (found.before.ancestors, found.now.ancestors, found.now.descendants) == (2, 3, 1)
    world.check()


def test_a_retracted_incident_went_and_what_was_looked_at_within_a_scope_is_that_alone(world: World) -> None:
    base = world.model()
    tuned = world.model(base)
    incident = world.report(base, "compromised")
    before = world.size()
    world.retract(incident)
    world.model(tuned)

    found = diff(world.home.store, tuned, "ancestors", since=before)

    assert [one.id for one in found.incidents_went] == [incident]
    assert (found.before.standing.state, found.now.standing.state) == ("affected", "clean")
    assert found.descendants.came == found.edges_came == ()
    assert diff(world.home.store, tuned, "descendants", since=before).descendants.came


def test_without_sizes_it_is_since_it_was_registered_until_now(world: World) -> None:
    base = world.artifact()
    tuned = world.artifact(base)

    found = diff(world.home.store, tuned)

    assert found.before.seen
    assert [one.artifact for one in found.ancestors.came] == [base]
    assert found.now.as_of == world.size()
    earlier = diff(world.home.store, tuned, since=1, until=2)
    assert not earlier.before.seen
    assert (earlier.before.standing.state, earlier.before.standing.missing) == ("unknown", (tuned,))


def test_what_a_stolen_key_registered_went_with_the_key(world: World) -> None:
    thief = world.join("thief", "publisher")
    files = {"model.safetensors": "ab" * 32}
    stolen = artifact_id(files)
    base = world.artifact()
    since = world.time
    world.advance(10)
    world.say(signature.statement("stolen", files), thief)
    world.say(derivation.statement(stolen, [derivation.Parent(base, "finetune", {})]), thief)
    before = world.size()
    world.advance(10)
    world.end(thief, since)

    found = diff(world.home.store, stolen, since=before)

    assert (found.before.seen, found.now.seen) == (True, False)
    assert found.now.standing.state == "unknown"
    assert [one.artifact for one in found.ancestors.went] == [base]
    assert [one.parent for one in found.edges_went] == [base]
    world.check()


def test_what_cannot_be_compared_is_refused(world: World) -> None:
    base = world.artifact()
    for _ in range(3):
        world.artifact(base)
    world.artifact(world.artifact("hf:acme/base"))
    store, size = world.home.store, world.size()

    with pytest.raises(Malformed, match=r"hf:acme/base was never registered"):
        diff(store, "hf:acme/base")
    assert diff(store, "hf:acme/base", since=2).descendants.came
    with pytest.raises(Malformed, match="a log of 4 entries is no earlier one than that of 2"):
        diff(store, base, since=4, until=2)
    with pytest.raises(Refused, match=f"the log has {size} entries; it cannot be read as of 999"):
        diff(store, base, until=999)
    with pytest.raises(
        Refused, match=f"{base} has more than 2 descendants, and lists that are cut cannot be compared"
    ):
        diff(store, base, most=2)
    with pytest.raises(Absent, match="is not in this log"):
        diff(store, f"sha256:{'0' * 64}", since=2)
