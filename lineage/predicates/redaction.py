"""Redaction: the payload of an entry is removed under an order; its leaf, its proof, and the shape of what it said stay.

predicateType `https://studbook.dev/redaction/v1`, said by as many distinct operators with the role root as the version of the
trusted root in force asks for. The one subject is the entry: its digest is the entry's id, whoever signed it how often.

    {"order": "<one line: who ordered it, under which reference>",
     "kept": {"type": "<predicateType of the entry>", "facts": [{"kind": "registered", ...}, ...]}}

`kept` is what `lineage.residue` leaves of the entry's facts, each in its place. A version of the trusted root and a redaction are
never removed. Establishes `Redacted`.
"""

from __future__ import annotations

from typing import Any

from lineage import schema
from lineage.facts import Role
from lineage.removals import Redacted
from lineage.residue import Residue
from signing import canonical
from signing.statement import Statement

URI = schema.BASE + "redaction/v1"
ROLES: tuple[Role, ...] = ("root",)


class _Redaction(schema.Closed):
    order: schema.Line
    kept: dict[str, Any]


def facts(statement: Statement, entry: str) -> tuple[Redacted]:  # noqa: ARG001 - every predicate's signature
    """Return which entry loses its payload."""
    said = schema.read(_Redaction, URI, statement.predicate)
    kept = Residue.parse(canonical.encode(said.kept))
    return (Redacted(schema.subject(statement).sha256, said.order, kept.encode().decode()),)


def statement(entry: str, order: str, kept: Residue) -> Statement:
    """Have the payload of `entry` (64 hex digits) removed under `order`."""
    return schema.claim(
        _Redaction, URI, [f"sha256:{entry}"], {"order": order, "kept": canonical.decode(kept.encode())}
    )
