"""An incident reaches what was made of an artifact, whoever comes first."""

from world import World

from lineage.predicates import claims, incident, redaction
from lineage.predicates.claims import Claim, Parent
from lineage.standing import Affected, Clean, Unknown
from registry.local import Local
from registry.store import redaction as redactions
from registry.work import evidence

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
