"""Claims: whatever a document is said to say, only of stubs, each once, and with the weakest evidence there is."""

from fuzz.typed import made_again, typed
from fuzz.words import JSON, marks, members, texts

from lineage.facts import RELATIONS, Claimed, Derived, Evidence, is_stub
from lineage.predicates import claims
from signing import canonical

MINUTES, LONGEST = 3, 65536
WORDS = (
    *members("_type subject predicateType predicate name digest sha256"),
    *members("claims artifact parents relation part license issued"),
    *texts((claims.URI, *RELATIONS, "mit", "README.md", "sha256:" + "1" * 64)),
    *marks("hf:a/b hf:a/_b@ sha256: null"),
    *JSON,
)


def read(data: bytes) -> None:
    said, found = typed(data, claims.URI)
    assert len(found) == len({*found})
    for fact in found:
        match fact:
            case Derived(child, _, relation, part, evidence):
                assert is_stub(child)
                assert relation in RELATIONS
                assert evidence is Evidence.CLAIMED
                assert canonical.encode(canonical.decode(part.encode())).decode() == part
            case Claimed(artifact, license_id):
                assert is_stub(artifact)
                assert license_id
            case _:
                raise AssertionError(fact)
    (document,) = said.subjects
    again = made_again(
        lambda: claims.statement(document.name, document.sha256, _claims(found), 1),
        "",
    )
    assert {*again} == {*found}


def _claims(found: tuple[Derived | Claimed, ...]) -> list[claims.Claim]:
    """Make a claim of each fact."""
    return [
        claims.Claim(fact.artifact, (), fact.license)
        if isinstance(fact, Claimed)
        else claims.Claim(
            fact.child, (claims.Parent(fact.parent, fact.relation, canonical.decode(fact.part.encode())),)
        )
        for fact in found
    ]
