"""Statements of every type, as far as the facts: what is written again in canonical JSON says the same.

Apart from the envelope, since a fuzzer that changes base64 seldom changes one word of what it spells.
"""

from fuzz.words import JSON, marks, members, texts

from lineage import predicates
from lineage.facts import RELATIONS
from lineage.foreign import RESERVED
from lineage.incidents import KINDS, SEVERITIES
from lineage.predicates import discovered, redaction
from lineage.residue import Residue, residue
from signing.digest import sha256_hex
from signing.dsse import IN_TOTO, pae
from signing.statement import TYPE, Statement

MINUTES, LONGEST = 10, 65536
WORDS = (
    *members(
        "_type subject predicateType predicate digest sha256 name uri issued recipe parameters parents keys facts"
    ),
    *members(
        "buildDefinition externalParameters resolvedDependencies runDetails builder byproducts trustedRoot"
    ),
    *members(
        "serialization resources algorithm ignore_paths verifier policy resourceUri inputAttestations residue"
    ),
    *members(
        "claims artifact relation part license verificationResult verifiedLevels stage kind severity summary contact configuration studbook_evaluation"
    ),
    *texts(
        (
            TYPE,
            *discovered(),
            *sorted(RESERVED),
            *KINDS,
            *SEVERITIES,
            *RELATIONS,
            "PASSED",
            "FAILED",
            "0",
            "1",
        )
    ),
    *marks("sha256: hf: @"),
    *JSON,
)


def read(data: bytes) -> None:
    found = Statement.parse(data)
    again = Statement.parse(found.encode())
    assert again == found
    entry = sha256_hex(pae(IN_TOTO, data))
    facts = predicates.facts(found, entry)
    assert predicates.facts(again, entry) == facts
    if found.predicate_type != redaction.URI:
        left = residue(found.predicate_type, facts)
        assert Residue.parse(left.encode()) == left
