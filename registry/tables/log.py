"""The log itself, what it says of its own entries, and what this machine knows; and the triggers that keep it append-only."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from registry.tables.columns import CLUSTERED, Args, key


class Entry(SQLModel, table=True):
    """A leaf of the log: `leaf` is the bytes that were hashed, the other columns are read from it."""

    __table_args__: ClassVar[Args] = (UniqueConstraint("id", "keys"),)
    index: int = key()
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

    size: int = key()
    note: bytes


class Hash(SQLModel, table=True):
    """The hash of one complete subtree; level 0 holds the leaves."""

    __table_args__: ClassVar[Args] = (CLUSTERED,)
    level: int = key()
    index: int = key()
    hash: bytes


class Root(SQLModel, table=True):
    """A version of the trusted root, in force for the leaves after `entry`."""

    version: int = key()
    document: str
    entry: int


class Tenure(SQLModel, table=True):
    """An entry that did not count all along: from leaf `first` on, and, if that is not None, no longer from leaf `until` on.

    A key whose end is set back takes its entries' word away; another leaf of the same statement may then begin to count.
    Every other entry counts from its own leaf on.
    """

    entry: int = key()
    first: int
    until: int | None


class Redaction(SQLModel, table=True):
    """An order, logged as `entry`, to remove the payload of the entry with this id; `kept` is what it still says."""

    __table_args__: ClassVar[Args] = (UniqueConstraint("id"),)
    entry: int = key()
    id: str
    reason: str
    kept: str


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
