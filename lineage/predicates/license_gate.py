"""License gate: whether names may be bound to what contradicts its licenses without a waiver, in this log from now on.

predicateType `https://studbook.dev/license-gate/v1`, said by a publisher of the operator that keeps the log. The one subject is
the log: its digest is the SHA-256 of the log's origin.

    {"gate": "open" | "shut", "reason": "<one line>", "issued": "<unix seconds>"}

A log begins with its gate shut. The newest decision counts for the statements after it, and changes no binding that is there;
`issued` tells a decision from a repetition of an earlier one. Establishes `Gated`.
"""

from __future__ import annotations

from typing import Literal

from lineage import schema
from lineage.facts import Gated, Role
from signing.digest import sha256_hex
from signing.statement import Statement

URI = schema.BASE + "license-gate/v1"
ROLES: tuple[Role, ...] = ("publisher",)


class _Gate(schema.Closed):
    gate: Literal["open", "shut"]
    reason: schema.Line
    issued: schema.Whole


def facts(statement: Statement, entry: str) -> tuple[Gated]:  # noqa: ARG001 - every predicate's signature
    """Return what was decided."""
    said = schema.read(_Gate, URI, statement.predicate)
    schema.subject(statement)
    return (Gated(said.gate == "shut", said.reason),)


def statement(origin: str, reason: str, issued: int, *, shut: bool) -> Statement:
    """Shut the license gate of the log with this origin, or open it, for this reason and at `issued` in unix seconds."""
    predicate = {"gate": "shut" if shut else "open", "reason": reason, "issued": str(issued)}
    return schema.claim(_Gate, URI, [f"sha256:{sha256_hex(origin.encode())}"], predicate)
