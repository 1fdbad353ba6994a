"""What single statement types refuse beyond their schemas."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statements import ENTRY, LOG, PEOPLE, provenances, rebuilds, roots

from lineage.checks import Evaluated
from lineage.predicates import derivation, evaluation, incident, provenance, rebuild, root
from lineage.predicates.root import TrustedRoot
from signing import canonical
from signing.digest import sha256_hex
from signing.errors import Malformed
from signing.keys import PrivateKey
from signing.statement import Statement, Subject

ID, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
VERDICT = rebuild.statement(ID, "b" * 64, "ann", 0, [])
OTHER_LOG = PrivateKey.generate("ed25519").public
START = {"start": "0", "end": None}


def person(key=PEOPLE[0], **changes):
    value = {
        "operator": "ann",
        "roles": ["root"],
        "namespaces": ["*"],
        "contact": "ann@example.org",
        "pem": key.pem().decode(),
        "validFor": START,
    }
    return value | changes


def document(*keys, **changes):
    keys = [*(keys or [person()]), person(LOG, operator="log", roles=["log"])]
    value = {"version": "1", "threshold": "1", "origin": "example.org/log", "keys": keys}
    return canonical.encode(value | changes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"resourceUri": f"studbook:{OTHER}"}, f"resourceUri is 'studbook:{OTHER}', but the subject is {ID}"),
        ({"policy": {"uri": "https://example.org/p"}}, "only the policy .* not 'https://example.org/p'"),
        ({"verifiedLevels": ["SLSA_BUILD_LEVEL_3"]}, r"PASSED does not go with .*SLSA_BUILD_LEVEL_3"),
        ({"verificationResult": "FAILED", "verifiedLevels": ["FAILED"]}, "FAILED, and 0 tensors"),
        ({rebuild.DIFFERS: ["a.weight"]}, "PASSED, and 1 tensors"),
        ({"timeVerified": "2025-01-01T00:00:00+02:00"}, "timeVerified"),
        ({"verifier": {"id": "https://example.org/me"}}, "verifier.id"),
        ({"inputAttestations": []}, "inputAttestations"),
        (
            {"inputAttestations": [{"uri": "studbook:entry:" + "c" * 64, "digest": {"sha256": "b" * 64}}]},
            "is not entry bbb",
        ),
    ],
)
def test_t13_a_verdict_that_is_not_about_this_build_of_this_artifact_is_refused(changes, sentence):
    with pytest.raises(Malformed, match=sentence):
        rebuild.facts(Statement(VERDICT.subjects, rebuild.URI, {**VERDICT.predicate, **changes}), ENTRY)


AGREED = rebuild.agreement(ID, ["b" * 64, "c" * 64], "log", 0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"resourceUri": f"studbook:{OTHER}"}, f"resourceUri is 'studbook:{OTHER}', but the subject is {ID}"),
        ({"policy": {"uri": rebuild.POLICY}}, "registry/log' is none of the policy .*rebuild/v1"),
        ({"verifier": {"id": rebuild.verifier("log")}}, "rebuilder/log' is none of the policy .*quorum/v1"),
        ({"verifiedLevels": [rebuild.BITWISE]}, "a quorum is PASSED with .*SLSA_BUILD_REPRODUCED.*, not PASSED"),
        ({"verificationResult": "FAILED"}, "a quorum is PASSED with .*, not FAILED"),
        ({"inputAttestations": AGREED.predicate["inputAttestations"][:1]}, "at least two verdicts"),
        ({"inputAttestations": [*AGREED.predicate["inputAttestations"], AGREED.predicate["inputAttestations"][0]]}, "each named once"),
    ],
)  # fmt: skip
def test_t13_a_quorum_that_is_not_about_this_artifact_or_rests_on_one_verdict_is_refused(changes, sentence):
    with pytest.raises(Malformed, match=sentence):
        rebuild.facts(Statement(AGREED.subjects, rebuild.URI, {**AGREED.predicate, **changes}), ENTRY)


def test_a_verdict_is_on_one_provenance():
    inputs = AGREED.predicate["inputAttestations"]

    with pytest.raises(Malformed, match="a rebuild executes one provenance, and inputAttestations has 2"):
        rebuild.facts(
            Statement(VERDICT.subjects, rebuild.URI, {**VERDICT.predicate, "inputAttestations": inputs}),
            ENTRY,
        )


def test_a_failed_verdict_says_what_differs():
    (fact,) = rebuild.facts(rebuild.statement(ID, "b" * 64, "ann", 0, ["a.weight", "config.json"]), ENTRY)

    assert (fact.passed, fact.differs) == (False, ("a.weight", "config.json"))


@given(rebuilds())
def test_a_verdict_is_a_summary_that_slsa_consumers_can_read(example):
    predicate = example[0].predicate

    assert set(predicate) >= {"verifier", "timeVerified", "resourceUri", "policy", "verificationResult"}
    # Custom levels must not begin with SLSA_, and an extension field is named by a URI.
    assert not any(level.startswith("SLSA_") for level in predicate["verifiedLevels"])
    assert all(key.isidentifier() or key.startswith("https://") for key in predicate)


MEASURED = evaluation.statement(
    Evaluated(ID, "PASSED", "a" * 64, "lm-eval 0.4.9", "acc", "0.731", n=1319, seed=7)
)
SUITE = {"name": "suite", "digest": {"sha256": "a" * 64}}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"result": "passed"}, "result"),
        ({"configuration": []}, "one descriptor named 'suite', with its sha256, not 0"),
        ({"configuration": [{"name": "suite", "uri": "https://example.org"}]}, "with its sha256, not 1"),
        ({"configuration": [SUITE, SUITE]}, "not 2"),
        ({"passedTests": "all"}, "passedTests"),
        ({evaluation.MEASURED: None}, evaluation.MEASURED),
        *(
            ({evaluation.MEASURED: {**MEASURED.predicate[evaluation.MEASURED], **change}}, sentence)
            for change, sentence in [
                ({"value": "NaN"}, "value"),
                ({"value": "1e5000000"}, "value"),
                ({"value": "01"}, "value"),
                ({"value": 0.5}, "value"),
                ({"n": "0"}, "measured on 0 examples"),
                ({"n": 1319}, "n: "),
                ({"seed": ""}, "seed"),
                ({"runner": "\x1b[2J"}, "runner"),
                ({"metric": ""}, "metric"),
            ]
        ),
    ],
)
def test_an_evaluation_that_does_not_say_what_was_measured_is_refused(changes, sentence):
    with pytest.raises(Malformed, match=sentence):
        evaluation.facts(
            Statement(MEASURED.subjects, evaluation.URI, {**MEASURED.predicate, **changes}), ENTRY
        )


def test_other_parts_of_a_configuration_and_fields_nobody_knows_are_ignored():
    extra = {"configuration": [{"uri": "https://example.org/ci"}, SUITE], "url": None, "passedTests": ["a"]}
    inner = {**MEASURED.predicate[evaluation.MEASURED], "hardware": "two cores"}
    said = {**MEASURED.predicate, **extra, evaluation.MEASURED: inner, "example_note": 1}

    assert evaluation.facts(Statement(MEASURED.subjects, evaluation.URI, said), ENTRY) == evaluation.facts(
        MEASURED, ENTRY
    )


@given(provenances(), st.data())
def test_t13_a_provenance_names_exactly_the_parents_of_its_recipe(example, data):
    said = example[0].predicate
    definition = said["buildDefinition"]
    listed = definition["resolvedDependencies"]
    change = data.draw(st.sampled_from(["less", "more", "digest"]))
    more = {"uri": f"studbook:{ID}", "digest": {"sha256": "1" * 64}}
    spoilt = {
        "less": listed[1:],
        "more": [*listed, more],
        "digest": [{**listed[0], "digest": {"sha256": "1" * 64}}, *listed[1:]],
    }[change]
    predicate = {**said, "buildDefinition": {**definition, "resolvedDependencies": spoilt}}

    with pytest.raises(Malformed, match=r"same artifacts|stands beside the digest 1111"):
        provenance.facts(Statement(example[0].subjects, provenance.URI, predicate), ENTRY)


@given(provenances())
def test_nothing_but_the_tokenizer_of_its_recipe_is_a_row_map(example):
    said = example[0].predicate
    definition = said["buildDefinition"]
    first, *others = definition["resolvedDependencies"]
    predicate = {
        **said,
        "buildDefinition": {**definition, "resolvedDependencies": [{**first, "name": "row map"}, *others]},
    }

    with pytest.raises(Malformed, match="is said to be a row map, and the recipe's tokenizer is"):
        provenance.facts(Statement(example[0].subjects, provenance.URI, predicate), ENTRY)


@given(provenances())
def test_a_dependency_of_another_scheme_is_ignored(example):
    said, expected = example
    definition = said.predicate["buildDefinition"]
    wheel = {"uri": "pkg:pypi/numpy@2.4.0", "digest": {"sha256": "3" * 64}, "mediaType": "x"}
    listed = [wheel, *reversed(definition["resolvedDependencies"])]
    predicate = {**said.predicate, "buildDefinition": {**definition, "resolvedDependencies": listed}}

    assert provenance.facts(Statement(said.subjects, provenance.URI, predicate), ENTRY) == expected


@given(provenances())
def test_t20_a_provenance_with_another_build_type_parameter_or_manifest_is_refused(example):
    said = example[0]
    definition, run = said.predicate["buildDefinition"], said.predicate["runDetails"]
    external = {**definition["externalParameters"], "url": "https://example.org"}
    for predicate, sentence in (
        ({"buildDefinition": {**definition, "buildType": "https://example.org/b"}}, "buildType"),
        ({"buildDefinition": {**definition, "externalParameters": external}}, "url: unknown key"),
        ({"runDetails": {**run, "byproducts": []}}, "one manifest.json, not 0"),
    ):
        with pytest.raises(Malformed, match=sentence):
            provenance.facts(Statement(said.subjects, provenance.URI, {**said.predicate, **predicate}), ENTRY)


@pytest.mark.parametrize(
    "parent",
    ["hf:gpt2", "hf:a/b@123", "hf:../b", "sha256:12", "HF:a/b", "hf:a/b/c", "hf:a/b\n", "/etc/passwd"],
)
def test_t20_a_parent_is_an_artifact_or_a_well_formed_stub(parent):
    with pytest.raises(Malformed, match=r"parents.0.artifact"):
        derivation.statement(ID, [derivation.Parent(parent, "finetune")])


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (document(person(), person(operator="bob")), "stands twice, and would count as two"),
        (document(person(), person(PEOPLE[1], operator="Ann")), "differ in case only: Ann, ann"),
        (document(threshold="2"), "threshold 2, and root keys are held by .*: nobody could change it"),
        (document(threshold="0"), "threshold 0"),
        (document(person(), person(PEOPLE[1]), threshold="2"), "threshold 2, and root keys"),
        (document(person(LOG)), "is ed25519; root needs ecdsa-p256"),
        (document(person(), person(PEOPLE[1], roles=["log"])), "is ecdsa-p256; log needs ed25519"),
        (document(person(), person(LOG, roles=["log", "root"])), "signs a log and does something else"),
        (document(person(roles=["root", "root"])), "root, root: each may stand once"),
        (document(person(pem=PEOPLE[0].pem().decode() + "\n")), "canonical PEM"),
        (document(person(pem="nonsense")), "keys.0.pem"),
        (document(person(note="x")), "note: unknown key"),
        (document(origin="two words"), "origin"),
        (document(keys=[person()]), "the log example.org/log has one key, not 0"),
        (document(person(OTHER_LOG, roles=["log"])), "has one key, not 2"),
        (b"[]", "trusted root"),
    ],
)
def test_t10_a_trusted_root_that_could_be_misread_is_refused(raw, sentence):
    with pytest.raises(Malformed, match=sentence):
        TrustedRoot.parse(raw)


@given(roots())
def test_a_key_change_is_about_its_document(example):
    said = example[0]
    other = Statement((Subject("", sha256_hex(b"other")),), root.URI, said.predicate)

    with pytest.raises(Malformed, match="the document hashes to"):
        root.facts(other, ENTRY)


def test_a_trusted_root_gives_its_keys_by_role():
    found = TrustedRoot.parse(document())

    assert found.log().public == LOG
    assert found.public("log", "witness") == (LOG,)
    assert found.public("root") == (PEOPLE[0],)
    assert found.public() == (PEOPLE[0], LOG)


def test_a_key_is_good_from_its_first_to_its_last_second():
    key, _ = TrustedRoot.parse(document(person(validFor={"start": "10", "end": "20"}))).keys

    assert [key.valid(time) for time in (9, 10, 20, 21)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("subject", "sentence"),
    [
        (Subject("hf:acme", sha256_hex(b"hf:acme")), "'hf:acme' is no stub: write hf:owner/name"),
        (Subject("hf:a/b@main", sha256_hex(b"hf:a/b@main")), "'hf:a/b@main' is no stub"),
        (Subject("hf:a/b\n", sha256_hex(b"hf:a/b\n")), "is no stub"),
        (Subject("tensor:" + "1" * 64, "1" * 64), "has the digest 111"),
        (Subject("tensor:bf16", "1" * 64), "a tensor that an incident names must be"),
        (Subject("key:" + "1" * 64, "0" * 64), "has the digest 000.*; the one of that is 111"),
        (
            Subject("hf:a/b", "0" * 64),
            f"hf:a/b has the digest {'0' * 64}; .* of its id, {sha256_hex(b'hf:a/b')}",
        ),
    ],
)
def test_an_incident_names_stubs_and_keys_by_its_whole_id_and_the_digest_of_that(subject, sentence):
    said = incident.statement(["hf:a/b"], "privacy", "low", "reported", "x", contact="x", issued=1)
    assert incident.facts(said, ENTRY)[0].artifacts == ("hf:a/b",)

    with pytest.raises(Malformed, match=sentence):
        incident.facts(Statement((subject,), incident.URI, said.predicate), ENTRY)


def test_an_incident_on_nothing_is_not_written():
    with pytest.raises(Malformed, match="names at least one artifact, key, tensor or range of names"):
        incident.statement([], "privacy", "low", "reported", "x", contact="x", issued=1)


@pytest.mark.parametrize("artifact", ["hf:acme", "hf:a/b@main", "hf:a/b ", "sha256:12", "kennel/one"])
def test_an_incident_on_what_is_no_id_is_not_written(artifact):
    with pytest.raises(Malformed):
        incident.statement([artifact], "privacy", "low", "reported", "x", contact="x", issued=1)
