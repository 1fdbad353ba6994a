"""An artifact and what it is called upstream: what reaches which of them, by whose word, and for how long."""

import pytest
from evidence import bundle
from world import World

from lineage.facts import Evidence
from lineage.predicates import claims, derivation, same_as
from lineage.predicates import redaction as redactions
from lineage.predicates.claims import Claim, Parent
from lineage.standing import Affected, Clean, Unknown
from registry.answers import VerdictOut
from registry.store import redaction
from registry.work import evidence, sameness, simulation
from signing.errors import Forbidden, Malformed, Refused

STUB, TUNED, PINNED = "hf:acme/base", "hf:fan/tuned", "hf:acme/base@" + "0f" * 20


def claim(world: World, child: str, parent: str) -> None:
    said = Claim(child, (Parent(parent, "finetune"),))
    world.publish("publisher", claims.statement("cards.jsonl", "a" * 64, [said], world.time))


def test_a_poisoned_stub_flags_the_artifact_that_claims_to_be_it_and_what_is_made_of_that(
    world: World,
) -> None:
    artifact = world.artifact()
    below = world.artifact(artifact)
    claim(world, TUNED, STUB)
    world.same(artifact, STUB)

    reported = world.report(STUB, "compromised")

    assert world.flagged(reported) == {STUB, TUNED, artifact, below}
    assert world.standing(below).via == (STUB, artifact, below)
    (edge,) = world.verdict(artifact).same
    assert (edge.child, edge.parent, edge.evidence) == (artifact, STUB, Evidence.CLAIMED)
    assert world.verdict(STUB).same == (edge,)
    world.check()


def test_by_its_publisher_alone_an_artifact_reaches_nothing_that_is_made_of_the_stub_and_is_no_better_known(
    world: World,
) -> None:
    """Or whoever registers anything could flag, by one incident on it, all that is made of a famous model."""
    claim(world, TUNED, STUB)
    mallory = world.join("mallory", "publisher")
    artifact = world.artifact(key=mallory)
    assert world.standing(artifact) == Clean()
    world.same(artifact, STUB, key=mallory)

    assert world.standing(artifact) == Unknown((STUB,)), "its past is the stub's, and nobody saw that"
    assert world.standing(TUNED) == Unknown((STUB, TUNED)), "a claim clears nothing"
    reported = world.report(artifact, "compromised")

    assert world.flagged(reported) == {artifact}
    assert world.descendants(artifact) == set()
    world.check()


def test_in_the_owner_s_name_incidents_on_either_reach_what_is_made_of_both(world: World) -> None:
    base = world.artifact()
    artifact = world.artifact(base)
    below = world.artifact(artifact)
    claim(world, TUNED, STUB)
    early = world.report(STUB, "data-poisoned", stage="reported")
    before = world.size()

    receipt = world.same(artifact, STUB, "owner")

    assert world.descendants(artifact) == {below, STUB, TUNED}
    assert world.flagged(early) == {artifact, below, STUB, TUNED}, "an earlier incident on the stub names it"
    world.advance(1)
    for bad, reach in ((artifact, set()), (base, {base}), (STUB, set())):
        world.advance(1)
        assert world.flagged(world.report(bad, "compromised")) == {artifact, below, STUB, TUNED} | reach
    assert world.standing(TUNED).missing == (STUB, TUNED), "a stub is never seen, whoever speaks for it"
    (edge,) = world.verdict(artifact).same
    assert (edge.child, edge.parent, edge.evidence) == (STUB, artifact, Evidence.SIGNED)
    assert (edge.entry, VerdictOut.of(world.verdict(artifact)).same[0].parent) == (receipt.entry, artifact)
    assert world.verdict(artifact, before).same == ()
    assert world.standing(artifact, before) == Clean()
    world.check()


def test_evaluations_that_are_invalid_are_so_under_both_ids_and_of_nothing_else(world: World) -> None:
    artifact = world.artifact()
    below = world.artifact(artifact)
    world.same(artifact, STUB)

    assert world.flagged(world.report(STUB, "evaluation-invalid")) == {STUB, artifact}
    assert below not in world.flagged(world.report(artifact, "evaluation-invalid"))
    world.check()


def test_who_speaks_for_an_owner_is_the_trusted_root_s_to_say(world: World) -> None:
    anyone, speaker = world.join("anna", "publisher"), world.join("acme", "publisher", namespaces=["hf:acme"])
    theirs, owned = world.artifact(key=anyone), world.artifact(key=speaker)

    with pytest.raises(Forbidden, match=r"of anna does not speak for hf:acme, which .* its namespaces, \*"):
        world.same(theirs, STUB, "owner", anyone)
    with pytest.raises(Forbidden, match="does not speak for hf:fan"):
        world.same(owned, TUNED, "owner", speaker)
    with pytest.raises(Forbidden, match="does not speak for hf:Acme"):
        world.same(owned, "hf:Acme/base", "owner", speaker)
    for by in ("publisher", "owner"):
        with pytest.raises(Forbidden, match=r"is for anna, who registered it; it is signed by acme"):
            world.same(theirs, STUB, by, speaker)
    world.same(owned, STUB, "owner", speaker)
    # The operator that keeps the log may bind any name in it and speaks for everybody whom it lists.
    world.same(world.artifact(), TUNED, "owner")
    world.check()


def test_no_other_statement_says_that_two_are_the_same(world: World) -> None:
    artifact = world.artifact()
    for said in (
        lambda: derivation.statement(artifact, [derivation.Parent(STUB, "same_as")]),
        lambda: claims.statement("a", "a" * 64, [Claim(STUB, (Parent(artifact, "same_as"),))], 0),
    ):
        with pytest.raises(Malformed, match="relation"):
            said()


def test_neither_descends_from_the_other(world: World) -> None:
    artifact = world.artifact(STUB)
    with pytest.raises(Refused, match=f"{artifact} descends from {STUB}, so it cannot be its parent"):
        world.same(artifact, STUB, "owner")
    claim(world, PINNED, world.artifact(artifact))
    with pytest.raises(Refused, match=f"{PINNED} descends from {artifact}, so it cannot be its parent"):
        world.same(artifact, PINNED)
    with pytest.raises(Refused, match="is not registered here"):
        world.same("sha256:" + "ab" * 32, STUB)
    world.check()


@pytest.mark.parametrize("by", ["publisher", "owner"])
def test_t8_a_stolen_key_s_word_about_what_is_the_same_falls_with_it_and_so_do_its_flags(
    world: World, by: same_as.Speaker
) -> None:
    anna = world.join("anna", "publisher", namespaces=["hf:acme"])
    artifact = world.artifact(key=anna)
    below = world.artifact(artifact)
    world.advance(10)
    world.same(artifact, STUB, by, anna)
    reported = world.report(STUB, "compromised")
    assert world.flagged(reported) == {STUB, artifact, below}
    during = world.size()

    world.end(anna, world.time - 5)

    assert world.flagged(reported) == {STUB}
    assert world.standing(below) == Clean()
    assert world.verdict(artifact).same == ()
    assert isinstance(world.standing(below, during), Affected), "as of then, it counted"
    world.check()


def test_words_that_an_order_removed_keep_their_shape(world: World) -> None:
    artifact = world.artifact()
    receipt = world.same(artifact, STUB, "owner")
    with world.home.store.reading() as connection:
        left = redaction.left(connection, receipt.index)

    world.publish("root", redactions.statement(receipt.entry, "order 17", left))

    assert world.flagged(world.report(STUB, "compromised")) == {STUB, artifact}
    world.check()


def test_an_incident_on_a_range_reaches_below_the_stubs_and_not_what_their_owner_says_they_are(
    world: World,
) -> None:
    owned, copied = world.artifact(), world.artifact()
    world.same(owned, "hf:acme/owned", "owner")
    world.same(copied, "hf:acme/copied", "publisher")

    ranged = world.report(None, "compromised", names=["hf:acme/*"])
    named = world.report("hf:acme/owned", "compromised")

    assert world.flagged(ranged) == {"hf:acme/owned", "hf:acme/copied", copied}
    assert world.flagged(named) == {"hf:acme/owned", owned}
    world.check()


def test_a_simulated_report_on_a_stub_says_what_the_report_does(world: World) -> None:
    artifact = world.artifact()
    below = world.artifact(artifact)
    world.same(artifact, STUB, "owner")

    found = simulation.report(world.home, STUB, "compromised")

    flagged = world.flagged(world.report(STUB, "compromised"))
    assert {one.artifact for one in found.first} == flagged == {STUB, artifact, below}


@pytest.mark.parametrize("by", ["publisher", "owner"])
def test_a_file_of_bundles_shows_how_an_incident_on_the_stub_reaches_the_artifact(
    world: World, by: same_as.Speaker
) -> None:
    artifact = world.artifact()
    world.same(artifact, STUB, by)
    world.report(STUB, "compromised")

    found = evidence.read(bundle(world, artifact), world.home.root())

    evidence.check_about(found, artifact)
    (reached,) = found.incidents
    assert reached.artifacts == tuple(sorted([STUB, artifact]))
    assert [one.relation for one in found.edges] == ["same_as"]


def test_a_home_says_it_in_the_name_that_its_key_has_and_only_once(world: World) -> None:
    world.artifact()
    mine = world.model(name="kennel/base")
    first = sameness.say(world.home, "kennel/base", STUB)
    again = sameness.say(world.home, "kennel/base", STUB)

    assert (first.artifact, first.by, first) == (mine, "owner", again)
    other = world.artifact()
    world.same(other, PINNED)
    assert sameness.say(world.home, other, PINNED).by == "publisher", "the other way round would be a cycle"
    with pytest.raises(Malformed, match=r"'acme/base' is no stub: write hf:owner/name"):
        sameness.say(world.home, other, "acme/base")
    world.check()
