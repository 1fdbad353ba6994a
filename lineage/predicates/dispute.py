"""Dispute: whoever registered an artifact that an incident flags says that the incident is not so, or not of it.

predicateType `https://studbook.dev/dispute/v1`, said by a publisher. The one subject is the incident: its digest is the id of the
entry that reported it. One of the operators that sign it must have signed the first registration of the artifact (model signature).

    {"artifact": "sha256:<64 hex>",             registered here, and named or reached by the incident, which was not ended
     "text": "<one line>",
     "evidence": "<64 hex>" | null,             SHA-256 of a file that bears it out, which whoever disputes it keeps
     "issued": "<unix seconds>"}

It is shown beside the incident and changes no flag and no stage: whoever reported the incident decides about that, and whoever
reads both decides whom to believe. `issued` tells a second dispute in the same words from a repetition. Establishes `Disputed`.
"""

from __future__ import annotations

from lineage import schema
from lineage.facts import Role
from lineage.incidents import Disputed
from signing.statement import Statement

URI = schema.BASE + "dispute/v1"
ROLES: tuple[Role, ...] = ("publisher",)


class _Dispute(schema.Closed):
    artifact: schema.Artifact
    text: schema.Line
    evidence: schema.Hex | None
    issued: schema.Whole


def facts(statement: Statement, entry: str) -> tuple[Disputed]:  # noqa: ARG001 - every predicate's signature
    """Return what is said against the incident, and for which artifact."""
    said = schema.read(_Dispute, URI, statement.predicate)
    return (Disputed(schema.subject(statement).sha256, said.artifact, said.text, said.evidence),)


def statement(incident: str, artifact: str, text: str, evidence: str | None, issued: int) -> Statement:
    """Dispute `incident` (64 hex digits) for `artifact`, at `issued` in unix seconds; `evidence` is a file's SHA-256 in hex."""
    said = {"artifact": artifact, "text": text, "evidence": evidence, "issued": str(issued)}
    return schema.claim(_Dispute, URI, [f"sha256:{incident}"], said)
