"""Supersession: a corrected artifact takes the place of an earlier one, which stays what it is.

predicateType `https://studbook.dev/supersedes/v1`, said by a publisher about the corrected artifact, which is registered.
One of the operators that sign it must have signed the first registration of both (model signature): nobody declares
another's artifact outdated, nor their own to be another's successor.

    {"artifact": "sha256:<64 hex>"}    the earlier one, registered here too

An artifact does not supersede itself, nor one that supersedes it, directly or by way of others. Nothing else follows from it:
names stay where they are, and what reached the earlier one still does, since its bytes are the same. Establishes `Corrected`.
"""

from __future__ import annotations

from lineage import schema
from lineage.facts import Corrected, Role
from signing.statement import Statement

URI = schema.BASE + "supersedes/v1"
ROLES: tuple[Role, ...] = ("publisher",)


class _Supersedes(schema.Closed):
    artifact: schema.Artifact


def facts(statement: Statement, entry: str) -> tuple[Corrected]:  # noqa: ARG001 - every predicate's signature
    """Return which artifact the statement's own takes the place of."""
    said = schema.read(_Supersedes, URI, statement.predicate)
    return (Corrected(schema.artifact(statement), said.artifact),)


def statement(artifact: str, earlier: str) -> Statement:
    """Say that `artifact` takes the place of `earlier`."""
    return schema.claim(_Supersedes, URI, [artifact], {"artifact": earlier})
