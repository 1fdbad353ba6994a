"""Incident status: what an incident means for one artifact that it reaches, in the words of VEX.

predicateType `https://studbook.dev/incident-status/v1`, said by a key with the security role. The one subject is the artifact or the
stub, as in `incident`.

    {"incident": "<64 hex>",                    the id of the entry that reports it
     "status": "affected" | "not_affected" | "fixed" | "under_investigation",
     "justification": "component_not_present" | ... | null,    one of `lineage.assessed.JUSTIFICATIONS`, those of OpenVEX
     "expires": "<unix seconds>" | null,                       from then on it says nothing any longer
     "corrected": "sha256:<64 hex>" | null,                    the artifact to take instead, which supersedes this one
     "note": "<one line>", "issued": "<unix seconds>"}

`not_affected`, and nothing else, has a justification and an expiry later than `issued`; `fixed`, and nothing else, names the corrected
artifact. The newest status of an artifact counts; once that has expired, none does. It moves no flag: whether a status of
`not_affected` keeps the incident from what is made of the artifact is a policy of whoever reads (`lineage.status`). `issued`
tells a return to an earlier status from a repetition of the earlier statement. Establishes `Assessed`.
"""

from __future__ import annotations

from lineage import schema
from lineage.assessed import Assessed, Justification, Status
from lineage.facts import Role
from signing.errors import Malformed
from signing.statement import Statement

URI = schema.BASE + "incident-status/v1"
ROLES: tuple[Role, ...] = ("security",)


# RFC 3339, in which exports write times, ends there.
_LATEST = 253_402_300_799


class _Status(schema.Closed):
    incident: schema.Hex
    status: Status
    justification: Justification | None
    expires: schema.Whole | None
    corrected: schema.Artifact | None
    note: schema.Line
    issued: schema.Whole


def facts(statement: Statement, entry: str) -> tuple[Assessed]:  # noqa: ARG001 - every predicate's signature
    """Return what the incident means for the artifact."""
    said = schema.read(_Status, URI, statement.predicate)
    artifact = schema.ref(schema.subject(statement))
    cleared, fixed = said.status == "not_affected", said.status == "fixed"
    if (said.justification is not None, said.expires is not None) != (cleared, cleared):
        raise Malformed(
            f"{URI} says {said.status} of {artifact}: not_affected, and nothing else, has a justification and an expiry"
        )
    if said.expires is not None and not said.issued < said.expires <= _LATEST:
        raise Malformed(
            f"{URI} expires at {said.expires}, and was issued at {said.issued}: it expires later, and not after the year 9999"
        )
    if (said.corrected is not None) != fixed:
        raise Malformed(
            f"{URI} says {said.status} of {artifact}: fixed, and nothing else, names the corrected artifact"
        )
    return (
        Assessed(
            artifact, said.incident, said.status, said.justification, said.expires, said.corrected, said.note
        ),
    )


def statement(said: Assessed, issued: int) -> Statement:
    """Say, at `issued` in unix seconds, what an incident means for an artifact."""
    predicate = {
        "incident": said.incident,
        "status": said.status,
        "justification": said.justification,
        "expires": None if said.expires is None else str(said.expires),
        "corrected": said.corrected,
        "note": said.note,
        "issued": str(issued),
    }
    made = Statement((schema.named(said.artifact),), URI, predicate)
    facts(made, "")
    return made
