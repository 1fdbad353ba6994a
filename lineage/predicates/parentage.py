"""Parentage: somebody compared an artifact's weights with those of what it is said to be made from.

predicateType `https://studbook.dev/parentage/v1`, said by a rebuilder about anybody's registered artifact:

    {"parents": [{"artifact": "sha256:<64 hex>",                 registered here, and not the artifact itself
                  "outcome": "consistent" | "contradicted",
                  "statistic": "<word>",                         what decided (docs/weight-evidence.md says which there are)
                  "value": "<decimal number>",
                  "threshold": "<decimal number>"}, ...]}        each parent once

What the weights do not tell is not said. A verdict makes edges from that parent `consistent` or `contradicted`, whoever
declared them, while it counts; where nobody declares one it says nothing. It is a statistic and no proof: somebody may have chosen
weights so that it comes out so. Establishes one `Compared` a parent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from lineage import schema
from lineage.checks import Compared
from lineage.facts import Role
from signing.canonical import Json
from signing.errors import Malformed
from signing.statement import Statement

URI = schema.BASE + "parentage/v1"
ROLES: tuple[Role, ...] = ("rebuilder",)


class _Parent(schema.Closed):
    artifact: schema.Artifact
    outcome: Literal["consistent", "contradicted"]
    statistic: schema.Word
    value: schema.Decimal
    threshold: schema.Decimal


class _Parentage(schema.Closed):
    parents: tuple[_Parent, ...] = Field(min_length=1, max_length=1000)


def facts(statement: Statement, entry: str) -> tuple[Compared, ...]:  # noqa: ARG001 - every predicate's signature
    """Return what the weights say of each parent."""
    artifact = schema.artifact(statement)
    said = schema.read(_Parentage, URI, statement.predicate).parents
    named = {one.artifact for one in said}
    if artifact in named or len(named) < len(said):
        raise Malformed(f"{URI}: it names {artifact} itself, or a parent of it twice")
    return tuple(
        Compared(artifact, one.artifact, one.outcome, one.statistic, one.value, one.threshold) for one in said
    )


def statement(said: Sequence[Compared]) -> Statement:
    """Say what the weights of one artifact say of some of its parents."""
    (artifact,) = {one.artifact for one in said}
    parents: list[Json] = [
        {
            "artifact": one.parent,
            "outcome": one.outcome,
            "statistic": one.statistic,
            "value": one.value,
            "threshold": one.threshold,
        }
        for one in said
    ]
    return schema.claim(_Parentage, URI, [artifact], {"parents": parents})
