"""Containment: these artifacts hold a tensor, by the word of somebody who read their manifests.

predicateType `https://studbook.dev/containment/v1`, said by a key with the security role. The subjects are the artifacts.

    {"tensor": "<64 hex>"}                      the digest of the tensor (2-arithmetic, "Manifest")

The log names manifests and does not hold them, so whoever has one can check this, and incidents that name the tensor select the
artifacts by what is logged alone. Establishes `Contained` for each.
"""

from __future__ import annotations

from collections.abc import Iterable

from lineage import schema
from lineage.facts import Contained, Role
from signing.statement import Statement

URI = schema.BASE + "containment/v1"
ROLES: tuple[Role, ...] = ("security",)


class _Containment(schema.Closed):
    tensor: schema.Hex


def facts(statement: Statement, entry: str) -> tuple[Contained, ...]:  # noqa: ARG001 - every predicate's signature
    """Return which artifacts hold the tensor."""
    said = schema.read(_Containment, URI, statement.predicate)
    artifacts = sorted({f"sha256:{one.sha256}" for one in statement.subjects})
    return tuple(Contained(artifact, said.tensor) for artifact in artifacts)


def statement(tensor: str, artifacts: Iterable[str]) -> Statement:
    """Say that `artifacts` hold the tensor with this digest (64 hex digits)."""
    return schema.claim(_Containment, URI, sorted(set(artifacts)), {"tensor": tensor})
