"""Claims: what a document may be said to say, and what not."""

import pytest
from statements import ENTRY

from lineage import predicates
from lineage.facts import Claimed, Derived, Evidence
from lineage.predicates import claims
from lineage.predicates.claims import Claim, Parent
from lineage.residue import Residue, artifacts, residue
from signing.errors import Malformed
from signing.statement import Statement, Subject

ID, UP, DOWN = "sha256:" + "1" * 64, "hf:acme/Base", "hf:acme/_tuned@" + "0f" * 20
SAID = claims.statement(
    "cards.jsonl", "a" * 64, [Claim(DOWN, (Parent(UP, "finetune"), Parent(ID, "merge")), "MIT")], 7
)


def test_a_claim_is_an_edge_with_the_weakest_evidence_and_a_license_that_nobody_declared():
    assert predicates.facts(Statement.parse(SAID.encode()), ENTRY) == (
        Derived(DOWN, UP, "finetune", "{}", Evidence.CLAIMED),
        Derived(DOWN, ID, "merge", "{}", Evidence.CLAIMED),
        Claimed(DOWN, "MIT"),
    )
    assert min(Evidence) == Evidence.CLAIMED


def test_the_subject_is_the_document():
    assert SAID.subjects == (Subject("cards.jsonl", "a" * 64),)
    for name in ("", "a\nb", "x" * 1025):
        with pytest.raises(Malformed, match="names its document"):
            claims.statement(name, "a" * 64, [Claim(DOWN, (), "mit")], 7)


def test_what_is_registered_is_claimed_of_by_nobody():
    with pytest.raises(Malformed, match=r"claims\.0\.artifact"):
        claims.statement("x", "a" * 64, [Claim(ID, (Parent(UP, "merge"),))], 7)


def test_a_claim_that_says_nothing_is_refused():
    with pytest.raises(Malformed, match=f"says of {UP} neither what it was made from nor its license"):
        claims.statement("x", "a" * 64, [Claim(DOWN, (), "mit"), Claim(UP)], 7)


def test_a_statement_makes_a_thousand_claims_and_names_ten_thousand_parents():
    thousand = [Claim(f"hf:a/{n}", (), "mit") for n in range(1000)]
    assert len(claims.facts(claims.statement("x", "a" * 64, thousand, 7), "")) == 1000
    with pytest.raises(Malformed, match="claims"):
        claims.statement("x", "a" * 64, [*thousand, Claim("hf:a/more", (), "mit")], 7)
    many = [Parent(f"hf:b/{n}", "merge") for n in range(10_001)]
    assert len(claims.facts(claims.statement("x", "a" * 64, [Claim(UP, tuple(many[:-1]))], 7), "")) == 10_000
    with pytest.raises(Malformed, match="names 10001 parents; one statement names at most 10000"):
        claims.statement("x", "a" * 64, [Claim(UP, tuple(many))], 7)


def test_what_is_left_of_claims_is_their_shape_and_makes_the_stubs_unknown():
    said = claims.statement("x", "a" * 64, [Claim(DOWN, (Parent(UP, "merge", {"role": "base"}),), "mit")], 7)
    left = residue(claims.URI, claims.facts(said, ENTRY))

    assert left.facts == (Derived(DOWN, UP, "merge", "{}", Evidence.CLAIMED), Claimed(DOWN, "mit"))
    assert Residue.parse(left.encode()) == left
    assert artifacts(left.facts) == (DOWN,)
