"""What may be done with an artifact follows what is declared above it: when that changes, when it is lost, as it was."""

import re

from world import World

from lineage.licensing import judge
from lineage.predicates import redaction
from registry.store import lineage, log
from registry.store import redaction as stored


def licensed(world: World, artifact: str, size: int | None = None):
    with world.home.store.reading() as connection:
        return judge(lineage.around(connection, artifact, size))


def test_a_license_that_changes_above_is_found_below_and_not_in_what_was(world: World) -> None:
    base = world.model(name="kennel/base", license="apache-2.0")
    tuned = world.model(base, name="kennel/tuned", license="apache-2.0")
    before = world.size()
    assert licensed(world, tuned).outcome == "ok"

    world.advance(60)
    world.license(base, "cc-by-nc-4.0")

    found = licensed(world, tuned)
    assert found.outcome == "conflict"
    assert {one.kind for one in found.findings} == {"LIC-PERMISSIVE-OVER", "LIC-NC-COMMERCIAL", "LIC-CHANGED"}
    assert all(one.origin == base for one in found.findings)
    (change,) = (one.sentence for one in found.findings if one.kind == "LIC-CHANGED")
    dated = r"\(entry (\d+), (\d{4}-\d\d-\d\d \d\d:\d\d) UTC\)"
    said = re.match(
        f"kennel/base declares cc-by-nc-4.0 {dated} now and declared apache-2.0 {dated} before", change
    )
    assert said is not None, change
    assert (int(said[1]), said[2] > said[4]) == (before, True), "a minute lies between them"
    assert 0 < int(said[3]) < before
    assert licensed(world, tuned, before).outcome == "ok"
    world.check()


def test_terms_reach_a_real_merge_from_the_tokens_of_its_donor_too(world: World) -> None:
    base, tuned = world.model(license="mit"), world.model(license="mit")
    merged = world.merge("linear", base, tuned)
    donor = world.artifact()
    world.license(donor, "gemma")
    world.derive(merged, donor, relation="tokenizer")

    found = licensed(world, merged)

    assert {one.license for one in found.terms.inherited} == {"mit", "gemma"}
    assert found.outcome == "conflict", "it declares mit, as what it was merged from does"
    assert {one.origin for one in found.findings} == {donor}
    world.check()


def test_an_artifact_whose_registration_an_order_removed_is_unknown_below(world: World) -> None:
    index = world.size()
    base = world.artifact()
    world.license(base, "mit")
    tuned = world.artifact(base)
    world.license(tuned, "mit")
    assert licensed(world, tuned).outcome == "ok"

    with world.home.store.reading() as connection:
        entry, left = log.receipt(connection, index).entry, stored.left(connection, index)
    world.publish("root", redaction.statement(entry, "court 17", left))
    world.home.store.settle()

    found = licensed(world, tuned)
    assert found.outcome == "unknown"
    assert [one.kind for one in found.findings] == ["LIC-UNKNOWN"]
    world.check()
