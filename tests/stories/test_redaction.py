"""An order has an entry's payload removed: its words go, its leaf and proof stay, and what it was about becomes unknown."""

from pathlib import Path

import pytest
from world import World

from lineage.incidents import Kind
from lineage.predicates import incident, license, name, redaction, signature  # noqa: A004
from lineage.residue import REMOVED, Residue
from lineage.standing import Affected, Clean, Unknown
from registry.local import Local
from registry.store import Absent, artifacts, log, tenure
from registry.store import redaction as stored
from registry.store.log import Receipt
from signing import canonical, merkle
from signing.bundle import Bundle
from signing.checkpoint import Checkpoint, open_note
from signing.digest import artifact_id, parse_id
from signing.dsse import Envelope
from signing.errors import Forbidden, Malformed, Refused
from signing.statement import Statement, Subject

SECRET = "jane-doe-1990-01-01"
# Many, so that the statement takes pages of its own, which are free once it is gone.
FILES = {f"{SECRET}-{number}.json": "ab" * 32 for number in range(300)} | {"model.safetensors": "cd" * 32}
ARTIFACT = artifact_id(FILES)
ORDER = "erasure request 17, court of Example"


def redact(world: World, receipt: Receipt, role: str = "root") -> Receipt:
    with world.home.store.reading() as connection:
        left = stored.left(connection, receipt.index)
    (done,) = world.publish(role, redaction.statement(receipt.entry, ORDER, left))
    world.home.store.settle()
    return done


def on_disk(world: World, words: str) -> list[str]:
    """The files of the home that hold these words, wherever in them."""
    return [
        path.name
        for path in Path(world.home.path).rglob("*")
        if path.is_file() and words.encode() in path.read_bytes()
    ]


@pytest.mark.sqlite
def test_the_words_are_gone_from_disk_and_the_leaf_and_its_proof_stay(world: World) -> None:
    (said,) = world.publish("publisher", signature.statement(SECRET, FILES))
    below = world.artifact(ARTIFACT)
    assert on_disk(world, SECRET)
    assert world.standing(below) == Clean()

    redact(world, said)

    assert on_disk(world, SECRET) == []
    assert world.standing(ARTIFACT) == Unknown((ARTIFACT,))
    assert world.standing(below) == Unknown((ARTIFACT,))
    with world.home.store.reading() as connection:
        assert log.read(connection, said.index).envelope is None
        again = log.receipt(connection, said.index)
        with pytest.raises(
            Absent, match=f"the payload of entry {said.index} was removed; its leaf and proof remain"
        ):
            log.bundle(connection, said.index)
        assert artifacts.files(connection, ARTIFACT) == {}
    assert again == said
    note = Checkpoint.parse(
        open_note(again.checkpoint, world.home.root().origin, world.home.root().log().public)
    )
    assert (
        merkle.inclusion_root(merkle.leaf_hash(again.leaf), again.index, again.size, again.proof) == note.root
    )
    report = world.fsck()
    assert report.findings == ()
    assert report.remarks == (f"entry {said.index} is redacted by entry {world.size() - 1}: {ORDER}",)


def test_what_is_said_afterwards_still_fits(world: World) -> None:
    (said,) = world.publish("publisher", signature.statement(SECRET, FILES))
    redact(world, said)
    world.license(ARTIFACT, "mit")
    child = world.artifact(ARTIFACT)
    reported = world.report(ARTIFACT, "withdrawn")
    assert isinstance(world.standing(child), Affected)
    assert world.flagged(reported) == {ARTIFACT, child}
    world.check()


def test_an_incident_goes_on_reaching_what_it_reached(world: World) -> None:
    model = world.artifact()
    child = world.artifact(model)
    said = incident.statement([model], "privacy", "high", "confirmed", SECRET, contact=SECRET, issued=1)
    (reported,) = world.publish("security", said)
    redact(world, reported)
    (hit,) = world.standing(child).incidents
    assert (hit.incident.id, hit.incident.summary, hit.incident.contact) == (reported.entry, REMOVED, REMOVED)
    assert world.standing(child).missing == (model,)
    assert on_disk(world, SECRET) == []
    world.retract(reported.entry)
    assert world.standing(child) == Unknown((model,))
    world.check()


def test_a_name_is_forgotten_and_its_artifact_stays_what_it_was(world: World) -> None:
    model = world.artifact()
    (said,) = world.publish("publisher", name.statement(model, f"kennel/{SECRET}", None, 1))
    redact(world, said)
    with pytest.raises(Absent):
        world.resolve(f"kennel/{SECRET}")
    assert on_disk(world, SECRET) == []
    assert world.standing(model) == Clean()
    world.check()


def test_a_merge_and_its_rebuild_may_lose_their_words(world: World) -> None:
    parent, other = world.model(), world.model()
    merged = world.merge("linear", parent, other)
    world.rebuild(merged)
    with world.home.store.reading() as connection:
        (built,) = artifacts.builds(connection, merged)
        made = log.receipt(connection, built)
    redact(world, made)
    assert world.standing(merged) == Unknown((merged,))
    assert {edge.parent for edge in world.verdict(merged).parents} == {parent, other}
    with pytest.raises(
        Absent,
        match=f"every provenance of {merged} was removed from the log by an order, entry {made.index}:",
    ):
        world.rebuild(merged)
    world.check()


def test_a_key_that_is_ended_later_takes_back_what_was_redacted_too(world: World) -> None:
    anna = world.join("anna", "publisher")
    world.advance(1)
    said = world.say(signature.statement(SECRET, FILES), anna)
    below = world.artifact(ARTIFACT)
    redact(world, said)
    world.end(anna, world.time - 1)
    assert world.standing(below) == Unknown((ARTIFACT,))
    with world.home.store.reading() as connection, pytest.raises(Absent, match="is not registered here"):
        artifacts.registered(connection, ARTIFACT)
    world.check()


def test_what_was_removed_of_a_statement_that_fell_leaves_nothing_unknown(world: World) -> None:
    """Or whoever steals a key writes words that have to go, and their victim is never clean again."""
    guard = world.join("guard", "security")
    model = world.artifact()
    world.advance(1)
    said = incident.statement([model], "privacy", "low", "reported", SECRET, contact="x", issued=1)
    reported = world.say(said, guard)
    redact(world, reported)
    assert isinstance(world.standing(model), Affected)
    before = world.size()
    world.end(guard, world.time - 1)
    assert world.standing(model) == Clean()
    assert world.standing(model, before).missing == (model,)
    world.check()


def test_keys_are_judged_the_same_once_the_name_is_gone(world: World) -> None:
    """Two signed it, and only one of them could say it: when that key is ended, the other does not carry it."""
    anna = world.join("anna", "publisher", namespaces=["anna"])
    ben = world.join("ben", "publisher", namespaces=["ben"])
    model = world.artifact()
    world.advance(1)
    said = world.say(name.statement(model, f"anna/{SECRET}", None, 1), anna, ben)
    world.end(anna, world.time - 1)
    redact(world, said)
    with world.home.store.reading() as connection:
        assert list(tenure.ended(connection)) == [said.index]
    world.check()


def test_words_in_a_type_or_a_builder_s_id_go_too(world: World) -> None:
    model = world.model()
    foreign = Statement((Subject("", parse_id(model)),), f"https://example.org/{SECRET}", {"a": SECRET})
    (attested,) = world.publish("publisher", foreign)
    merged = world.merge("linear", model, world.model())
    with world.home.store.reading() as connection:
        (built,) = artifacts.builds(connection, merged)
        logged = log.read(connection, built)
    payload = canonical.decode(Envelope.parse(logged.envelope).payload)
    payload["predicate"]["runDetails"]["builder"]["id"] = f"https://example.org/{SECRET}"
    (other,) = world.publish("builder", Statement.parse(canonical.encode(payload)))
    redact(world, attested)
    redact(world, other)
    assert on_disk(world, SECRET) == []
    world.check()


def test_nothing_is_left_in_the_write_ahead_log_whoever_sends_the_order(world: World) -> None:
    (said,) = world.publish("publisher", signature.statement(SECRET, FILES))
    with world.home.store.reading() as connection:
        left = stored.left(connection, said.index)
    world.publish("root", redaction.statement(said.entry, ORDER, left))
    assert on_disk(world, SECRET) == []
    world.check()


@pytest.mark.sqlite
def test_while_somebody_reads_the_words_may_stay_and_it_is_said(world: World) -> None:
    (said,) = world.publish("publisher", signature.statement(SECRET, FILES))
    with world.home.store.reading() as connection:
        left = stored.left(connection, said.index)
        world.publish("root", redaction.statement(said.entry, ORDER, left))
        assert on_disk(world, SECRET)
        assert any(
            "-wal is in use, and may still hold what was redacted" in one for one in world.fsck().remarks
        )
    assert len(world.fsck().remarks) == 1
    assert on_disk(world, SECRET) == []
    world.check()


def test_an_artifact_is_proven_by_what_of_its_statements_is_left(world: World) -> None:
    (first,) = world.publish("publisher", signature.statement("one", FILES))
    (second,) = world.publish("publisher", signature.statement("two", FILES))
    answers = Local(world.home.store, lambda: world.time)
    redact(world, first)
    assert [Bundle.parse(raw).index for raw in answers.bundles(ARTIFACT)] == [second.index]
    redact(world, second)
    with pytest.raises(Absent, match=r"what registers .* was removed under an order"):
        answers.bundles(ARTIFACT)
    world.check()


def test_a_statement_that_fell_before_it_was_redacted_stays_fallen(world: World) -> None:
    anna, ben = world.join("anna", "publisher"), world.join("ben", "publisher")
    world.advance(1)
    said = world.say(name.statement(world.artifact(), f"anna/{SECRET}", None, 1), anna)
    second = world.say(name.statement(world.artifact(), "x/y", None, 1), anna)
    again = world.say(name.statement(world.resolve("x/y"), "x/y", None, 1), ben)
    world.end(anna, world.time - 1)
    redact(world, said)
    redact(world, second)
    with world.home.store.reading() as connection:
        assert log.read(connection, again.index).envelope is None, (
            "every leaf of the statement loses its payload"
        )
    world.check()


@pytest.mark.parametrize("role", ["publisher", "security"])
def test_only_the_holders_of_the_root_redact(world: World, role: str) -> None:
    (said,) = world.publish("publisher", signature.statement("m", FILES))
    with pytest.raises(Forbidden, match="not root"):
        redact(world, said, role)
    world.check()


def test_what_a_redaction_keeps_is_what_the_entry_leaves(world: World) -> None:
    """Or whoever redacts could rewrite history: the payload could never be held against it again."""
    (said,) = world.publish("publisher", signature.statement("m", FILES))
    parent, child = world.artifact(), world.artifact()
    world.derive(child, parent)
    for left in (
        Residue("https://example.org/other", ()),
        Residue(signature.URI, ()),
    ):
        with pytest.raises(Malformed, match=r"the redaction of entry .* keeps .* and the entry leaves"):
            world.publish("root", redaction.statement(said.entry, ORDER, left))
    with pytest.raises(Absent, match=r"no entry f+ is in this log"):
        world.publish("root", redaction.statement("f" * 64, ORDER, Residue(signature.URI, ())))
    world.check()


def test_what_was_removed_does_not_come_back_under_another_key(world: World) -> None:
    said = signature.statement("m", FILES)
    (first,) = world.publish("publisher", said)
    redact(world, first)
    other = world.join("anna", "publisher")
    with pytest.raises(Refused, match=f"was removed under an order, and is not taken again: {ORDER}"):
        world.say(said, other)
    assert world.publish("publisher", said) == [first]
    assert on_disk(world, SECRET) == []
    world.check()


def test_roots_and_redactions_are_never_removed(world: World) -> None:
    (said,) = world.publish("publisher", signature.statement("m", FILES))
    done = redact(world, said)
    for index in (0, done.index):
        with world.home.store.reading() as connection, pytest.raises(Refused, match="is never removed"):
            stored.left(connection, index)
    with world.home.store.reading() as connection, pytest.raises(Absent, match="is gone already"):
        stored.left(connection, said.index)


def test_a_payload_that_nobody_ordered_removed_is_found(world: World) -> None:
    from sqlalchemy import text

    (said,) = world.publish("publisher", signature.statement("m", FILES))
    (other,) = world.publish("publisher", license.statement(ARTIFACT, "mit", 1))
    redact(world, said)
    with world.home.store.writing() as connection:
        connection.execute(text('DELETE FROM payload WHERE "index" = :i'), {"i": other.index})
    assert (
        f"entry {other.index}: its payload is gone, and no redaction in this log names it"
        in world.fsck().findings
    )
    with world.home.store.writing() as connection:
        row = {"e": 0, "i": other.entry, "k": Residue(license.URI, ()).encode().decode()}
        connection.execute(text("INSERT INTO redaction VALUES (:e, :i, 'x', :k)"), row)
    assert (
        f"table redaction names the entry {other.entry}, and no entry of the log has it removed"
        in world.fsck().findings
    )


def test_every_kind_of_incident_may_be_redacted(world: World) -> None:
    kind: Kind = "license"
    model = world.artifact()
    said = incident.statement([model], kind, "low", "reported", SECRET, contact="x", issued=1)
    redact(world, world.publish("security", said)[0])
    world.advance(5)
    world.check()
