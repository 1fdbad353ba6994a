"""Incident amendment: an incident's severity, summary or contact is another from now on, with the reason.

predicateType `https://studbook.dev/incident-amendment/v1`, said by a key with the security role. The one subject is the incident:
its digest is the id of the entry that reported it.

    {"severity": "low" | "medium" | "high" | "critical" | null,
     "summary": "<one line>" | null, "contact": "<one line>" | null,   null: it stays as it is; one of the three is given
     "reason": "<one line>", "issued": "<unix seconds>"}

The newest amendment of each counts; the report and earlier ones stay in the log, and answers as of then tell them. No flag moves.
`issued` tells a return to earlier words from a repetition of the earlier statement. Establishes `Amended`.
"""

from __future__ import annotations

from lineage import schema
from lineage.facts import Role
from lineage.incidents import Amended, Severity
from signing.errors import Malformed
from signing.statement import Statement

URI = schema.BASE + "incident-amendment/v1"
ROLES: tuple[Role, ...] = ("security",)


class _Amendment(schema.Closed):
    severity: Severity | None
    summary: schema.Line | None
    contact: schema.Line | None
    reason: schema.Line
    issued: schema.Whole


def facts(statement: Statement, entry: str) -> tuple[Amended]:  # noqa: ARG001 - every predicate's signature
    """Return what of the incident is another."""
    said = schema.read(_Amendment, URI, statement.predicate)
    if said.severity is said.summary is said.contact is None:
        raise Malformed(f"{URI} amends neither severity, nor summary, nor contact")
    incident = schema.subject(statement).sha256
    return (Amended(incident, said.severity, said.summary, said.contact, said.reason),)


def statement(
    incident: str,
    reason: str,
    *,
    severity: Severity | None = None,
    summary: str | None = None,
    contact: str | None = None,
    issued: int,
) -> Statement:
    """Amend `incident` (64 hex digits), for this reason and at `issued` in unix seconds; None leaves a thing as it is."""
    predicate = {"severity": severity, "summary": summary, "contact": contact, "reason": reason}
    said = schema.claim(_Amendment, URI, [f"sha256:{incident}"], predicate | {"issued": str(issued)})
    facts(said, "")
    return said
