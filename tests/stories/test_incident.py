"""An incident reaches what was made of an artifact, whoever comes first."""

from world import World

from lineage.standing import Affected, Clean, Unknown


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
