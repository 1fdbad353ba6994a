"""Sameness: a registered artifact is what somebody upstream calls by another id; both stay what they are in the log.

predicateType `https://studbook.dev/same-as/v1`, said by a publisher about one registered artifact. One of the operators that sign
it must have signed the artifact's first registration (model signature): nobody says what another's artifact is.

    {"upstream": "hf:<owner>/<name>[@<40 hex>]",   a stub
     "by": "publisher" | "owner"}                  in whose name

By its publisher alone, the artifact is a copy of the stub: what reaches the stub reaches it and all that is made of it, and nothing
goes the other way. In the name of the stub's owner, what is recorded as made from the stub is made from the artifact. That is for
keys which speak for the owner: by the namespace `hf:<owner>`, or, of the operator that keeps the log, by `*`. An incident that names
the stub selects the artifact then (`incident`). Establishes one `Derived`, of the relation `same_as`: from stub to artifact with evidence
`claimed`, or from artifact to stub with evidence `signed`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from lineage import schema
from lineage.facts import Derived, Evidence, Role
from signing.statement import Statement

URI = schema.BASE + "same-as/v1"
ROLES: tuple[Role, ...] = ("publisher",)

Speaker: TypeAlias = Literal["publisher", "owner"]


class _SameAs(schema.Closed):
    upstream: schema.Stub
    by: Speaker


def facts(statement: Statement, entry: str) -> tuple[Derived]:  # noqa: ARG001 - every predicate's signature
    """Return the edge between the artifact and the stub."""
    artifact = schema.artifact(statement)
    said = schema.read(_SameAs, URI, statement.predicate)
    if said.by == "owner":
        return (Derived(said.upstream, artifact, "same_as", "{}", Evidence.SIGNED),)
    return (Derived(artifact, said.upstream, "same_as", "{}", Evidence.CLAIMED),)


def statement(artifact: str, upstream: str, by: Speaker) -> Statement:
    """Say that `artifact` is what the stub `upstream` names, in the name of its publisher or of the stub's owner."""
    return schema.claim(_SameAs, URI, [artifact], {"upstream": upstream, "by": by})
