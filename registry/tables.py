"""The tables of one home, for `registry.store` alone: storage, never validation.

`entry`, `payload`, `checkpoint` and `hash` are the log. `location` is what this machine knows. Every other table is a
fold over the log (1-architecture, "The log is the truth"): `entry` and `seq` say which leaf, and which fact of it, a
row came from, so that the state at any log size N is the rows with `entry < N`. Artifacts are numbered in the order in
which the log first names them; the number is local to the database and leaves the store never.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

SCHEMA = "0004"
"""The migration this code reads and writes; compared when a home is opened, without importing alembic."""

Args = tuple[object, ...]
_CLUSTERED: dict[str, object] = {"sqlite_with_rowid": False}


def _key() -> int:
    """Declare an integer primary key that the store itself assigns."""
    key: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    return key


class Entry(SQLModel, table=True):
    """A leaf of the log: `leaf` is the bytes that were hashed, the other columns are read from it."""

    __table_args__: ClassVar[Args] = (UniqueConstraint("id", "keys"),)
    index: int = _key()
    id: str
    keys: str
    time: int
    leaf: bytes


class Payload(SQLModel, table=True):
    """The envelope of an entry as received; apart, so that an order can remove it and keep the leaf."""

    index: int = Field(primary_key=True, foreign_key="entry.index", sa_column_kwargs={"autoincrement": False})
    envelope: bytes


class Checkpoint(SQLModel, table=True):
    """A signed tree head, stored before it is released."""

    size: int = _key()
    note: bytes


class Hash(SQLModel, table=True):
    """The hash of one complete subtree; level 0 holds the leaves."""

    __table_args__: ClassVar[Args] = (_CLUSTERED,)
    level: int = _key()
    index: int = _key()
    hash: bytes


class Root(SQLModel, table=True):
    """A version of the trusted root, in force for the leaves after `entry`."""

    version: int = _key()
    document: str
    entry: int


class Node(SQLModel, table=True):
    """An artifact, or a stub: named upstream, never seen. `ancestors` and `depth` bound what stands above it (`store.bounds`)."""

    number: int = _key()
    id: str = Field(unique=True)
    first: int
    ancestors: int
    depth: int


class Tenure(SQLModel, table=True):
    """An entry that did not count all along: from leaf `first` on, and, if that is not None, no longer from leaf `until` on.

    A key whose end is set back takes its entries' word away; another leaf of the same statement may then begin to count.
    Every other entry counts from its own leaf on.
    """

    entry: int = _key()
    first: int
    until: int | None


class Registration(SQLModel, table=True):
    """A statement that lists an artifact's files; `publishers` are the operators that signed it, in order, spaces between.

    Those of the first one that counts speak for the artifact.
    """

    entry: int = _key()
    seq: int = _key()
    artifact: int = Field(index=True)
    publishers: str


class File(SQLModel, table=True):
    """One file of a registered artifact."""

    __table_args__: ClassVar[Args] = (Index("file_by_digest", "sha256"), _CLUSTERED)
    artifact: int = _key()
    name: str = Field(primary_key=True)
    sha256: str


class Manifest(SQLModel, table=True):
    """The manifest that lists an artifact's tensors."""

    entry: int = _key()
    seq: int = _key()
    artifact: int = Field(index=True)
    sha256: str = Field(index=True)


class Edge(SQLModel, table=True):
    """One statement's word that `child` was made from `parent`."""

    entry: int = _key()
    seq: int = _key()
    child: int = Field(index=True)
    parent: int = Field(index=True)
    relation: str
    part: str
    evidence: int


class Closure(SQLModel, table=True):
    """`ancestor` put weights into `descendant`, directly or not, as of entry `first`."""

    __table_args__: ClassVar[Args] = (Index("closure_by_descendant", "descendant", "ancestor"), _CLUSTERED)
    ancestor: int = _key()
    descendant: int = _key()
    first: int


class Incident(SQLModel, table=True):
    """An incident and the stage it was reported in; `id` is the id of the entry that reported it."""

    entry: int = _key()
    id: str = Field(index=True)
    what: str
    severity: str
    stage: str
    summary: str
    contact: str


class Target(SQLModel, table=True):
    """An artifact that an incident names."""

    __table_args__: ClassVar[Args] = (Index("target_by_artifact", "artifact"), _CLUSTERED)
    incident: int = _key()
    artifact: int = _key()


class Stage(SQLModel, table=True):
    """A stage that the incident with this id moved to, and why."""

    entry: int = _key()
    seq: int = _key()
    incident: str = Field(index=True)
    stage: str
    reason: str


class Flag(SQLModel, table=True):
    """An incident that reaches an artifact, as of entry `first`: it names it, or edges carry it there."""

    __table_args__: ClassVar[Args] = (Index("flag_by_artifact", "artifact", "incident"), _CLUSTERED)
    incident: int = _key()
    artifact: int = _key()
    first: int


class Name(SQLModel, table=True):
    """A binding of a name to an artifact; the newest entry wins, older ones stay.

    `folded` ignores case; names with one `skeleton` look alike (`lineage.skeleton`).
    """

    __table_args__: ClassVar[Args] = (
        Index("name_by_folded", "folded", "revision", "entry"),
        Index("name_by_skeleton", "skeleton", "name"),
    )
    entry: int = _key()
    seq: int = _key()
    name: str
    folded: str
    skeleton: str
    revision: str | None
    artifact: int = Field(index=True)


class Unbound(SQLModel, table=True):
    """A binding of a name that an order had removed; `name` and `revision` are ids of entries that bind the same (`lineage.facts`)."""

    entry: int = _key()
    seq: int = _key()
    name: str = Field(index=True)
    revision: str = Field(index=True)


class License(SQLModel, table=True):
    """A license that an artifact's publisher declared."""

    entry: int = _key()
    seq: int = _key()
    artifact: int = Field(index=True)
    license: str


class Build(SQLModel, table=True):
    """A builder's word, in the statement with the entry id `id`, that executing `recipe` gave `artifact`."""

    entry: int = _key()
    seq: int = _key()
    artifact: int = Field(index=True)
    id: str = Field(index=True)
    recipe: str
    manifest: str
    builder: str


class Rebuild(SQLModel, table=True):
    """A rebuilder's verdict on the build of entry id `build`; `differs` is a canonical JSON list of tensors."""

    entry: int = _key()
    seq: int = _key()
    artifact: int = Field(index=True)
    build: str
    passed: bool
    verifier: str
    differs: str


class Agreement(SQLModel, table=True):
    """The registry's word that verdicts make a quorum; which ones still do is read from the verdicts."""

    entry: int = _key()
    seq: int = _key()
    artifact: int = Field(index=True)


class Redaction(SQLModel, table=True):
    """An order, logged as `entry`, to remove the payload of the entry with this id; `kept` is what it still says."""

    __table_args__: ClassVar[Args] = (UniqueConstraint("id"),)
    entry: int = _key()
    id: str
    reason: str
    kept: str


class Unknown(SQLModel, table=True):
    """An artifact about which something was removed by the redaction `entry`: nobody can check any longer what it is.

    It is unknown while a leaf of what was removed counts.
    """

    __table_args__: ClassVar[Args] = (_CLUSTERED,)
    artifact: int = _key()
    entry: int = _key()


class Evaluation(SQLModel, table=True):
    """What somebody measured on an artifact; `operators` are those that say so, in order, spaces between."""

    entry: int = _key()
    seq: int = _key()
    artifact: int = Field(index=True)
    operators: str
    result: str
    suite: str
    runner: str
    metric: str
    value: str
    n: int
    seed: int | None


class Attestation(SQLModel, table=True):
    """That somebody said something about an artifact in a type of their own; `digest` is the SHA-256 of what."""

    entry: int = _key()
    seq: int = _key()
    artifact: int = Field(index=True)
    operators: str
    type: str
    digest: str


class Location(SQLModel, table=True):
    """A folder of this machine that held an artifact when it was registered; local, never folded."""

    path: str = Field(primary_key=True)
    artifact: str = Field(index=True)


_NO = "BEGIN SELECT RAISE(ABORT, '{why}'); END"
TRIGGERS: dict[str, str] = {
    name: f"CREATE TRIGGER {name} BEFORE {event} {_NO.format(why=why)}"
    for name, event, why in (
        ("entry_no_update", "UPDATE ON entry", "the log is append-only: an entry is never changed"),
        ("entry_no_delete", "DELETE ON entry", "the log is append-only: an entry is never removed"),
        (
            # INSERT OR REPLACE fires neither of the two above unless recursive_triggers is on, and a
            # connection of another program decides that for itself.
            "entry_no_replace",
            'INSERT ON entry WHEN EXISTS (SELECT 1 FROM entry WHERE "index" = NEW."index")',
            "the log is append-only: this index is taken",
        ),
        ("checkpoint_no_update", "UPDATE ON checkpoint", "a checkpoint is never changed"),
        ("checkpoint_no_delete", "DELETE ON checkpoint", "a checkpoint is never removed"),
        (
            "checkpoint_only_grows",
            "INSERT ON checkpoint WHEN NEW.size <= (SELECT max(size) FROM checkpoint)",
            "a checkpoint is never signed for a smaller size",
        ),
    )
}
"""Append-only in the database too (1-architecture, "Data flow"); `fsck` compares these with what is there."""
