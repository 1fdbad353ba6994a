"""OpenVEX: one statement for each artifact that was made of what an incident names, and unknown is never cleared."""

from exported import reached, reaches
from hypothesis import HealthCheck, given, settings
from world import World

from lineage.assessed import JUSTIFICATIONS
from lineage.subjects import Reach
from registry.exports import openvex
from signing import canonical

# The members that the specification names and that are used here; its schema allows no others.
DOCUMENT = {"@context", "@id", "author", "role", "timestamp", "version", "tooling", "statements"}
STATEMENT = {
    "vulnerability",
    "timestamp",
    "products",
    "status",
    "status_notes",
    "justification",
    "impact_statement",
    "action_statement",
}


def read(subject: Reach) -> dict:
    """Read a document, held to what the specification says of its members."""
    document = canonical.decode(openvex.text(subject).encode())
    assert document.keys() == DOCUMENT
    assert document["@context"] == "https://openvex.dev/ns/v0.2.0"
    assert document["statements"]
    for one in document["statements"]:
        assert one.keys() <= STATEMENT
        assert one["vulnerability"].keys() == {"@id", "name", "description"}
        assert [product.keys() for product in one["products"]] == [{"@id"}]
    return document


def statuses(document: dict) -> dict[str, str]:
    found = {
        one["products"][0]["@id"].rpartition("/artifacts/")[2]: one["status"]
        for one in document["statements"]
    }
    assert len(found) == len(document["statements"])
    return found


def test_a_confirmed_incident_affects_every_descendant_that_it_is_carried_to(world: World) -> None:
    bad = world.model()
    merged = world.model(bad, world.model(), relation="merge")
    below, vocabulary = world.model(merged), world.model(bad, relation="tokenizer")
    reported = world.report(bad, "compromised")

    document = read(reached(world, reported))

    assert statuses(document) == {
        bad: "affected",
        merged: "affected",
        below: "affected",
        vocabulary: "not_affected",
    }
    spared = next(one for one in document["statements"] if one["status"] == "not_affected")
    assert "no way along which compromised is carried" in spared["impact_statement"]
    affected = next(one for one in document["statements"] if one["status"] == "affected")
    assert f"make it again without {bad}" in affected["action_statement"]
    assert affected["vulnerability"]["name"] == f"x_studbook-{reported}"
    assert document["tooling"] == (
        f"studbook; as of {world.size()} entries of the log {world.home.root().origin}; complete: true"
    )
    assert document["timestamp"] == "2025-06-15T15:06:40Z"


def test_what_is_only_reported_or_unknown_is_under_investigation(world: World, family) -> None:
    doubtful = world.model()
    world.derive(doubtful, family["left"], relation="tokenizer")
    world.derive(doubtful, "hf:Someone/Else")
    reported = world.report(family["left"], "compromised", stage="reported")

    document = read(reached(world, reported))

    assert set(statuses(document).values()) == {"under_investigation"}
    notes = {one["status_notes"] for one in document["statements"]}
    assert f"nothing is known about {family['stub']} hf:Someone/Else, of which it is made" in notes
    assert any("reported and not confirmed" in one for one in notes)


def test_a_retracted_incident_affects_nothing_and_says_by_which_entry(world: World, family) -> None:
    reported = world.report(family["left"], "compromised")
    receipt = world.retract(reported)

    document = read(reached(world, reported))

    assert set(statuses(document).values()) == {"not_affected"}
    assert {one["impact_statement"] for one in document["statements"]} == {
        f"the incident was retracted in entry {receipt.entry}"
    }


def test_a_cut_list_says_that_it_is_one(world: World, family) -> None:
    reported = world.report(family["left"], "compromised")
    assert read(reached(world, reported, most=1))["tooling"].endswith("complete: false")


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(subject=reaches())
def test_law_every_node_has_one_statement_that_the_specification_allows(subject: Reach) -> None:
    document = read(subject)

    found = statuses(document)
    assert {node.id: found.pop(node.id) for node in subject.nodes} == {
        node.id: subject.status(node.id) for node in subject.nodes
    }
    # Of what is no node there are those that are to be taken instead of one.
    instead = {said.fact.corrected for node in subject.nodes if (said := subject.said(node.id))}
    assert set(found.values()) <= {"fixed"}
    assert found.keys() <= instead
    for one in document["statements"]:
        given = {"justification", "impact_statement", "action_statement", "status_notes"} & one.keys()
        artifact = one["products"][0]["@id"].rpartition("/artifacts/")[2]
        assert (
            given - {"justification"}
            == {
                "affected": {"action_statement", "status_notes"},
                "under_investigation": {"status_notes"},
                "not_affected": {"impact_statement"},
                "fixed": {"status_notes"},
            }[one["status"]]
        )
        # OpenVEX takes a justification of what is not affected alone, and from the list.
        assert ("justification" in given) <= (one["status"] == "not_affected")
        assert one.get("justification", JUSTIFICATIONS[0]) in JUSTIFICATIONS
        unknown = subject.missing.get(artifact)
        assert not (unknown and one["status"] == "not_affected") or subject.ended
