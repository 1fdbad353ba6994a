"""A file of bundles in the hands of whoever wants it to prove something else: replayed, forged, stripped, forked, out of date."""

import pytest
from evidence import apart, broken, bundle, forged, provenance, read, reviewed, states, type_of
from world import OPERATOR, World

from lineage.predicates import derivation, incident_change, rebuild, root, signature
from registry.work import evidence
from registry.work.lines import Void
from signing.bundle import Bundle
from signing.digest import artifact_id
from signing.dsse import Envelope
from signing.errors import Untrusted
from signing.keys import PrivateKey


def test_t13_a_verdict_on_another_artifact_s_provenance_is_refused_where_both_are_shown(world: World) -> None:
    """An honest log admits none; whoever holds the log's key could still write one down, and the file tells."""
    one, other, parent = world.artifact(), world.artifact(), world.artifact()
    entry = world.publish("builder", provenance(other, parent))[0].entry
    replayed = rebuild.statement(one, entry, "kennel", world.time, [])
    lie = forged(world, replayed)

    found = read(world, [*bundle(world, other), lie])

    assert broken(found) == [f"it is a verdict on {one} by entry {entry}, the provenance of {other}"]
    assert found.rebuilds == ()
    alone = read(world, [*bundle(world, one), lie])
    assert apart(alone) == [f"what was executed again: the provenance, entry {entry}"]
    assert alone.rebuilds == ()


def test_t13_a_quorum_on_verdicts_that_say_something_else_is_refused_where_they_are_shown(
    world: World,
) -> None:
    one, other, parent = world.artifact(), world.artifact(), world.artifact()
    key, said = world.join("lab", "rebuilder"), []
    for artifact, differs in ((one, ["norm"]), (other, [])):
        built = world.publish("builder", provenance(artifact, parent))[0].entry
        said.append(world.say(rebuild.statement(artifact, built, "lab", world.time, differs), key).entry)
    lines = bundle(world, one, ancestors=False) + bundle(world, other, ancestors=False)
    registry = world.home.keys("rebuilder")
    for entry, words in ((said[0], f"FAILED on {one}"), (said[1], f"PASSED on {other}")):
        stated = forged(world, rebuild.agreement(one, [entry, "0" * 64], OPERATOR, world.time), registry)
        found = read(world, [*lines, stated])
        assert broken(found) == [f"it is a quorum on {one} that rests on entry {entry}, {words}"]


def test_t10_a_quorum_of_votes_that_are_not_independent_is_refused_where_they_are_shown(world: World) -> None:
    """The writer admits none; whoever holds the log's key could still write one down, and the file tells."""
    built, parent = world.artifact(), world.artifact()
    keys = {who: world.join(who, "rebuilder") for who in ("ann", "bob", "mill")}
    keys[OPERATOR] = world.home.keys("rebuilder")
    builder = world.join("mill", "builder")
    made = [world.say(provenance(built, parent, digit), builder).entry for digit in "01"]

    def verdict(who: str, entry: str) -> str:
        world.advance(1)
        return world.say(rebuild.statement(built, entry, who, world.time, []), keys[who]).entry

    ann, again, own = verdict("ann", made[0]), verdict("ann", made[0]), verdict(OPERATOR, made[0])
    bob, mill = verdict("bob", made[1]), verdict("mill", made[0])
    lines = bundle(world, built, ancestors=False)
    for rest, why in (
        ((ann, again), f"entry {ann}, by ann, who is counted twice"),
        ((ann, own), f"entry {own}, by {OPERATOR}, who keeps the log or built it"),
        ((ann, mill), f"entry {mill}, by mill, who keeps the log or built it"),
        ((ann, bob), f"entry {ann}, on another provenance than the other, entry {made[0]}"),
    ):
        stated = forged(world, rebuild.agreement(built, rest, OPERATOR, world.time), keys[OPERATOR])
        found = read(world, [*lines, stated])
        assert broken(found) == [f"it is a quorum on {built} that rests on {why}"]


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
    lie = forged(world, derivation.statement(artifact, [derivation.Parent("hf:eve/base", "merge")]), eve)
    lines = bundle(world, artifact, ancestors=False)

    found = read(world, [*lines, lie])

    assert [edge.entry for edge in found.edges] == [mine.entry]
    assert broken(found) == [
        f"{derivation.URI} about {artifact} is for anna, who registered it; it is signed by eve"
    ]
    unnamed = [line for line in lines if type_of(line) != signature.URI]
    alone = read(world, [*unnamed, lie])
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


def test_t8_of_two_leaves_of_one_statement_the_one_that_counts_is_handed_out(world: World) -> None:
    anna, ben = world.join("anna", "publisher"), world.join("ben", "publisher")
    artifact = world.artifact()
    world.advance(1)
    first, second = (world.say(reviewed(artifact), key).index for key in (anna, ben))
    assert _indexes(bundle(world, artifact)) >= {first, second}, "the second leaf says who else signed"

    world.end(anna, world.time - 1)

    assert _indexes(bundle(world, artifact)) & {first, second} == {second}
    world.check()


def test_t16_a_trusted_root_that_the_pinned_one_does_not_descend_from_is_refused(world: World) -> None:
    pinned = world.home.root()
    keys = [key.model_copy(update={"contact": "eve"}) for key in pinned.keys]
    same = pinned.model_copy(update={"keys": tuple(keys)})
    stranger = PrivateKey.generate("ecdsa-p256").public
    added = [*pinned.keys, pinned.keys[0].model_copy(update={"public": stranger, "operator": "eve"})]
    forgeries = [forged(world, root.statement(same), world.home.keys("root"))]
    world.join("anna", "publisher")
    past = pinned.model_copy(update={"keys": tuple(added)})
    forgeries.append(forged(world, root.statement(past), world.home.keys("root")))

    found = read(world, [*bundle(world, world.artifact()), *forgeries])

    assert found.judge.version == 2
    assert len(broken(found)) == 1
    assert f"leaves out the key {stranger.id}" in broken(found)[0]
    told = read(world, [*bundle(world, world.artifact())[:1], forgeries[0]], pinned)
    assert "leads to no version 1" in broken(told)[0]


def test_t14_two_trees_of_one_size_are_a_fork_and_the_whole_file_is_refused(world: World) -> None:
    artifact = world.artifact()
    lines = bundle(world, artifact)
    size = Bundle.parse(lines[0]).checkpoint.split(b"\n")[1]
    lie = forged(world, reviewed(artifact), size=int(size))

    with pytest.raises(Untrusted, match=f"signed two trees of {int(size)} entries: it is forked"):
        read(world, [*lines, lie])


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


def _indexes(lines: tuple[bytes, ...]) -> set[int]:
    return {Bundle.parse(line).index for line in lines}


def _pae(line: bytes) -> str:
    return Bundle.parse(line).leaf.pae
