"""Derivation: the publisher says what an artifact was made from, where no builder recorded it.

predicateType `https://studbook.dev/derivation/v1`, said by a publisher about one registered artifact. One of the
operators that sign it must have signed the artifact's first registration (model signature): nobody names parents for another's artifact.

    {"parents": [{"artifact": "sha256:<64 hex>" | "hf:<owner>/<name>[@<40 hex>]",
                  "relation": "finetune" | ...,      one of `lineage.facts.MAKINGS`
                  "part": {"<word>": "<text>", ...}  what the parent contributed; may be empty
                 }, ...]}

A parent that is not registered here is named as a stub, `hf:`; what it is itself made of stays unknown, and whatever
descends from it is never called clean. Establishes one `Derived` a parent, with evidence `signed`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from lineage import schema
from lineage.facts import Derived, Evidence, Making, Relation, Role
from signing import canonical
from signing.canonical import Json
from signing.statement import Statement

URI = schema.BASE + "derivation/v1"
ROLES: tuple[Role, ...] = ("publisher",)


@dataclass(frozen=True, slots=True)
class Parent:
    """One thing an artifact was made from, how, and which part it played."""

    artifact: str
    relation: Relation
    part: Mapping[str, str] = field(default_factory=dict)


class _Parent(schema.Closed):
    artifact: schema.Ref
    relation: Making
    part: dict[schema.Word, schema.Line]


class _Derivation(schema.Closed):
    parents: tuple[_Parent, ...] = Field(min_length=1, max_length=1000)


def facts(statement: Statement, entry: str) -> tuple[Derived, ...]:  # noqa: ARG001 - every predicate's signature
    """Return the edges from the artifact's parents to it, each once."""
    child = schema.artifact(statement)
    said = schema.read(_Derivation, URI, statement.predicate)
    edges = (
        Derived(child, one.artifact, one.relation, canonical.encode(one.part).decode(), Evidence.SIGNED)
        for one in said.parents
    )
    return tuple(dict.fromkeys(edges))


def statement(artifact: str, parents: Sequence[Parent]) -> Statement:
    """Say that `artifact` was made from `parents`."""
    listed: list[Json] = [
        {"artifact": one.artifact, "relation": one.relation, "part": dict(one.part)} for one in parents
    ]
    return schema.claim(_Derivation, URI, [artifact], {"parents": listed})
