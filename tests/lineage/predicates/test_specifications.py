"""What Studbook writes in other people's types, held against their specifications field by field.

Sections: in-toto Attestation Framework v1.1 (Statement, ResourceDescriptor, field types, parsing rules), SLSA v1.2 (Provenance,
Verification Summary) and in-toto Test Result v0.1.
"""

import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statements import ENTRY, EXAMPLES

from lineage import predicates
from lineage.predicates import evaluation, provenance, rebuild
from signing import canonical
from signing.errors import Malformed
from signing.statement import Statement

# field_types, ResourceURI and TypeURI: RFC 3986, case-normalised by its section 6.2.2.1.
URI = re.compile(r"[a-z][a-z0-9+.-]*:(//[a-z0-9._-]+(/|$))?[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]*")
# RFC 3339 in UTC: field_types, Timestamp.
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", re.ASCII)


def uri(value):
    return isinstance(value, str) and URI.fullmatch(value) is not None


def timestamp(value):
    return TIMESTAMP.fullmatch(value) is not None and datetime.fromisoformat(value) is not None


def text(value):
    return isinstance(value, str)


def texts(value):
    return isinstance(value, list) and all(map(text, value))


def mapping(value):
    return isinstance(value, dict)


def versions(value):
    return isinstance(value, dict) and all(map(text, value.values()))


def digests(value):
    return versions(value) and bool(value) and all(re.fullmatch("[0-9a-f]+", one) for one in value.values())


def descriptor(value):
    """resource_descriptor, Fields: at least one of uri, digest and content, each of its type."""
    known = {"name": text, "uri": uri, "digest": digests, "content": text, "downloadLocation": uri}
    known |= {"mediaType": text, "annotations": mapping}
    return (
        isinstance(value, dict)
        and not {"uri", "digest", "content"}.isdisjoint(value)
        and all(name in known and known[name](one) for name, one in value.items())
    )


def descriptors(value):
    return isinstance(value, list) and all(map(descriptor, value))


def digested(value):
    return descriptors(value) and all("digest" in one for one in value)


def levels(value):
    """SlsaResult: values that begin with SLSA_ are SLSA's own; a quorum says one of them (docs/quirks.md)."""
    custom = [one for one in value if one != rebuild.REPRODUCED] if texts(value) else []
    return texts(value) and bool(value) and not any(one.startswith("SLSA_") for one in custom)


def one_of(*allowed):
    return lambda value: value in allowed


REQUIRED, OPTIONAL = True, False
STATEMENT = {
    "_type": ("Statement, Fields", REQUIRED, one_of("https://in-toto.io/Statement/v1")),
    "subject": ("Statement, Fields: each element must have digest set", REQUIRED, digested),
    "predicateType": ("Statement, Fields", REQUIRED, uri),
    "predicate": ("Statement, Fields", OPTIONAL, mapping),
}
PREDICATES = {
    provenance.URI: {
        "buildDefinition": ("Provenance", REQUIRED, mapping),
        "buildDefinition.buildType": ("BuildDefinition", REQUIRED, uri),
        "buildDefinition.externalParameters": ("BuildDefinition", REQUIRED, mapping),
        "buildDefinition.internalParameters": ("BuildDefinition", OPTIONAL, mapping),
        "buildDefinition.resolvedDependencies": ("BuildDefinition", OPTIONAL, descriptors),
        "runDetails": ("Provenance", REQUIRED, mapping),
        "runDetails.builder": ("RunDetails", REQUIRED, mapping),
        "runDetails.builder.id": ("Builder", REQUIRED, uri),
        "runDetails.builder.version": ("Builder", OPTIONAL, versions),
        "runDetails.builder.builderDependencies": ("Builder", OPTIONAL, descriptors),
        "runDetails.metadata": ("BuildMetadata", OPTIONAL, mapping),
        "runDetails.byproducts": ("RunDetails", OPTIONAL, descriptors),
    },
    rebuild.URI: {
        "verifier": ("VSA, Fields", REQUIRED, mapping),
        "verifier.id": ("VSA, Fields", REQUIRED, uri),
        "verifier.version": ("VSA, Fields", OPTIONAL, versions),
        "timeVerified": ("VSA, Fields: required in 1.0, optional since 1.1", REQUIRED, timestamp),
        "resourceUri": ("VSA, Fields", REQUIRED, uri),
        "policy": ("VSA, Fields", REQUIRED, descriptor),
        "policy.uri": ("VSA, Fields: the entry must contain a uri", REQUIRED, uri),
        "inputAttestations": ("VSA, Fields: each must contain a digest", OPTIONAL, digested),
        "verificationResult": ("VSA, Fields", REQUIRED, one_of("PASSED", "FAILED")),
        "verifiedLevels": ("VSA, Fields", REQUIRED, levels),
        "dependencyLevels": ("VSA, Fields", OPTIONAL, mapping),
        "slsaVersion": ("VSA, Fields", OPTIONAL, text),
    },
    evaluation.URI: {
        "result": ("Test Result, Fields", REQUIRED, one_of("PASSED", "WARNED", "FAILED")),
        "configuration": ("Test Result, Fields", REQUIRED, descriptors),
        "url": ("Test Result, Fields", OPTIONAL, uri),
        "passedTests": ("Test Result, Fields", OPTIONAL, texts),
        "warnedTests": ("Test Result, Fields", OPTIONAL, texts),
        "failedTests": ("Test Result, Fields", OPTIONAL, texts),
    },
}
# VSA, Parsing rules: names of extension fields are URIs. Parsing rules of the framework: elsewhere they only must not
# collide, and avoid "." and "$"; SLSA Provenance, Extension fields, proposes <vendor>_<field>.
EXTENSIONS = {provenance.URI: set(), rebuild.URI: {rebuild.DIFFERS}, evaluation.URI: {evaluation.MEASURED}}
# Fields whose inside is somebody's own: a recipe, a map, an extension.
INSIDE = {"buildDefinition.externalParameters", "runDetails.builder.version", "policy", "subject"}
every = pytest.mark.parametrize("uri", sorted(PREDICATES))


def places(value, path=""):
    for name, inner in value.items():
        here = f"{path}.{name}" if path else name
        yield here
        if isinstance(inner, dict) and here not in INSIDE:
            yield from places(inner, here)


def found(value, path):
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value


def faults(value, table, extensions=frozenset()):
    """Return every field that the specification would refuse, or does not know."""
    for path, (section, required, holds) in table.items():
        here = found(value, path)
        if here is None and required:
            yield f"{path} is missing: {section}"
        elif here is not None and not holds(here):
            yield f"{path} is {here!r}: {section}"
    names = (
        path for path in places(value) if path.split(".")[0] not in extensions and path not in extensions
    )
    yield from (f"{path} is no field of it" for path in names if path not in table)


@every
@given(data=st.data())
def test_what_is_written_is_what_the_specification_asks_for(uri, data):
    value = canonical.decode(data.draw(EXAMPLES[uri])[0].encode())
    predicate = value.pop("predicate")

    assert list(faults(value, STATEMENT)) == []
    assert list(faults(predicate, PREDICATES[uri], EXTENSIONS[uri])) == []
    assert value["predicateType"] == uri


@every
@given(data=st.data())
def test_the_table_finds_a_field_that_is_missing_and_one_that_is_misspelt(uri, data):
    predicate = canonical.decode(data.draw(EXAMPLES[uri])[0].encode())["predicate"]
    needed = [path for path, (_, required, _) in PREDICATES[uri].items() if required and "." not in path]
    dropped = data.draw(st.sampled_from(needed))

    value = predicate.pop(dropped)
    assert any(one.startswith(f"{dropped} is missing") for one in faults(predicate, PREDICATES[uri]))
    predicate[f"{dropped}s"] = value
    assert f"{dropped}s is no field of it" in list(faults(predicate, PREDICATES[uri]))


@given(EXAMPLES[provenance.URI])
def test_unset_null_and_empty_fields_of_a_provenance_are_the_same(example):
    """SLSA Provenance, Parsing rules."""
    said, expected = example
    definition, run = said.predicate["buildDefinition"], said.predicate["runDetails"]
    nothing = {"uri": "git+https://example.org/x", "name": None, "digest": None}
    only = [{"uri": "pkg:pypi/x@1", "digest": {"gitCommit": "ab"}}, {"content": "eA=="}, nothing]
    predicate = {
        "buildDefinition": {
            **definition,
            "internalParameters": None,
            "resolvedDependencies": [*only, *definition["resolvedDependencies"]],
        },
        "runDetails": {**run, "metadata": None, "byproducts": [*only, *run["byproducts"]]},
    }

    assert predicates.facts(Statement(said.subjects, provenance.URI, predicate), ENTRY) == expected
    for empty in (None, []):
        bare = {**predicate, "runDetails": {**run, "byproducts": empty}}
        with pytest.raises(Malformed, match=r"one manifest\.json, not 0"):
            predicates.facts(Statement(said.subjects, provenance.URI, bare), ENTRY)


@given(EXAMPLES[rebuild.URI])
def test_a_verdict_without_its_time_is_read(example):
    """VSA, Change history, 1.1: timeVerified is optional."""
    said, expected = example
    predicate = {name: value for name, value in said.predicate.items() if name != "timeVerified"}

    assert predicates.facts(Statement(said.subjects, rebuild.URI, predicate), ENTRY) == expected
