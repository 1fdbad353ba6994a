"""T8: a publisher's key is stolen, and ended at the last good time: what it said until then stands, what it said since falls."""

import sqlite3
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from batching import together
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from world import BEGINNING, World

from lineage.authority import TrustedRoot
from lineage.facts import Evidence, Role
from lineage.predicates import (
    derivation,
    dispute,
    embargo,
    incident,
    incident_change,
    license,  # noqa: A004 - the module's name
    name,
    root,
    same_as,
    signature,
)
from lineage.predicates.root import Period
from lineage.standing import Affected, Clean, Unknown
from registry.store import artifacts, flagging, log, tenure
from signing.digest import artifact_id
from signing.dsse import sign
from signing.errors import Forbidden, Refused
from signing.keys import PrivateKey
from signing.log import Leaf
from signing.statement import Statement

_VALUES = sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER
FILES = {"model.safetensors": "cd" * 32}
ARTIFACT = artifact_id(FILES)


def made(child: str, *parents: str) -> Statement:
    named = [derivation.Parent(artifact=parent, relation="finetune") for parent in parents]
    return derivation.statement(child, named)


def ended(world: World) -> dict[int, int]:
    with world.home.store.reading() as connection:
        return tenure.ended(connection)


def test_entries_before_the_end_stand_and_later_ones_fall_with_edges_closure_and_flags(world: World) -> None:
    base, bad = world.artifact(), world.artifact()
    anna = world.join("anna", "publisher")
    world.say(signature.statement("good", FILES), anna)
    world.say(made(ARTIFACT, base), anna)
    last_good = world.time
    world.advance(100)
    below = world.artifact(ARTIFACT)
    stolen = world.say(made(ARTIFACT, bad), anna)
    moved = world.say(name.statement(bad, "anna/model", None, 1), anna)
    incident_id = world.report(bad, "compromised")
    assert isinstance(world.standing(below), Affected)
    before = world.size()

    world.advance(100)
    revoked = world.end(anna, last_good)

    assert ended(world) == {stolen.index: revoked.index, moved.index: revoked.index}
    assert world.standing(below) == Clean()
    assert world.flagged(incident_id) == {bad}
    assert world.descendants(bad) == set()
    assert world.ancestors(below) == {ARTIFACT, base}
    assert world.descendants(base) == {ARTIFACT, below}
    assert isinstance(world.standing(below, before), Affected), "as of then, it counted"
    with pytest.raises(Exception, match="nothing is called"):
        world.resolve("anna/model")
    with pytest.raises(
        Forbidden, match=f"of anna is good from {BEGINNING} to {last_good}, and the time is {world.time}"
    ):
        world.say(license.statement(ARTIFACT, "mit", 1), anna)
    world.check()


def test_what_only_a_stolen_key_registered_is_unknown_and_so_is_what_is_made_of_it(world: World) -> None:
    anna = world.join("anna", "publisher")
    world.advance(1)
    world.say(signature.statement("bad", FILES), anna)
    below = world.artifact(ARTIFACT)
    assert world.standing(below) == Clean()

    world.end(anna, world.time - 1)

    assert world.standing(ARTIFACT) == Unknown((ARTIFACT,))
    assert world.standing(below) == Unknown((ARTIFACT,))
    with world.home.store.reading() as connection, pytest.raises(Exception, match="is not registered here"):
        artifacts.registered(connection, ARTIFACT)
    with pytest.raises(Exception, match="is not registered here"):
        world.artifact(ARTIFACT)
    world.check()


def test_the_publisher_signs_again_with_a_new_key_and_speaks_for_it_again(world: World) -> None:
    said = signature.statement("model", FILES)
    old = world.join("anna", "publisher")
    world.advance(1)
    world.say(said, old)
    world.say(name.statement(ARTIFACT, "anna/model", None, 1), old)
    world.end(old, world.time - 1)
    new = world.join("anna", "publisher")

    again = world.say(said, new)
    world.say(license.statement(ARTIFACT, "mit", 1), new)

    with world.home.store.reading() as connection:
        assert artifacts.registered(connection, ARTIFACT) == again.index
        assert artifacts.license_of(connection, ARTIFACT) == "mit"
    assert world.standing(ARTIFACT) == Clean()
    world.check()


def test_another_key_s_leaf_of_the_same_statement_carries_it(world: World) -> None:
    """Its facts stood under the first leaf, which falls; the second was there all along."""
    said = signature.statement("model", FILES)
    anna, ben = world.join("anna", "publisher"), world.join("ben", "publisher")
    world.advance(1)
    world.say(said, anna)
    second = world.say(said, ben)
    parent = world.artifact()
    edge = world.say(made(ARTIFACT, parent), anna, ben)
    with pytest.raises(Forbidden, match="is for anna"):
        world.say(license.statement(ARTIFACT, "mit", 1), ben)

    world.end(anna, world.time - 1)

    with world.home.store.reading() as connection:
        assert artifacts.registered(connection, ARTIFACT) == second.index
        assert edge.index not in tenure.ended(connection)
    (found,) = world.verdict(ARTIFACT).parents
    assert (found.parent, found.evidence) == (parent, Evidence.SIGNED)
    world.say(license.statement(ARTIFACT, "mit", 1), ben)
    world.check()


def test_an_operator_whose_signature_fell_does_not_speak_for_the_artifact_any_more(world: World) -> None:
    stolen, ben = world.join("anna", "publisher"), world.join("ben", "publisher")
    other = world.join("anna", "publisher")
    world.advance(1)
    world.say(signature.statement("model", FILES), stolen, ben)
    world.say(license.statement(ARTIFACT, "mit", 1), other)

    world.end(stolen, world.time - 1)

    with pytest.raises(Forbidden, match="is for ben, who registered it; it is signed by anna"):
        world.say(license.statement(ARTIFACT, "apache-2.0", 2), other)
    world.say(license.statement(ARTIFACT, "apache-2.0", 2), ben)
    world.check()


def test_an_incident_that_a_stolen_security_key_reported_falls_and_a_stage_it_set_does_too(
    world: World,
) -> None:
    guard = world.join("guard", "security")
    model = world.artifact()
    real = world.report(model, "withdrawn", stage="reported")
    world.advance(1)
    false = world.say(
        incident.statement([model], "compromised", "high", "confirmed", "x", contact="x", issued=0), guard
    )
    world.say(incident_change.statement(real, "retracted", "never mind"), guard)
    assert [hit.incident.id for hit in world.standing(model).incidents] == [false.entry]

    world.end(guard, world.time - 1)

    (hit,) = world.standing(model).incidents
    assert (hit.incident.id, hit.incident.stage) == (real, "reported")
    assert world.flagged(false.entry) == set()
    world.publish("security", incident_change.statement(real, "confirmed", "it is"))
    world.check()


def test_flags_of_a_report_that_another_leaf_carries_are_told_as_of_any_size(world: World) -> None:
    thief, good = world.join("eve", "security"), world.join("gil", "security")
    base = world.artifact()
    world.advance(1)
    said = incident.statement([base], "compromised", "high", "confirmed", "x", contact="y", issued=world.time)
    world.say(said, thief)
    world.advance(1)
    carrying = world.say(said, good).index
    world.artifact()

    world.end(thief, world.time - 2)

    with world.home.store.reading() as connection:
        for size in range(carrying + 1, world.size() + 1):
            (found,) = flagging.flags(connection, [base], size)[base]
            assert found.artifacts == (base,)
    world.check()


def test_an_end_may_be_set_further_back_and_voids_what_lies_between(world: World) -> None:
    anna = world.join("anna", "publisher")
    model = world.artifact()
    indexes = []
    for revision in range(4):
        world.advance(10)
        indexes.append(world.say(name.statement(model, "anna/model", str(revision), 1), anna).index)
    first = world.end(anna, world.time - 5)
    assert ended(world) == {indexes[3]: first.index}
    second = world.end(anna, world.time - 25)
    assert ended(world) == {indexes[3]: first.index, indexes[2]: second.index, indexes[1]: second.index}
    assert world.resolve("anna/model") == model
    world.check()


def test_a_group_that_ends_a_key_and_is_refused_after_all_leaves_its_batch_alone(world: World) -> None:
    """The end is found out within the group; what was written for it goes with the group, and nothing else."""
    anna = world.join("anna", "publisher")
    world.advance(1)
    model = world.artifact()
    said = world.say(name.statement(model, "anna/model", None, 1), anna)
    ending = root.statement(_ending(world, anna))
    refused = [("root", ending), ("publisher", license.statement(ARTIFACT, "mit", 1))]
    writer = world.home.writer()
    groups = (
        [("publisher", name.statement(model, "kennel/before", None, 1))],
        refused,
        [("publisher", name.statement(model, "kennel/after", None, 1))],
    )
    later = sign(name.statement(model, "anna/after", None, 1).encode(), [anna]).encode()
    answers = together(writer, *([_signed(world, *one) for one in group] for group in groups), [later])

    assert [isinstance(one, Refused) for one in answers] == [False, True, False, False]
    assert "is not registered here" in str(answers[1])
    assert ended(world) == {}
    assert world.resolve("kennel/before") == world.resolve("kennel/after") == model
    world.publish("root", ending)
    assert list(ended(world)) == [said.index, answers[3][0].index]
    world.check()


def _ending(world: World, key: PrivateKey) -> TrustedRoot:
    """The next version, in which a key ends a second ago."""
    document = world.home.root()
    past = {"valid_for": Period(start=BEGINNING, end=world.time - 1)}
    keys = [one.model_copy(update=past) if one.public == key.public else one for one in document.keys]
    return document.model_copy(update={"version": document.version + 1, "keys": tuple(keys)})


def _signed(world: World, role: Role, statement: Statement) -> bytes:
    return sign(statement.encode(), [world.home.keys(role)]).encode()


@pytest.mark.sqlite
def test_a_key_that_signed_more_than_a_statement_takes_as_values_is_ended(world: World) -> None:
    anna = world.join("anna", "publisher", "security")
    model = world.artifact()
    world.advance(1)
    thefts = [world.say(made(world.artifact(), model), *_both(world, anna)).index for _ in range(3)]
    thefts += [
        world.say(name.statement(model, f"anna/{number}", None, 1), anna).index for number in range(60)
    ]
    world.home.store.close()
    event.listen(world.home.store._engine, "connect", lambda connection, _: connection.setlimit(_VALUES, 40))
    world.end(anna, world.time - 1)
    assert sorted(ended(world)) == thefts[3:]
    world.check()


def _both(world: World, key: PrivateKey) -> tuple[PrivateKey, PrivateKey]:
    return world.home.keys("publisher"), key


def test_what_a_stolen_key_said_takes_no_room_once_it_fell(world: World) -> None:
    """Or a long chain above a victim, though void, would keep everybody from naming its parents or children."""
    world.settings = world.settings.model_copy(update={"depth": 6})
    world.reopen()
    thief, owner = world.join("eve", "publisher"), world.join("ann", "publisher")
    world.say(signature.statement("victim", FILES), owner, thief)
    child = world.artifact(ARTIFACT)
    world.advance(1)
    above = world.artifact()
    for _ in range(3):
        above = world.artifact(above)
    world.say(made(ARTIFACT, above), thief)
    with pytest.raises(Refused, match="generations deep; at most 6 are admitted"):
        world.artifact(world.artifact(child))

    world.end(thief, world.time - 1)

    assert world.ancestors(child) == {ARTIFACT}
    below = world.artifact(child)
    for _ in range(3):
        below = world.artifact(below)
    world.check()


def test_an_entry_that_nobody_can_read_keeps_no_key_from_being_ended(world: World) -> None:
    anna = world.join("anna", "publisher")
    world.advance(1)
    said = world.say(name.statement(world.artifact(), "anna/model", None, 1), anna)
    with world.home.store.writing() as connection:
        connection.execute(text('DELETE FROM payload WHERE "index" = :index'), {"index": said.index})
    world.end(anna, world.time - 1)
    assert list(ended(world)) == [said.index]
    findings = world.fsck().findings
    assert any(f"entry {said.index}: its payload is gone" in one for one in findings)


PEOPLE = ("anna", "ben")
_STUBS = [f"hf:acme/m{number}" for number in range(5)]
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["edge", "model", "name", "report", "same", "embargo", "dispute", "wait", "end"]),
        st.lists(st.integers(0, 1), min_size=1, max_size=2, unique=True),
        st.integers(0, 4),
        st.integers(0, 4),
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=ACTS)
def test_the_law_of_ended_keys(acts) -> None:
    """A leaf counts if, and only if, a key that signed it was good then; all else follows from the leaves that count."""
    with TemporaryDirectory() as folder:
        _follow(World(Path(folder)), acts)


def _speak_of_incidents(
    world: World,
    what: str,
    model: tuple[str, str],
    number: int,
    signers: list[PrivateKey],
    reported: list[tuple[str, str]],
) -> None:
    if what == "report":
        said = incident.statement(
            model,
            "compromised",
            "low",
            "reported",
            "x",
            contact="x",
            issued=number,
            keys=[signers[number % len(signers)].public.id] if number > 1 else (),
            names=["law/*"] if number % 2 else (),
        )
        reported.append((world.say(said, *signers).entry, model[0]))
    elif what == "embargo":
        world.say(embargo.statement(f"{number:064x}", "x"), *signers)
    elif what == "dispute" and reported:
        disputed, artifact = reported[number % len(reported)]
        with suppress(Refused):  # it fell, or another owner is left
            world.say(dispute.statement(disputed, artifact, "x", None, number), *signers)


def _follow(world: World, acts) -> None:  # noqa: C901 - one case an act
    keys = [world.join(person, "publisher", "security", namespaces=("*", "hf:acme")) for person in PEOPLE]
    models = []
    for number in range(5):
        files = {"model.safetensors": f"{number:064x}"}
        world.say(signature.statement(f"m{number}", files), *keys)
        models.append(artifact_id(files))
    good = {key.public.id: None for key in keys}
    reported: list[tuple[str, str]] = []
    for what, who, one, other in acts:
        signers = [keys[i] for i in who if good[keys[i].public.id] is None]
        if what == "wait":
            world.advance(one + 1)
        elif what == "end" and one:
            key = keys[who[0]]
            end = max(BEGINNING, world.time - one - other)
            was = good[key.public.id]
            if was is None or end < was:
                world.end(key, end)
                good[key.public.id] = end
        elif signers and what == "edge" and one < other:
            world.say(made(models[other], models[one]), *signers)
        elif signers and what == "model":
            world.say(signature.statement(f"more {one} {other}", {"a": f"{one}{other}" * 32}), *signers)
        elif signers and what == "name":
            world.say(name.statement(models[one], "law/model", None, other), *signers)
        elif signers and what == "same":
            world.say(same_as.statement(models[one], _STUBS[other], "owner"), *signers)
        elif signers:
            _speak_of_incidents(world, what, (models[one], _STUBS[one]), other, signers, reported)
    with world.home.store.reading() as connection:
        leaves = {one.index: Leaf.parse(one.leaf) for one in log.scan(connection)}
        void = set(tenure.ended(connection))
    theirs = {i for i, leaf in leaves.items() if set(leaf.keys) <= good.keys()}
    due = {
        i
        for i in theirs
        if all(good[key] is not None and leaves[i].time > good[key] for key in leaves[i].keys)
    }
    assert void == due
    world.check()
