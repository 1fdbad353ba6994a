"""Incident change: an incident moves to another stage, with the reason.

predicateType `https://studbook.dev/incident-change/v1`, said by a key with the security role. The one subject is the
incident: its digest is the id of the entry that reported it.

    {"stage": "confirmed" | "resolved" | "rejected" | "retracted", "reason": "<one line>"}

`reported` becomes `confirmed`, `rejected` or `retracted`; `confirmed` becomes `resolved`, `rejected` or `retracted`; those
three are final, and who was wrong to end an incident reports a new one (4-lineage, "Standing and incidents").
Establishes `Restaged`.
"""

from __future__ import annotations

from typing import Literal

from lineage import schema
from lineage.facts import Role
from lineage.incidents import Restaged
from signing.statement import Statement

URI = schema.BASE + "incident-change/v1"
ROLES: tuple[Role, ...] = ("security",)

Change = Literal["confirmed", "resolved", "rejected", "retracted"]


class _Change(schema.Closed):
    stage: Change
    reason: schema.Line


def facts(statement: Statement, entry: str) -> tuple[Restaged]:  # noqa: ARG001 - every predicate's signature
    """Return the incident's new stage."""
    said = schema.read(_Change, URI, statement.predicate)
    return (Restaged(schema.subject(statement).sha256, said.stage, said.reason),)


def statement(incident: str, stage: Change, reason: str) -> Statement:
    """Move `incident` (64 hex digits) to `stage`, for this reason."""
    return schema.claim(_Change, URI, [f"sha256:{incident}"], {"stage": stage, "reason": reason})
