"""Claims: what others wrote about artifacts that were never seen here, put into the log by a publisher who read it.

predicateType `https://studbook.dev/claims/v1`, said by a publisher. The one subject is the document that was read: its file name
and the SHA-256 of its bytes, so that whoever holds the document can check the reading.

    {"claims": [{"artifact": "hf:<owner>/<name>[@<40 hex>]",      a stub: what is registered, its publisher speaks for
                 "parents": [{"artifact": "sha256:<64 hex>" | "hf:<owner>/<name>[@<40 hex>]",
                              "relation": "finetune" | ...,       one of `lineage.facts.MAKINGS`
                              "part": {"<word>": "<text>", ...}   what the parent contributed; may be empty
                             }, ...],                             at most 10,000 in the statement
                 "license": "apache-2.0" | null}, ...],           as the document spells it; null: it gives none
     "issued": "<unix seconds>"}

A statement makes 1 to 1,000 claims, each with a parent or a license. The signature says that the document says so, and nothing
about whether it is true: one `Derived` a parent, with evidence `claimed`, and one `Claimed` a license, which is no declaration
of a publisher's. A stub stays what it is, so whatever descends from it is never called clean. `issued` tells a return to an
earlier license from a repetition of the earlier statement, which the log answers with its first receipt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from lineage import schema
from lineage.facts import Claimed, Derived, Evidence, Making, Relation, Role
from signing import canonical
from signing.canonical import Json
from signing.errors import Malformed
from signing.statement import Statement, Subject

URI = schema.BASE + "claims/v1"
ROLES: tuple[Role, ...] = ("publisher",)
MOST = 1000
"""Claims in one statement."""
# One question to the database holds the ids of everything that a statement names.
MOST_PARENTS = 10_000
_LONGEST_NAME = 1024


@dataclass(frozen=True, slots=True)
class Parent:
    """One thing that a stub is said to be made from, how, and which part it played."""

    artifact: str
    relation: Relation
    part: Mapping[str, str] = field(default_factory=dict)

    @property
    def spelled(self) -> str:
        """Return the part in canonical JSON, as an edge holds it."""
        return canonical.encode(self.part).decode()


@dataclass(frozen=True, slots=True)
class Claim:
    """What a document says of one stub: what it was made from, and the license that it is offered under, if any."""

    artifact: str
    parents: tuple[Parent, ...] = ()
    license: str | None = None


class _Parent(schema.Closed):
    artifact: schema.Ref
    relation: Making
    part: dict[schema.Word, schema.Line]


class _Claim(schema.Closed):
    artifact: schema.Stub
    parents: tuple[_Parent, ...]
    license: schema.License | None


class _Claims(schema.Closed):
    claims: tuple[_Claim, ...] = Field(min_length=1, max_length=MOST)
    issued: schema.Whole


def facts(statement: Statement, entry: str) -> tuple[Derived | Claimed, ...]:  # noqa: ARG001 - every predicate's signature
    """Return what is claimed of each stub, each fact once."""
    _check_document(schema.subject(statement).name)
    said = schema.read(_Claims, URI, statement.predicate)
    named = sum(len(one.parents) for one in said.claims)
    if named > MOST_PARENTS:
        raise Malformed(f"{URI} names {named} parents; one statement names at most {MOST_PARENTS}")
    for one in said.claims:
        if not one.parents and one.license is None:
            raise Malformed(f"{URI} says of {one.artifact} neither what it was made from nor its license")
    return tuple(dict.fromkeys(_facts(said)))


def statement(document: str, sha256: str, claims: Sequence[Claim], issued: int) -> Statement:
    """Say, at `issued` in unix seconds, that the document of this name and SHA-256 (hex) makes these claims."""
    listed: list[Json] = [
        {
            "artifact": one.artifact,
            "parents": [
                {"artifact": parent.artifact, "relation": parent.relation, "part": dict(parent.part)}
                for parent in one.parents
            ],
            "license": one.license,
        }
        for one in claims
    ]
    said = Statement((Subject(document, sha256),), URI, {"claims": listed, "issued": str(issued)})
    facts(said, "")
    return said


def _facts(said: _Claims) -> Iterator[Derived | Claimed]:
    for one in said.claims:
        for parent in one.parents:
            part = canonical.encode(parent.part).decode()
            yield Derived(one.artifact, parent.artifact, parent.relation, part, Evidence.CLAIMED)
        if one.license is not None:
            yield Claimed(one.artifact, one.license)


def _check_document(name: str) -> None:
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise Malformed(
            f"{URI} names its document {name!r:.80}; a document is named by at most {_LONGEST_NAME} printable characters"
        )
