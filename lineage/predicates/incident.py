"""Incident: something is wrong with these artifacts, and with what descends from them as far as the kind carries.

predicateType `https://studbook.dev/incident/v1`, said by a key with the security role. The subjects are the artifacts; of a stub,
which has no bytes here, the name is its id, `hf:<owner>/<name>[@<40 hex>]`, and the digest is the SHA-256 of that id.

    {"kind": "compromised" | ...,               one of `lineage.facts.KINDS`
     "severity": "low" | "medium" | "high" | "critical",
     "stage": "reported" | "confirmed",         reported warns, confirmed refuses
     "summary": "<one line>", "contact": "<one line>", "issued": "<unix seconds>"}

The incident's id is the id of the entry that reports it. `issued` tells a second incident with the same words from a
repetition of the first statement. It is changed by `incident_change` and never deleted. Establishes `Reported`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from lineage import schema
from lineage.facts import Kind, Reported, Role, Severity
from signing.canonical import Json
from signing.statement import Statement

URI = schema.BASE + "incident/v1"
ROLES: tuple[Role, ...] = ("security",)

Opening = Literal["reported", "confirmed"]


class _Incident(schema.Closed):
    kind: Kind
    severity: Severity
    stage: Opening
    summary: schema.Line
    contact: schema.Line
    issued: schema.Whole


def facts(statement: Statement, entry: str) -> tuple[Reported]:
    """Return the incident that `entry` opens."""
    said = schema.read(_Incident, URI, statement.predicate)
    artifacts = sorted({schema.ref(one) for one in statement.subjects})
    return (
        Reported(entry, tuple(artifacts), said.kind, said.severity, said.stage, said.summary, said.contact),
    )


def statement(
    artifacts: Iterable[str],
    what: Kind,
    severity: Severity,
    stage: Opening,
    summary: str,
    *,
    contact: str,
    issued: int,
) -> Statement:
    """Report, at `issued` in unix seconds, that `artifacts`, stubs among them, are `what`, in one line and with whom to ask."""
    predicate: dict[str, Json] = {
        "kind": what,
        "severity": severity,
        "stage": stage,
        "summary": summary,
        "contact": contact,
        "issued": str(issued),
    }
    schema.read(_Incident, URI, predicate)
    return Statement(tuple(map(schema.named, sorted(set(artifacts)))), URI, predicate)
