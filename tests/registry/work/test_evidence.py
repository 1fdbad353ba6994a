"""What a file of bundles proves: nothing more when lines are left out, and nothing at all when bytes are changed."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from evidence import apart, broken, bundle, measured, provenance, read, reviewed, states, type_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from world import World

from lineage.authority import TrustedRoot
from lineage.predicates import license, rebuild, root  # noqa: A004
from lineage.predicates import redaction as redaction_predicate
from registry.store import log, redaction
from registry.store.bundles import bundles
from registry.work import evidence
from registry.work.evidence import Evidence
from registry.work.lines import Held
from signing.bundle import Bundle
from signing.errors import Malformed

SLOW = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def lab(world: World) -> str:
    """A merge by statements alone, with verdicts on it, an evaluation, foreign words and an incident that was taken back."""
    base, other = world.artifact(), world.artifact()
    tuned = world.artifact(base)
    built = world.artifact()
    entry = world.publish("builder", provenance(built, tuned))[0].entry
    for operator, differs in (("lab", []), ("kiln", ["norm"])):
        key = world.join(operator, "rebuilder")
        world.say(rebuild.statement(built, entry, operator, world.time, differs), key)
    world.publish("publisher", measured(built), reviewed(base), license.statement(tuned, "mit", 1))
    world.retract(world.report(tuned, "compromised"))
    world.report(base, "data-poisoned", other)
    removed = world.license(base, "mit")
    with world.home.store.reading() as connection:
        left = redaction.left(connection, removed.index)
    world.publish("root", redaction_predicate.statement(removed.entry, "court 17", left))
    return built


@cache
def everything() -> dict[str, set[object]]:
    _, pinned, lines = whole()
    return claims(evidence.read(lines, pinned))


@cache
def whole() -> tuple[str, TrustedRoot, tuple[bytes, ...]]:
    """One such file, made once: laws about it draw many examples."""
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        built = lab(world)
        world.check()
        return built, world.home.root(), bundle(world, built)


def claims(found: Evidence) -> dict[str, set[object]]:
    """Everything that the evidence says follows, as sets that can be compared."""
    return {
        "proven": {
            (line.proof.proven.entry, line.proof.artifacts, line.proof.operators) for line in found.held
        },
        "edges": set(found.edges),
        "rebuilds": set(found.rebuilds),
        "incidents": {one.incident.id for one in found.incidents},
        "gone": {(one.entry, one.by, one.order, one.operators) for one in found.gone},
        "reached": {(one.incident.id, artifact) for one in found.incidents for artifact in one.artifacts},
    }


def test_a_whole_file_is_proven_line_by_line_under_one_checkpoint() -> None:
    built, pinned, lines = whole()

    found = evidence.read(lines, pinned)

    assert states(found) == {"held": len(lines), "void": 0, "broken": 0}
    assert apart(found) == []
    assert {line.proof.proven.size for line in found.held} == {found.size}
    indexes = [Bundle.parse(line).index for line in lines]
    roots = [index for index, line in zip(indexes, lines, strict=True) if type_of(line) == root.URI]
    assert len(roots) == 3
    assert indexes == roots + sorted(set(indexes) - set(roots))
    assert {one.passed for one in found.rebuilds} == {True, False}
    evidence.check_about(found, built)


@settings(max_examples=50, **SLOW)
@given(data=st.data())
def test_lines_left_out_or_shuffled_never_turn_into_a_claim_that_the_whole_file_does_not_make(data) -> None:
    _, pinned, lines = whole()
    kept = data.draw(st.lists(st.sampled_from(lines), min_size=1, unique=True))

    found = evidence.read(kept, pinned)

    assert all(said <= everything()[what] for what, said in claims(found).items())
    assert states(found) == {"held": len(kept), "void": 0, "broken": 0}
    assert {one.proof.proven.size for one in found.held} == {found.size}
    registered = {
        one
        for line in found.held
        for fact in line.facts
        if fact.kind == "registered"
        for one in [fact.artifact]
    }
    ends = {end for edge in found.edges for end in (edge.child, edge.parent)}
    assert set(found.unregistered) == ends - registered


@settings(max_examples=100, **SLOW)
@given(data=st.data())
def test_a_changed_byte_breaks_its_line_or_changes_nothing_that_is_said(data) -> None:
    """DSSE leaves two things unsigned: the hint which key to try, and in which of two alphabets base64 is spelled."""
    _, pinned, lines = whole()
    number = data.draw(st.integers(0, len(lines) - 1))
    line = lines[number]
    at = data.draw(st.integers(0, len(line) - 1))
    new = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[at] and byte != 10))
    changed = [*lines[:number], line[:at] + bytes([new]) + line[at + 1 :], *lines[number + 1 :]]

    found = evidence.read(changed, pinned)

    unsigned = _hints(line) | {i for i, byte in enumerate(line) if byte in b"+-/_"}
    if states(found)["broken"] == 0:
        assert at in unsigned
        assert claims(found) == everything()
    else:
        assert broken(found)
        assert all(said <= everything()[what] for what, said in claims(found).items())


def _hints(line: bytes) -> set[int]:
    """The places of a line at which key hints stand."""
    found, marker = set[int](), b'keyid\\":\\"'
    start = line.find(marker)
    while start >= 0:
        found |= set(range(start + len(marker), start + len(marker) + 64))
        start = line.find(marker, start + 1)
    return found


@pytest.mark.parametrize("inserted", [b" ", b"\t"])
def test_whitespace_that_json_would_skip_is_no_bundle(inserted: bytes) -> None:
    _, pinned, lines = whole()

    found = evidence.read([lines[0], inserted + lines[1], lines[2] + inserted], pinned)

    assert broken(found) == ["the bundle is not in canonical JSON"] * 2


def test_what_holds_no_bundle_at_all_is_refused_with_the_reason() -> None:
    _, pinned, lines = whole()
    with pytest.raises(Malformed, match="the text is not JSON"):
        evidence.read([b"# a recipe", b"models: []"], pinned)
    assert states(evidence.read([b"# a recipe", lines[0]], pinned)) == {"held": 1, "void": 0, "broken": 1}


def test_every_bundle_of_a_file_leads_to_the_newest_checkpoint(world: World) -> None:
    for _ in range(3):
        world.artifact()
    with world.home.store.reading() as connection:
        found = list(bundles(connection, range(world.size())))
        assert {one.checkpoint for one in found} == {log.newest(connection)}
    assert [one.index for one in found] == list(range(world.size()))
    assert all(isinstance(line, Held) for line in read(world, [one.encode() for one in found]).lines)


def test_a_file_whose_lines_lead_to_several_checkpoints_speaks_as_of_the_first(world: World) -> None:
    for _ in range(2):
        world.artifact()
    with world.home.store.reading() as connection:
        mixed = [log.bundle(connection, index).encode() for index in (2, 1)]

    found = read(world, mixed)

    assert [line.proof.proven.size for line in found.held] == [3, 2]
    assert found.size == 2


def test_an_entry_whose_payload_was_removed_is_left_out_and_leaves_its_artifact_unknown(world: World) -> None:
    base = world.artifact()
    child = world.artifact(base)
    lines = bundle(world, child)
    (registered,) = [one for one in read(world, lines).held if one.proof.artifacts == (base,)]
    with world.home.store.writing() as connection:
        index = registered.proof.proven.index
        connection.execute(text('DELETE FROM payload WHERE "index" = :index'), {"index": index})

    found = read(world, bundle(world, child))

    assert len(found.held) == len(lines) - 1
    assert found.unregistered == (base,)


def test_what_nobody_says_anything_of_has_no_bundle(world: World) -> None:
    world.artifact("hf:some/stub")
    with pytest.raises(Exception, match="nothing is said of hf:some/stub in this log"):
        bundle(world, "hf:some/stub")
