"""OSV: one record an incident, with everything that it reaches and when it was reported and withdrawn."""

import re

from exported import reached, reaches
from hypothesis import HealthCheck, given, settings
from world import World

from lineage.subjects import Reach
from registry.exports import osv
from signing import canonical

MEMBERS = {
    "schema_version",
    "id",
    "modified",
    "published",
    "withdrawn",
    "summary",
    "affected",
    "references",
    "database_specific",
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def read(subject: Reach) -> dict:
    return canonical.decode(osv.text(subject).encode())


def test_a_record_lists_what_the_incident_reaches(world: World, family) -> None:
    world.derive(world.model(), family["left"], relation="tokenizer")
    world.advance(60)
    reported = world.report(family["left"], "data-poisoned", severity="critical")
    world.advance(60)
    world.model()

    record = read(reached(world, reported))

    assert record["id"] == f"x_studbook-{reported}"
    assert {one["versions"][0] for one in record["affected"]} == {
        family[one] for one in ("left", "merged", "below")
    }
    named = [
        one["versions"] for one in record["affected"] if one["database_specific"]["named_by_the_incident"]
    ]
    assert named == [[family["left"]]]
    assert (record["published"], record["modified"]) == ("2025-06-15T15:07:40Z", "2025-06-15T15:08:40Z")
    assert "withdrawn" not in record
    about = record["database_specific"]
    assert (about["kind"], about["severity"], about["stage"]) == ("data-poisoned", "critical", "confirmed")
    assert (about["as_of"], about["complete"]) == (world.size(), True)


def test_a_record_is_withdrawn_when_the_incident_was_and_by_that_entry(world: World, family) -> None:
    reported = world.report(family["left"], "compromised")
    world.advance(60)
    receipt = world.retract(reported)
    world.advance(60)
    world.model()

    record = read(reached(world, reported))

    assert record["withdrawn"] == "2025-06-15T15:07:40Z"
    assert record["references"][1]["url"].endswith(receipt.entry)
    assert record["database_specific"]["stage"] == "retracted"


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(subject=reaches())
def test_law_a_record_has_what_the_specification_demands(subject: Reach) -> None:
    record = read(subject)

    assert {"schema_version", "id", "modified"} <= record.keys() <= MEMBERS
    assert all(
        MOMENT.fullmatch(record[one]) for one in ("modified", "published", "withdrawn") if one in record
    )
    assert ("withdrawn" in record) == subject.ended
    # Products that no range can sum up list their versions (specification, "affected fields").
    assert all(
        one["versions"] and one.keys() == {"versions", "database_specific"} for one in record["affected"]
    )
    assert {one["versions"][0] for one in record["affected"]} == subject.flagged
    assert {one["type"] for one in record["references"]} <= {"REPORT", "EVIDENCE"}
