"""Say that an artifact is what a stub names: in the owner's name where this home's key speaks for the owner, by its publisher's word elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from lineage import authority, schema
from lineage.facts import Role
from lineage.predicates import same_as
from lineage.predicates.same_as import Speaker
from registry.home import Home
from registry.store import artifacts, log, refs, sameness
from signing.statement import Statement


@dataclass(frozen=True, slots=True)
class Same:
    """That an artifact is what `upstream` names, in whose name, and the entry that says so."""

    artifact: str
    upstream: str
    by: Speaker
    entry: str
    index: int


def say(home: Home, ref: str, upstream: str) -> Same:
    """Log that the artifact `ref` is what `upstream` names; said before, the log answers with that.

    Raises `Malformed` for what is no stub, `Absent` for what is not registered, `Forbidden` for another's artifact, and `Refused`
    where the one descends from the other.
    """
    with home.store.reading() as connection:
        artifact = refs.resolve(connection, ref)
        artifacts.registered(connection, artifact)
        by = speaker(home, connection, artifact, upstream)
    (receipt,) = home.say("publisher", same_as.statement(artifact, upstream, by))
    return Same(artifact, upstream, by, receipt.entry, receipt.index)


def statements(
    home: Home, connection: Connection, artifact: str, upstreams: Iterable[str]
) -> list[tuple[Role, Statement]]:
    """Return the statements that an artifact is what each of these stubs names."""
    return [
        ("publisher", same_as.statement(artifact, one, speaker(home, connection, artifact, one)))
        for one in dict.fromkeys(upstreams)
    ]


def speaker(home: Home, connection: Connection, artifact: str, upstream: str) -> Speaker:
    """Return in whose name this home says what a stub is: as it was said before, since the other way round would be a cycle."""
    schema.check_stub(upstream)
    for edge in sameness.said(connection, artifact, log.size(connection)):
        if edge.parent == upstream:
            return "publisher"
        if edge.child == upstream:
            return "owner"
    key = home.keys("publisher").public.id
    return "owner" if authority.speaks(home.root(), key, upstream, home.now()) else "publisher"
