"""What was removed from a log is removed from its copies, and a redaction that misstates what it removes is convicted."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from auditing import Files, Held, Signed, copied, look, served, twin
from growing import grow
from sqlalchemy import text
from world import World

from lineage import predicates
from lineage.facts import Licensed
from lineage.predicates import license as license_predicate
from lineage.predicates import name, redaction
from lineage.residue import Residue, residue
from registry.store import log
from registry.store import redaction as stored
from registry.work import misstated
from registry.work.memory import Notebook
from registry.work.misstated import Misstated
from signing import canonical, checkpoint, dsse, tiles
from signing.dsse import Envelope
from signing.errors import Malformed, Refused, Untrusted
from signing.statement import Statement
from signing.tiles import Tile

LATER = 1_800_000_000


@pytest.fixture
def forged(world: World) -> Signed:
    """An honest log of a model and its license, that its operator may go on writing as they like."""
    world.license(world.artifact(), "mit")
    return Signed.of(world)


def last(forged: Signed) -> tuple[str, Statement]:
    envelope = Envelope.parse(forged.sent[-1])
    return envelope.entry, Statement.parse(envelope.payload)


def remove(world: World, forged: Signed, left: Residue, *, serving: bool = False) -> str:
    """Log a redaction of the last entry that keeps `left`, which no honest registry would take unless it is right."""
    entry, _ = last(forged)
    if not serving:
        forged.sent[-1] = None
    forged.append(redaction.statement(entry, "court 17", left), [world.home.keys("root")], time=LATER)
    return entry


def false(forged: Signed) -> Residue:
    """The license that was removed, turned into another one."""
    entry, statement = last(forged)
    (fact,) = predicates.facts(statement, entry)
    assert isinstance(fact, Licensed)
    return Residue(statement.predicate_type, (Licensed(fact.artifact, "cc0-1.0"),))


def test_a_mirror_convicts_a_redaction_that_misstates_what_it_removes(
    world: World, forged: Signed, tmp_path: Path
) -> None:
    copy, root = tmp_path / "copy", world.home.root()
    copied(forged, root, copy)
    before = (copy / "checkpoint").read_bytes()
    entry = remove(world, forged, false(forged))

    for _ in range(2):
        with pytest.raises(
            Untrusted,
            match=rf"entry 3, a redaction, misstates entry {entry}, which it removes: its fact 0 is said to be .*cc0-1.0.*,"
            r" and is .*mit.*; .*redaction-3\.json proves it to anybody",
        ):
            copied(forged, root, copy)

    assert (copy / "entries" / entry).exists(), "what convicts it is kept"
    assert (copy / "checkpoint").read_bytes() == before
    raw = (copy / ".audit" / "redaction-3.json").read_bytes().strip()
    evidence = Misstated.parse(raw)
    assert evidence.encode() == raw
    proof, difference = misstated.check(evidence, root)
    assert (proof.proven.index, proof.operators) == (3, ("kennel",))
    assert "cc0-1.0" in difference


def test_whoever_still_serves_what_a_redaction_misstates_is_caught_without_a_copy(
    world: World, forged: Signed, tmp_path: Path
) -> None:
    remove(world, forged, false(forged), serving=True)
    with pytest.raises(Untrusted, match="entry 3, a redaction, misstates entry"):
        look(forged, world.home.root(), tmp_path / "state")
    assert (tmp_path / "state" / "redaction-3.json").exists()
    assert Notebook(tmp_path / "state").read().size == 0


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda left: Residue("https://studbook.dev/name/v1", left.facts), "it is said to be a https"),
        (lambda left: Residue(left.predicate_type, ()), "its fact 0 is said to be none, and is"),
        (
            lambda left: Residue(left.predicate_type, left.facts * 2),
            "its fact 1 is said to be .* and is none",
        ),
    ],
)
def test_whatever_is_added_or_left_out_is_said(
    world: World, forged: Signed, tmp_path: Path, harm, says: str
) -> None:
    entry, statement = last(forged)
    left = residue(statement.predicate_type, predicates.facts(statement, entry))
    remove(world, forged, harm(left), serving=True)
    with pytest.raises(Untrusted, match=says):
        look(forged, world.home.root(), tmp_path / "state")


def test_an_honest_redaction_is_followed_by_copies_of_whatever_was_said(world: World, tmp_path: Path) -> None:
    """Of a name, too, of which an older binding is named; what is removed is removed from the copy."""
    one, two = world.model(), world.artifact()
    merged = world.merge("linear", one, world.model())
    world.rebuild(merged)
    world.report(one, "withdrawn")
    world.publish("publisher", name.statement(one, "a/b", "v1", 1), name.statement(two, "a/b", "v1", 2))
    copy, root = tmp_path / "copy", world.home.root()
    copied(Held(world), root, copy)
    _, *removed = world.logged()  # the first is the trusted root
    kinds = set()
    for index, entry in reversed(list(enumerate(removed, 1))):
        with world.home.store.reading() as connection:
            left = stored.left(connection, index)
        kinds |= {fact.kind for fact in left.facts}
        world.publish("root", redaction.statement(entry, "court 17", left))
    assert kinds > {"registered", "built", "rebuilt", "reported", "unbound", "removed"}

    copied(Held(world), root, copy)

    assert not {path.name for path in (copy / "entries").iterdir()} & set(removed)
    assert len(look(Files(copy), root, tmp_path / "state")[1]) == world.size()
    world.check()


def test_a_copy_that_is_no_longer_what_was_logged_convicts_nobody(
    world: World, forged: Signed, tmp_path: Path
) -> None:
    entry, statement = last(forged)
    left = residue(statement.predicate_type, predicates.facts(statement, entry))
    copied(forged, world.home.root(), tmp_path / "copy")
    path = tmp_path / "copy" / "entries" / entry
    for raw in (b"", (tmp_path / "copy" / "entries" / Envelope.parse(forged.sent[0]).entry).read_bytes()):
        path.write_bytes(raw)
        assert misstated.difference(next(iter(_redacted(entry, left))), raw) is None
    remove(world, forged, left)
    copied(forged, world.home.root(), tmp_path / "copy")
    assert not path.exists()


@dataclass
class Behind:
    """A registry that took a redaction and shows what it had signed before, until it was asked so many times."""

    held: Held
    note: bytes
    times: int
    then: Held | None = None

    def checkpoint(self) -> bytes:
        self.times -= 1
        if self.times >= 0:
            return self.note
        self.held = self.then or self.held
        return self.held.checkpoint()

    def tile(self, tile: Tile) -> bytes:
        return self.held.tile(tile)

    def envelopes(self, entry: str, index: int | None) -> Iterator[bytes]:
        return self.held.envelopes(entry, index)


@pytest.mark.parametrize("size", [20, 254])
def test_a_redaction_that_is_not_covered_yet_is_told_from_damage(
    world: World, tmp_path: Path, size: int
) -> None:
    grow(world, size)
    (said,) = world.publish("publisher", license_predicate.statement(world.artifact(), "mit", 1))
    copy, root = tmp_path / "copy", world.home.root()
    copied(Held(world), root, copy)
    note = Held(world).checkpoint()
    with world.home.store.reading() as connection:
        left = stored.left(connection, said.index)
    world.publish("root", redaction.statement(said.entry, "court 17", left))

    with pytest.raises(
        Untrusted, match=f"no entry of the log has it removed, up to the {world.size() - 1} that it shows"
    ):
        look(Behind(Held(world), note, 2), root, tmp_path / "never")
    assert Notebook(tmp_path / "never").read().size <= said.index

    source = Behind(Held(world), note, 1)
    audit, found = look(source, root, tmp_path / "state")
    assert (audit.seen.size, audit.memory.size, source.times) == (world.size(), world.size(), -1)
    assert [one.index for one in found] == list(range(world.size()))
    assert [one.index for one in found if one.envelope is None] == [said.index]
    assert Notebook(tmp_path / "state").read() == audit.memory

    fresh = tmp_path / "fresh"
    copied(Behind(Held(world), note, 1), root, fresh)
    assert len(look(Files(fresh), root, tmp_path / "again")[1]) == world.size()
    grow(world, size + 60)
    copied(Held(world), root, fresh)
    assert {one.path for one in tiles.tree(size + 60)} <= served(fresh).keys()
    assert len(look(Files(fresh), root, tmp_path / "again")[1]) == size + 60 - audit.memory.size


def test_t14_who_is_asked_again_must_not_show_a_fork(world: World, tmp_path: Path) -> None:
    world.license(world.artifact(), "mit")
    other = twin(world, tmp_path / "other")
    world.model()
    for _ in range(2):
        other.model()
    note = Held(world).checkpoint()
    with world.home.store.writing() as connection:
        connection.execute(text('DELETE FROM payload WHERE "index" = 1'))
    source = Behind(Held(world), note, 1, then=Held(other))
    with pytest.raises(Untrusted, match="is forked"):
        look(source, world.home.root(), tmp_path / "state")
    assert len(list((tmp_path / "state").glob("fork-*.json"))) == 1


def _redacted(entry: str, left: Residue):
    return redaction.facts(redaction.statement(entry, "x", left), "")


def test_evidence_that_is_none_is_refused(world: World, forged: Signed, tmp_path: Path) -> None:
    copied(forged, world.home.root(), tmp_path / "copy")
    removed = forged.sent[-1]
    remove(world, forged, false(forged))
    with pytest.raises(Untrusted):
        copied(forged, world.home.root(), tmp_path / "copy")
    found = Misstated.parse((tmp_path / "copy" / ".audit" / "redaction-3.json").read_bytes().strip())
    with world.home.store.reading() as connection:
        honest = log.bundle(connection, 2)
    root = world.home.root()
    with pytest.raises(Untrusted, match="or this envelope is of another"):
        misstated.check(Misstated(found.redaction, forged.sent[0]), root)
    with pytest.raises(Malformed, match="entry 2 is no redaction"):
        misstated.check(Misstated(honest, removed), root)
    with pytest.raises(Refused):
        misstated.check(Misstated(found.redaction, removed), root.model_copy(update={"origin": "x"}))
    for broken in ({"v": 2}, {"more": 1}):
        with pytest.raises(Malformed, match="exactly v, redaction and envelope"):
            Misstated.parse(canonical.encode(dict(canonical.decode(found.encode())) | broken))
    head, version = found.encode()[:-1], b'"v":1'  # its keys are sorted, so the version is the last
    assert head.endswith(version)
    for odd in (b"true", b"1.0"):
        with pytest.raises(Malformed, match="exactly v, redaction and envelope"):
            Misstated.parse(head.removesuffix(b"1") + odd + b"}")
    with pytest.raises(Malformed, match=f"at most {misstated.MAX_BYTES} are read"):
        Misstated.parse(bytes(misstated.MAX_BYTES + 1))


@pytest.mark.usefixtures("forged")
def test_evidence_with_the_longest_envelope_fits_the_bound(world: World) -> None:
    with world.home.store.reading() as connection:
        whole = log.bundle(connection, 2)

    def length(envelope: bytes) -> int:
        return len(Misstated(replace(whole, envelope=envelope), envelope).encode())

    # Nothing in JSON becomes longer than a line's end or a quote when it is written as text in JSON.
    bare, more = length(whole.envelope), 1000
    assert length(whole.envelope + b"\n" * more) == bare + 4 * more
    assert 4 * dsse.MAX_BYTES + checkpoint.MAX_BYTES < misstated.MAX_BYTES
