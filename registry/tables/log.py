"""The log itself, what it says of its own entries, and what this machine knows."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from registry.tables.columns import CLUSTERED, Args, key, perhaps, whole


class Entry(SQLModel, table=True):
    """A leaf of the log: `leaf` is the bytes that were hashed, the other columns are read from it."""

    __table_args__: ClassVar[Args] = (UniqueConstraint("id", "keys"),)
    index: int = key()
    id: str
    keys: str
    time: int = whole()
    leaf: bytes


class Payload(SQLModel, table=True):
    """The envelope of an entry as received; apart, so that an order can remove it and keep the leaf."""

    index: int = key(foreign_key="entry.index")
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
    entry: int = whole()


class Tenure(SQLModel, table=True):
    """An entry that did not count all along: from leaf `first` on, and, if that is not None, no longer from leaf `until` on.

    A key whose end is set back takes its entries' word away; another leaf of the same statement may then begin to count.
    Every other entry counts from its own leaf on.
    """

    entry: int = key()
    first: int = whole()
    until: int | None = perhaps()


class Gate(SQLModel, table=True):
    """A decision about the license gate of this log, and why; the newest that counts holds, and without one it is shut."""

    entry: int = key()
    seq: int = key()
    shut: bool
    reason: str


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
