"""Foreign statements: admitted in any type that can never be read here, and never read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statements import ENTRY, hexes

from lineage import foreign, predicates
from lineage.checks import Attested
from signing import canonical
from signing.digest import sha256_hex
from signing.errors import Malformed, Refused
from signing.statement import Statement, Subject

ID = "sha256:" + "1" * 64
TYPE = "https://example.org/review/v1"
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc$.", max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


def said(uri=TYPE, predicate=None, *digests):
    subjects = tuple(Subject("", one) for one in digests or ["1" * 64])
    return Statement(subjects, uri, predicate or {})


# The first statement that is read imports every reader.
@settings(deadline=None)
@given(hexes, st.dictionaries(st.text("abc", min_size=1), values))
def test_it_establishes_that_it_was_said_and_nothing_else(digest, predicate):
    statement = said(TYPE, predicate, digest)

    (fact,) = predicates.facts(Statement.parse(statement.encode()), ENTRY)

    assert fact == Attested(f"sha256:{digest}", TYPE, sha256_hex(canonical.encode(predicate)))


@pytest.mark.parametrize(
    "uri",
    [
        TYPE,
        "https://cyclonedx.org/bom",
        "https://spdx.dev/Document/v2.3",
        "https://notslsa.dev/provenance/v1",
        "https://slsa.dev.example.org/v1",
        "https://example.org/?of=https://slsa.dev/provenance/v1",
        "urn:example:review",
        "tag:example.org,2026:review",
        "https://example.org:8443/a%20b",
    ],
)
def test_any_other_type_is_admitted_from_whoever_speaks_in_a_log(uri):
    assert [one.type for one in predicates.facts(said(uri), ENTRY)] == [uri]
    assert predicates.roles(uri) == ("publisher", "builder", "rebuilder", "security")


@pytest.mark.parametrize(
    "uri",
    [
        "https://slsa.dev/provenance/v0.2",
        "https://slsa.dev/provenance/v2",
        "http://slsa.dev/provenance/v1",
        "https://slsa.dev:443/provenance/v1",
        "https://slsa.dev./provenance/v1",
        "https://slsa.dev",
        "https://www.slsa.dev/provenance/v1",
        "https://in-toto.io/attestation/vulns/v0.1",
        "https://in-toto.io/attestation/test-result/v0.2",
        "https://model_signing/signature/v2.0",
        "https://studbook.dev/license/v2",
        "git+https://studbook.dev/license/v1",
        "studbook:license",
    ],
)
def test_a_reserved_type_that_nobody_reads_yet_is_refused_by_its_uri(uri):
    with pytest.raises(Refused, match="are not understood here") as refused:
        predicates.facts(said(uri), ENTRY)
    assert repr(uri) in str(refused.value)


@pytest.mark.parametrize(
    "uri",
    [
        "review",
        "slsa.dev/provenance/v1",
        "HTTPS://slsa.dev/provenance/v1",
        "https://SLSA.dev/provenance/v1",
        "https://me@slsa.dev/provenance/v1",
        "https://%73lsa.dev/provenance/v1",
        "https:slsa.dev/provenance/v1",
        "https:///slsa.dev/provenance/v1",
        "https://slsa.dev\\@example.org/",
        "https://example.org/a b",
        "https://example.org/\u202e",
        "https://example.org/\n",
        "https://\u0455lsa.dev/",
        "https://example.org/%zz",
        "https://example.org/" + "x" * 500,
        " https://example.org/",
    ],
)
def test_what_could_pass_for_a_reserved_type_or_rewrite_a_terminal_is_no_type(uri):
    with pytest.raises(Malformed, match="is no type of a statement"):
        predicates.facts(said(uri), ENTRY)


def test_it_is_about_one_artifact():
    with pytest.raises(Malformed, match="one subject is needed, not 2"):
        predicates.facts(said(TYPE, {}, "1" * 64, "2" * 64), ENTRY)


def test_what_was_admitted_unread_can_never_be_read():
    """A reader that is added later must be of a reserved type, or earlier leaves would come to mean something else."""
    for uri in predicates.discovered():
        with pytest.raises(Refused, match="are not understood here"):
            foreign.check(uri)


def test_the_reserved_names_are_these_for_ever():
    """One more could be a type that a log holds already as a foreign one; one less would let others say what was refused."""
    assert sorted(foreign.RESERVED) == ["in-toto.io", "model_signing", "slsa.dev", "studbook.dev"]
    assert foreign.SCHEME == "studbook"
