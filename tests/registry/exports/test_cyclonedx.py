"""CycloneDX, held to the official schema: what is known, what is not, and by whose word."""

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from exported import pedigrees, told
from hypothesis import HealthCheck, given, settings
from world import World

from lineage.subjects import Pedigree
from registry.exports import cyclonedx
from signing import canonical

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_7)


def read(subject: Pedigree) -> dict:
    text = cyclonedx.text(subject)
    assert VALIDATOR.validate_str(text) is None
    return canonical.decode(text.encode())


def properties(holder: dict) -> dict[str, str]:
    return {one["name"]: one["value"] for one in holder["properties"]}


def test_the_schema_refuses_what_is_none() -> None:
    assert (
        VALIDATOR.validate_str('{"bomFormat":"CycloneDX","specVersion":"1.7","serialNumber":"x"}') is not None
    )


def test_a_merge_is_told_with_files_pedigree_and_what_was_measured(world: World, family) -> None:
    subject = told(world, family["merged"])

    document = read(subject)

    main = document["metadata"]["component"]
    assert (main["type"], main["name"], main["version"]) == (
        "machine-learning-model",
        "kennel/merged",
        family["merged"],
    )
    files = {one["name"]: one["hashes"] for one in main["components"]}
    assert files == {name: [{"alg": "SHA-256", "content": digest}] for name, digest in subject.files}
    (metric,) = main["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert (metric["type"], metric["value"]) == ("accuracy", "0.5")
    up = {one["version"]: one for one in main["pedigree"]["ancestors"]}
    assert up.keys() == {family[one] for one in ("stub", "base", "left", "right")}
    assert [one["version"] for one in main["pedigree"]["descendants"]] == [family["below"]]
    assert not [one for one in up.values() if "bom-ref" in one]
    (edge,) = [
        value
        for name, value in ((p["name"], p["value"]) for p in up[family["left"]]["properties"])
        if "edge" in name
    ]
    told_edge = canonical.decode(edge.encode())
    assert (told_edge["child"], told_edge["relation"], told_edge["evidence"]) == (
        family["merged"],
        "merge",
        "signed",
    )
    assert told_edge["entry"] in world.logged()
    assert properties(document["metadata"])["studbook:as_of"] == str(world.size())
    assert properties(document["metadata"])["studbook:complete"] == "true"


def test_what_is_unknown_is_written_as_unknown(world: World, family) -> None:
    main = read(told(world, family["merged"]))["metadata"]["component"]

    up = {one["version"]: one for one in main["pedigree"]["ancestors"]}
    stub = up[family["stub"]]
    assert "nothing is known" in stub["description"]
    assert stub["purl"] == f"pkg:huggingface/{family['stub'].removeprefix('hf:')}"
    assert properties(stub)["studbook:known"] == "false"
    assert "supplier" not in stub
    assert [one["license"]["name"] for one in stub["licenses"]] == ["NOASSERTION"]
    assert up[family["left"]]["licenses"] == [{"license": {"name": "llama3", "acknowledgement": "declared"}}]
    assert main["licenses"] == [{"license": {"name": "NOASSERTION"}}]
    inherited = [one["value"] for one in main["modelCard"]["properties"] if "inherited" in one["name"]]
    assert sorted(one.partition(" from ")[0] for one in inherited) == [
        "apache-2.0",
        "llama3",
        "missing",
        "unknown",
    ]
    assert f"llama3 from {family['left']}" in inherited
    assert any(one.startswith(f"unknown from {family['stub']}") for one in inherited)


def test_an_artifact_that_nobody_saw_is_told_without_files(world: World, family) -> None:
    document = read(told(world, family["stub"]))

    assert "components" not in document["metadata"]["component"]
    assert [one["aggregate"] for one in document["compositions"]] == ["unknown", "unknown"]


def test_incidents_and_rebuilds_are_told(world: World) -> None:
    base, tuned = world.model(), world.model()
    merged = world.merge("linear", base, tuned)
    world.rebuild(merged)
    reported = world.report(tuned, "data-poisoned", severity="critical")

    document = read(told(world, merged, "ancestors"))

    (found,) = document["vulnerabilities"]
    assert found["id"] == f"x_studbook-{reported}"
    assert found["ratings"][0]["severity"] == "critical"
    assert found["affects"] == [{"ref": merged}]
    card = document["metadata"]["component"]["modelCard"]
    assert "reproduced" in properties(card)["studbook:rebuild"]
    assert document["metadata"]["component"]["pedigree"]["descendants"] == []


def test_a_document_has_an_id_of_its_own_for_each_log_size_artifact_and_scope(world: World, family) -> None:
    asked = [(family["merged"], "both"), (family["merged"], "ancestors"), (family["base"], "both")]

    def numbers() -> list[str]:
        return [read(told(world, artifact, scope))["serialNumber"] for artifact, scope in asked]

    before = numbers()
    assert before == numbers()
    world.model()
    assert len({*before, *numbers()}) == 6


def test_a_cut_lineage_is_incomplete(world: World, family) -> None:
    document = read(told(world, family["base"], most=2))

    assert document["compositions"][1]["aggregate"] == "incomplete"


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(subject=pedigrees())
def test_law_whatever_strangers_wrote_is_valid_and_comes_back(subject: Pedigree) -> None:
    main = read(subject)["metadata"]["component"]

    assert {one["name"] for one in main.get("components", ())} == {name for name, _ in subject.files}
    assert main["name"] in {*subject.here.names[:1], subject.here.id}
