"""An incident reaches what was made of an artifact, whoever comes first."""

import pytest
from world import World

from lineage.predicates import claims, incident, incident_amendment, redaction, signature
from lineage.predicates.claims import Claim, Parent
from lineage.residue import REMOVED
from lineage.standing import Affected, Clean, Unknown
from registry.local import Local
from registry.store import redaction as redactions
from registry.work import evidence
from signing.bundle import Bundle
from signing.errors import Malformed, Refused

UPSTREAM, TUNED = "hf:acme/base", "hf:acme/tuned"


def claim(world: World, child: str, parent: str) -> None:
    said = Claim(child, (Parent(parent, "finetune"),))
    world.publish("publisher", claims.statement("cards.jsonl", "a" * 64, [said], world.time))


def test_an_incident_on_a_parent_affects_what_was_made_of_it(world: World) -> None:
    base = world.model(name="kennel/base", license="apache-2.0")
    tuned = world.model(base, name="kennel/tuned")
    merged = world.model(base, tuned, relation="merge")

    reported = world.report(tuned, "compromised")

    standing = world.standing(merged)
    assert isinstance(standing, Affected)
    assert standing.via == (tuned, merged)
    assert world.standing(base) == Clean()
    assert world.flagged(reported) == {tuned, merged}
    world.check()


def test_what_is_made_of_a_reported_artifact_is_born_affected(world: World) -> None:
    base = world.model()
    world.report(base, "data-poisoned")

    child = world.model(base)
    grandchild = world.model(child, relation="quantize")

    assert isinstance(world.standing(grandchild), Affected)
    world.check()


def test_a_late_edge_brings_the_incident_to_everything_below_it(world: World) -> None:
    poisoned, middle = world.model(), world.model()
    leaf = world.model(middle)
    reported = world.report(poisoned, "data-poisoned")
    assert world.standing(leaf) == Clean()

    world.derive(middle, poisoned, relation="merge")

    assert world.flagged(reported) == {poisoned, middle, leaf}
    assert isinstance(world.standing(leaf), Affected)
    world.check()


def test_a_retracted_incident_affects_nobody_and_stays_in_the_log(world: World) -> None:
    base = world.model()
    child = world.model(base)
    size = world.size()
    reported = world.report(base, "compromised")
    during = world.size()

    world.retract(reported)

    assert world.standing(child) == Clean()
    assert isinstance(world.standing(child, size=during), Affected)
    assert world.standing(child, size=size) == Clean()
    world.check()


def test_a_tokenizer_donor_carries_its_license_and_not_its_poison(world: World) -> None:
    donor = world.model()
    child = world.model(donor, relation="tokenizer")

    poison, terms = world.report(donor, "data-poisoned"), world.report(donor, "license")

    assert world.flagged(poison) == {donor}
    assert world.flagged(terms) == {donor, child}
    world.check()


def test_a_parent_that_was_never_seen_makes_the_standing_unknown(world: World) -> None:
    child = world.model("hf:org/Base")

    assert world.standing(child) == Unknown(missing=("hf:org/Base",))
    world.check()


def test_an_incident_on_an_evaluation_is_not_inherited(world: World) -> None:
    base = world.model()
    world.model(base)

    reported = world.report(base, "evaluation-invalid")

    assert world.flagged(reported) == {base}
    world.check()


def test_an_incident_on_a_stub_reaches_what_is_claimed_and_what_is_registered_whoever_comes_first(
    world: World,
) -> None:
    claim(world, TUNED, UPSTREAM)
    reported = world.report(UPSTREAM, "compromised")
    assert world.flagged(reported) == {UPSTREAM, TUNED}

    model = world.model(TUNED)
    claim(world, "hf:acme/late", UPSTREAM)

    assert world.flagged(reported) == {UPSTREAM, TUNED, model, "hf:acme/late"}
    standing = world.standing(model)
    assert isinstance(standing, Affected)
    assert standing.via == (UPSTREAM, TUNED, model)
    assert standing.missing == (UPSTREAM, TUNED)
    world.check()


def test_what_is_bad_upstream_is_reported_before_anything_here_is_made_of_it(world: World) -> None:
    reported = world.report(UPSTREAM, "data-poisoned")
    assert world.flagged(reported) == {UPSTREAM}

    model = world.model(UPSTREAM)

    assert world.flagged(reported) == {UPSTREAM, model}
    world.retract(reported)
    assert world.standing(model) == Unknown((UPSTREAM,))
    world.check()


def test_an_incident_on_a_stub_falls_with_the_key_that_was_stolen(world: World) -> None:
    thief = world.join("thief", "security")
    model = world.model(UPSTREAM)
    world.advance(10)
    end = world.time
    world.advance(10)
    said = incident.statement(
        [UPSTREAM], "compromised", "high", "confirmed", "x", contact="x", issued=world.time
    )
    reported = world.say(said, thief).entry
    assert world.flagged(reported) == {UPSTREAM, model}

    world.end(thief, at=end)

    assert world.flagged(reported) == set()
    assert world.standing(model) == Unknown((UPSTREAM,))
    world.check()


def test_an_incident_on_a_stub_reaches_what_it_reached_once_its_words_are_removed(world: World) -> None:
    model = world.model(UPSTREAM)
    reported = world.report(UPSTREAM, "privacy")
    with world.home.store.reading() as connection:
        left = redactions.left(connection, world.size() - 1)

    world.publish("root", redaction.statement(reported, "an order", left))

    assert world.flagged(reported) == {UPSTREAM, model}
    assert isinstance(world.standing(model), Affected)
    world.check()


def test_an_incident_on_a_stub_is_proven_offline_with_what_it_reaches(world: World) -> None:
    model = world.model(UPSTREAM)
    reported = world.report(UPSTREAM, "compromised")

    found = evidence.read(
        Local(world.home.store, lambda: world.time).bundle(model, ancestors=True), world.home.root()
    )

    assert [(one.incident.id, one.artifacts) for one in found.incidents] == [
        (reported, tuple(sorted((UPSTREAM, model))))
    ]
    evidence.check_about(found, model)


def test_an_incident_on_a_key_reaches_all_it_registered_whoever_comes_first(world: World) -> None:
    eve = world.join("eve", "publisher")
    first, other = world.artifact(key=eve), world.artifact()
    below = world.artifact(first)
    size = world.size()

    reported = world.report(None, "compromised", keys=[eve.public.id])
    during = world.size()
    later = world.artifact(key=eve)
    last = world.artifact(later, relation="quantize")

    assert world.flagged(reported) == {first, below, later, last}
    assert world.standing(other) == Clean()
    standing = world.standing(last)
    assert isinstance(standing, Affected)
    assert standing.via == (later, last)
    assert standing.incidents[0].incident.artifacts == (first, later)
    assert standing.incidents[0].incident.selectors == (f"key:{eve.public.id}",)
    assert world.standing(below, size=size) == Clean()
    assert world.standing(below, size=during).incidents[0].incident.artifacts == (first,)
    world.check()


def test_what_a_key_built_is_selected_too(world: World) -> None:
    one, two = world.model(), world.model()
    merged = world.merge("linear", one, two)
    reported = world.report(None, "privacy", keys=[world.home.keys("builder").public.id])

    again = world.merge("slerp", one, two)

    assert world.flagged(reported) == {one, two, merged, again}
    world.check()


def test_an_incident_on_a_stolen_key_flags_no_longer_what_fell_with_the_key(world: World) -> None:
    eve = world.join("eve", "publisher")
    before = world.artifact(key=eve)
    world.advance(10)
    end = world.time
    world.advance(10)
    after = world.artifact(key=eve)
    child = world.artifact(after, before)
    reported = world.report(None, "compromised", keys=[eve.public.id])
    assert world.flagged(reported) == {before, after, child}

    world.end(eve, at=end)

    assert world.flagged(reported) == {before, child}
    assert world.standing(after) == Unknown((after,))
    world.check()


def test_who_seconds_what_others_registered_does_not_have_it_flagged(world: World) -> None:
    eve = world.join("eve", "publisher")
    files = {"model.safetensors": "ab" * 32}
    mine = world.artifact()
    world.publish("publisher", signature.statement("shared", files))
    reported = world.report(None, "compromised", keys=[eve.public.id])

    world.say(signature.statement("shared", files), eve)

    assert world.flagged(reported) == set()
    assert world.standing(mine) == Clean()
    world.check()


def test_a_registration_that_is_removed_by_order_is_still_selected_by_its_key(world: World) -> None:
    eve = world.join("eve", "publisher")
    model = world.artifact(key=eve)
    index = world.size() - 1
    with world.home.store.reading() as connection:
        left = redactions.left(connection, index)
        entry = world.logged()[index]
    world.publish("root", redaction.statement(entry, "an order", left))

    reported = world.report(None, "compromised", keys=[eve.public.id])

    assert world.flagged(reported) == {model}
    world.check()


def test_an_incident_on_a_key_is_proven_offline_with_what_it_reaches(world: World) -> None:
    eve = world.join("eve", "publisher")
    model = world.artifact(key=eve)
    child = world.artifact(model)
    reported = world.report(None, "compromised", keys=[eve.public.id])

    found = evidence.read(
        Local(world.home.store, lambda: world.time).bundle(child, ancestors=True), world.home.root()
    )

    assert [(one.incident.id, one.artifacts) for one in found.incidents] == [
        (reported, tuple(sorted((model, child))))
    ]
    assert found.incidents[0].incident.selectors == (f"key:{eve.public.id}",)


def amend(world: World, reported: str, **said: str) -> str:
    world.advance(1)
    statement = incident_amendment.statement(reported, "more is known", **said, issued=world.time)
    return world.publish("security", statement)[0].entry


def told(world: World, artifact: str, size: int | None = None) -> tuple[str, str, str]:
    one = world.standing(artifact, size=size).incidents[0].incident
    return one.severity, one.summary, one.contact


def test_an_amended_incident_is_told_as_it_is_now_and_as_it_was_then(world: World) -> None:
    base = world.model()
    child = world.model(base)
    reported = world.report(base, "privacy", severity="low")
    first, size = told(world, child), world.size()
    flagged = world.flagged(reported)

    amend(world, reported, severity="critical", summary="names and addresses")
    amend(world, reported, contact="the vet")
    amend(world, reported, severity="high")

    assert first == ("low", "privacy, it seems", "vet")
    assert told(world, child) == ("high", "names and addresses", "the vet")
    assert told(world, child, size=size) == first
    assert world.flagged(reported) == flagged
    world.check()


def test_what_amends_no_incident_is_refused(world: World) -> None:
    with pytest.raises(Refused, match=r"no entry 0000.* reports an incident here"):
        amend(world, "0" * 64, severity="low")
    with pytest.raises(Malformed, match="amends neither severity, nor summary, nor contact"):
        incident_amendment.statement("0" * 64, "no reason", issued=1)


def test_an_amendment_falls_with_its_key_and_loses_its_words_by_order(world: World) -> None:
    thief = world.join("thief", "security")
    base = world.model()
    reported = world.report(base, "privacy", severity="high")
    world.advance(10)
    end = world.time
    world.advance(10)
    world.say(incident_amendment.statement(reported, "never mind", severity="low", issued=world.time), thief)
    assert told(world, base)[0] == "low"
    world.end(thief, at=end)
    assert told(world, base)[0] == "high"

    entry = amend(world, reported, summary="the name of a person", contact="a person")
    with world.home.store.reading() as connection:
        left = redactions.left(connection, world.size() - 1)
    world.publish("root", redaction.statement(entry, "an order", left))

    assert told(world, base) == ("high", REMOVED, REMOVED)
    world.check()


def test_an_amendment_is_proven_offline(world: World) -> None:
    base = world.model()
    reported = world.report(base, "privacy", severity="low")
    amend(world, reported, severity="critical")

    lines = Local(world.home.store, lambda: world.time).bundle(base, ancestors=True)
    found = evidence.read(lines, world.home.root())

    assert [one.incident.severity for one in found.incidents] == ["critical"]
    index = world.logged().index(reported)
    found = evidence.read([one for one in lines if Bundle.parse(one).index != index], world.home.root())
    assert found.incidents == ()
    assert [line.apart for line in found.held if line.apart] == [f"what was reported: incident {reported}"]
