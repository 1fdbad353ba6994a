"""Artifacts, what leads from one to another, and how far incidents reach."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from registry.tables.columns import CLUSTERED, Args, key, perhaps, whole

_MOVED = text("since > first")


class Node(SQLModel, table=True):
    """An artifact, or a stub: named upstream, never seen. `ancestors` and `depth` bound what stands above it (`store.bounds`)."""

    number: int = key()
    id: str = Field(unique=True)
    first: int = whole()
    ancestors: int = whole()
    depth: int = whole()


class Edge(SQLModel, table=True):
    """One statement's word that `child` was made from `parent`."""

    entry: int = key()
    seq: int = key()
    child: int = whole(index=True)
    parent: int = whole(index=True)
    relation: str
    part: str
    evidence: int = whole()


class Closure(SQLModel, table=True):
    """`ancestor` put weights into `descendant`, as of entry `first`; `distance` is the shortest way in edges, as of entry `since`.

    Descendants of one artifact lie together, nearest first, each with its `id`: a page of a hub's is read as fast as all of a
    leaf's, and looks up none of a thousand that lie far apart. The few whose distance changed are indexed, since that is what a
    list read in pages cannot bear in between.
    """

    __table_args__: ClassVar[Args] = (
        Index("closure_by_descendant", "descendant", "ancestor", unique=True),
        Index("closure_moved", "ancestor", "since", sqlite_where=_MOVED, postgresql_where=_MOVED),
        CLUSTERED,
    )
    ancestor: int = key()
    distance: int = key()
    descendant: int = key()
    first: int = whole()
    since: int = whole()
    id: str


class Incident(SQLModel, table=True):
    """An incident and the stage it was reported in; `id` is the id of the entry that reported it."""

    entry: int = key()
    id: str = Field(index=True)
    what: str
    severity: str
    stage: str
    summary: str
    contact: str


class Target(SQLModel, table=True):
    """An artifact that an incident names."""

    __table_args__: ClassVar[Args] = (Index("target_by_artifact", "artifact"), CLUSTERED)
    incident: int = key()
    artifact: int = key()


class Selector(SQLModel, table=True):
    """An attribute by which the incident with this id selects artifacts, now and later, besides those that it names."""

    __table_args__: ClassVar[Args] = (Index("selector_by_value", "value", "attribute"),)
    entry: int = key()
    seq: int = key()
    incident: str = Field(index=True)
    attribute: str
    value: str


class Selected(SQLModel, table=True):
    """An artifact that the incident with this id selects, by what `entry` says of the artifact."""

    __table_args__: ClassVar[Args] = (Index("selected_by_artifact", "artifact"), CLUSTERED)
    incident: str = Field(primary_key=True)
    artifact: int = key()
    entry: int = key()


class Stage(SQLModel, table=True):
    """A stage that the incident with this id moved to, and why."""

    entry: int = key()
    seq: int = key()
    incident: str = Field(index=True)
    stage: str
    reason: str


class Amendment(SQLModel, table=True):
    """What of the incident with this id is another, and why; what is empty stays as it is."""

    entry: int = key()
    seq: int = key()
    incident: str = Field(index=True)
    severity: str | None
    summary: str | None
    contact: str | None
    reason: str


class Assessment(SQLModel, table=True):
    """What the incident with this id means for an artifact, by the word of whoever looked at it; until when, and what to take instead."""

    entry: int = key()
    seq: int = key()
    artifact: int = whole(index=True)
    incident: str = Field(index=True)
    status: str
    justification: str | None
    expires: int | None = perhaps()
    corrected: int | None = perhaps()
    note: str


class Embargo(SQLModel, table=True):
    """That the incident with this id was written down by `entry`, whether or not it is reported by now."""

    entry: int = key()
    seq: int = key()
    incident: str = Field(index=True)
    contact: str


class Dispute(SQLModel, table=True):
    """What the owner of an artifact says against the incident with this id; `evidence` is the SHA-256 of a file, if there is one."""

    entry: int = key()
    seq: int = key()
    incident: str = Field(index=True)
    artifact: int = whole(index=True)
    text: str
    evidence: str | None


class Flag(SQLModel, table=True):
    """An incident that reaches an artifact, as of entry `first`: it names it, or edges carry it there."""

    __table_args__: ClassVar[Args] = (Index("flag_by_artifact", "artifact", "incident"), CLUSTERED)
    incident: int = key()
    artifact: int = key()
    first: int = whole()


class Unknown(SQLModel, table=True):
    """An artifact about which something was removed by the redaction `entry`: nobody can check any longer what it is.

    It is unknown while a leaf of what was removed counts.
    """

    __table_args__: ClassVar[Args] = (CLUSTERED,)
    artifact: int = key()
    entry: int = key()
