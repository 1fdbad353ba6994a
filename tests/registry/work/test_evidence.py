"""What a file of bundles proves: nothing more when lines are left out, and nothing at all when bytes are changed."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from evidence import apart, broken, bundle, measured, read, reviewed, states
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from lineage.authority import TrustedRoot
from lineage.predicates import derivation, incident_change, license, rebuild, root, signature  # noqa: A004
from merger.recipe import Recipe
from registry.store import log
from registry.store.bundles import bundles
from registry.work import evidence
from registry.work.evidence import Evidence
from registry.work.lines import Held, Void
from signing import checkpoint, merkle
from signing.bundle import Bundle
from signing.checkpoint import Checkpoint
from signing.digest import artifact_id
from signing.dsse import Envelope, sign
from signing.errors import Malformed, Untrusted
from signing.keys import PrivateKey
from signing.log import Leaf
from signing.statement import Statement

SLOW = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def provenance(artifact: str, parent: str, manifest: str = "0") -> Statement:
    from lineage.predicates import provenance as predicate

    recipe = Recipe.of(
        {
            "arithmetic": "1",
            "method": "linear",
            "parents": [{"model": parent, "parameters": {"weight": "1"}}],
            "parameters": {"normalize": True},
        }
    )
    return predicate.statement(artifact, recipe, manifest * 64, "2" * 64, "0.1.0", {}, by_rows=False)


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
        "reached": {(one.incident.id, artifact) for one in found.incidents for artifact in one.artifacts},
    }


def test_a_whole_file_is_proven_line_by_line_under_one_checkpoint() -> None:
    built, pinned, lines = whole()

    found = evidence.read(lines, pinned)

    assert states(found) == {"held": len(lines), "void": 0, "broken": 0}
    assert apart(found) == []
    assert {line.proof.proven.size for line in found.held} == {found.size}
    indexes = [Bundle.parse(line).index for line in lines]
    roots = [index for index, line in zip(indexes, lines, strict=True) if _type(line) == root.URI]
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


def test_t13_a_verdict_on_another_artifact_s_provenance_is_refused_where_both_are_shown(world: World) -> None:
    """An honest log admits none; whoever holds the log's key could still write one down, and the file tells."""
    one, other, parent = world.artifact(), world.artifact(), world.artifact()
    entry = world.publish("builder", provenance(other, parent))[0].entry
    replayed = rebuild.statement(one, entry, "kennel", world.time, [])
    forged = _forged(world, replayed)

    found = read(world, [*bundle(world, other), forged])

    assert broken(found) == [f"it is a verdict on {one} by entry {entry}, the provenance of {other}"]
    assert found.rebuilds == ()
    alone = read(world, [*bundle(world, one), forged])
    assert apart(alone) == [f"what was executed again: the provenance, entry {entry}"]
    assert alone.rebuilds == ()


def test_t13_a_file_about_something_else_is_not_accepted_as_what_was_asked_for(world: World) -> None:
    one, other = world.artifact(), world.artifact()
    child = world.artifact(one)

    with pytest.raises(Untrusted, match=f"is proven, and about {other}, not about {child}"):
        evidence.check_about(read(world, [*bundle(world, child), *bundle(world, other)]), child)
    with pytest.raises(Untrusted, match=f"about {one}, not about {other}"):
        evidence.check_about(read(world, bundle(world, one)), other)
    with pytest.raises(Untrusted, match=f"nothing that this file proves is about {one}"):
        evidence.check_about(read(world, bundle(world, one)[:1]), one)
    evidence.check_about(read(world, bundle(world, child)), child)


def test_parents_and_terms_are_for_whoever_the_file_shows_to_have_registered_it(world: World) -> None:
    anna, eve = world.join("anna", "publisher"), world.join("eve", "publisher")
    files, parent = {"a.bin": "ab" * 32}, world.artifact()
    artifact = artifact_id(files)
    world.say(signature.statement("a", files), anna)
    world.say(signature.statement("b", files), eve)
    mine = world.say(derivation.statement(artifact, [derivation.Parent(parent, "finetune")]), anna)
    forged = _forged(world, derivation.statement(artifact, [derivation.Parent("hf:eve/base", "merge")]), eve)
    lines = bundle(world, artifact, ancestors=False)

    found = read(world, [*lines, forged])

    assert [edge.entry for edge in found.edges] == [mine.entry]
    assert broken(found) == [
        f"{derivation.URI} about {artifact} is for anna, who registered it; it is signed by eve"
    ]
    unnamed = [line for line in lines if _type(line) != signature.URI]
    alone = read(world, [*unnamed, forged])
    assert alone.edges == ()
    assert apart(alone) == [f"who may say this: the file does not prove who registered {artifact}"] * 2


def test_an_incident_s_change_without_its_report_says_so(world: World) -> None:
    artifact = world.artifact()
    incident = world.report(artifact, "withdrawn", stage="reported")
    world.publish("security", incident_change.statement(incident, "confirmed", "it is"))
    lines = bundle(world, artifact)

    (told,) = read(world, lines[::-1]).incidents
    assert (told.incident.stage, told.artifacts) == ("confirmed", (artifact,)), "in whatever order lines come"
    without = read(world, [line for line in lines if incident not in _pae(line)])
    assert without.incidents == ()
    assert apart(without) == [f"what was reported: incident {incident}"]


def test_t8_a_newer_trusted_root_in_the_file_judges_it_if_the_pinned_one_leads_there(world: World) -> None:
    pinned = world.home.root()
    anna = world.join("anna", "publisher")
    artifact = world.artifact()
    world.advance(1)
    said = world.say(reviewed(artifact), anna)
    older = bundle(world, artifact)
    world.end(anna, world.time - 1)
    newer = bundle(world, artifact)

    found = read(world, older, pinned)
    assert (found.judge.version, states(found)) == (2, {"held": len(older), "void": 0, "broken": 0})

    mixed = read(world, [*older, newer[2]], pinned)
    assert mixed.judge.version == 3
    (void,) = [line for line in mixed.lines if isinstance(line, Void)]
    assert void.proof.proven.entry == said.entry

    skipped = read(world, [*older[:1], *newer[2:]], pinned)
    assert skipped.judge == pinned, "version 3 does not follow on version 1"
    assert any("leads to no version 1" in why for why in broken(skipped))


def test_t16_a_trusted_root_that_the_pinned_one_does_not_descend_from_is_refused(world: World) -> None:
    pinned = world.home.root()
    keys = [key.model_copy(update={"contact": "eve"}) for key in pinned.keys]
    same = pinned.model_copy(update={"keys": tuple(keys)})
    stranger = PrivateKey.generate("ecdsa-p256").public
    added = [*pinned.keys, pinned.keys[0].model_copy(update={"public": stranger, "operator": "eve"})]
    forged = [_forged(world, root.statement(same), world.home.keys("root"))]
    world.join("anna", "publisher")
    past = pinned.model_copy(update={"keys": tuple(added)})
    forged.append(_forged(world, root.statement(past), world.home.keys("root")))

    found = read(world, [*bundle(world, world.artifact()), *forged])

    assert found.judge.version == 2
    assert len(broken(found)) == 1
    assert f"leaves out the key {stranger.id}" in broken(found)[0]
    told = read(world, [*bundle(world, world.artifact())[:1], forged[0]], pinned)
    assert "leads to no version 1" in broken(told)[0]


def test_t14_two_trees_of_one_size_are_a_fork_and_the_whole_file_is_refused(world: World) -> None:
    artifact = world.artifact()
    lines = bundle(world, artifact)
    size = Bundle.parse(lines[0]).checkpoint.split(b"\n")[1]
    forged = _forged(world, reviewed(artifact), size=int(size))

    with pytest.raises(Untrusted, match=f"signed two trees of {int(size)} entries: it is forked"):
        read(world, [*lines, forged])


def test_t10_a_signature_that_the_leaf_names_and_the_envelope_lacks_is_missed(world: World) -> None:
    artifact = world.artifact()
    anna, ben = world.join("anna", "publisher"), world.join("ben", "publisher")
    world.say(reviewed(artifact), anna, ben)
    *others, line = bundle(world, artifact)
    whole_line = Bundle.parse(line)
    envelope = Envelope.parse(whole_line.envelope)
    stripped = Envelope(envelope.payload_type, envelope.payload, envelope.signatures[:1]).encode()
    less = Bundle(stripped, whole_line.leaf, whole_line.index, whole_line.proof, whole_line.checkpoint)

    found = read(world, [*others, less.encode()])

    assert broken(found) == [
        f"the leaf names the key {ben.public.id}, whose signature over {envelope.entry} is gone"
    ]


def test_every_bundle_of_a_file_leads_to_the_newest_checkpoint(world: World) -> None:
    for _ in range(3):
        world.artifact()
    with world.home.store.reading() as connection:
        found = list(bundles(connection, range(world.size())))
        assert {one.checkpoint for one in found} == {log.newest(connection)}
    assert [one.index for one in found] == list(range(world.size()))
    assert all(isinstance(line, Held) for line in read(world, [one.encode() for one in found]).lines)


def test_what_nobody_says_anything_of_has_no_bundle(world: World) -> None:
    world.artifact("hf:some/stub")
    with pytest.raises(Exception, match="nothing is said of hf:some/stub in this log"):
        bundle(world, "hf:some/stub")


def _forged(world: World, statement: Statement, key: PrivateKey | None = None, size: int = 2) -> bytes:
    """A bundle by whoever holds the log's key too: it is the last entry of another tree, of `size` entries."""
    envelope = sign(statement.encode(), [key or world.home.keys("publisher")])
    signers = tuple(sorted(one.keyid for one in envelope.signatures))
    leaf = Leaf(envelope.entry, signers, world.time)
    hashes = {i: merkle.leaf_hash(b"%d" % i) for i in range(size - 1)} | {
        size - 1: merkle.leaf_hash(leaf.encode())
    }
    nodes = {(0, i): one for i, one in hashes.items()}
    for i in range(size):
        for level, at in merkle.completed(i):
            nodes[level, at] = merkle.node_hash(nodes[level - 1, 2 * at], nodes[level - 1, 2 * at + 1])
    tree = merkle.root(size, [nodes[one] for one in merkle.root_nodes(size)])
    proof = merkle.inclusion_proof(
        size - 1, size, [nodes[one] for one in merkle.inclusion_nodes(size - 1, size)]
    )
    note = checkpoint.sign(Checkpoint(world.home.root().origin, size, tree), world.home.keys("log"))
    return Bundle(envelope.encode(), leaf, size - 1, tuple(proof), note).encode()


def _type(line: bytes) -> str:
    return Statement.parse(Envelope.parse(Bundle.parse(line).envelope).payload).predicate_type


def _pae(line: bytes) -> str:
    return Bundle.parse(line).leaf.pae
