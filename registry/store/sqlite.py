"""A home's database as one SQLite file, opened the one way that is safe for several writers.

Every write transaction begins with `BEGIN IMMEDIATE`: four writers with deferred transactions gave 630 errors, with
immediate ones none (5-service, "Storage"). WAL and `synchronous=FULL` make a commit durable before it returns, but for one that
another follows;
`recursive_triggers=ON` lets the append-only triggers see what `INSERT OR REPLACE` removes.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.pool import ConnectionPoolEntry

READS: dict[str, object] = {}
WRITES: dict[str, object] = {}

_MAPPED = (1 << 31) - (1 << 16)  # bytes; the most that SQLite maps
_SETTLING = 500  # milliseconds
# What SQLite makes for itself is left out.
_MASTER = text(
    "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
)

_NO = "BEGIN SELECT RAISE(ABORT, '{why}'); END"
# Append-only in the database too (1-architecture, "Data flow"); `fsck` compares these with what is there.
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


def engine(
    path: Path, busy_seconds: int, *, create: bool, mapped: bool, sync: Callable[[int], object] = os.fsync
) -> Engine:
    """Return the way to the file at `path`; a missing one is an error unless `create`, or a typo would make an empty log.

    `mapped`: rows that lie far apart, as the descendants of a model do, are read in place and not copied page by page.
    What stands in the write-ahead log is on disk, by `sync`, before a connection is used.
    """
    url = URL.create(
        "sqlite",
        database=f"file:{quote(str(path))}",
        query={"mode": "rwc" if create else "rw", "uri": "true"},
    )
    # As many connections as a server has threads: who waits for one would wait for another's answer.
    made = create_engine(url, connect_args={"timeout": float(busy_seconds)}, pool_size=5, max_overflow=35)
    event.listen(made, "connect", _configure)
    event.listen(made, "connect", lambda *_: _synced(path, sync))
    if mapped:
        event.listen(made, "connect", _map)
    return made


def begin(connection: Connection, *, writes: bool, later: bool) -> None:
    """Begin a transaction that sees one state of the log, or that alone writes, and is made durable at once or `later`.

    The write-ahead log is recovered from its beginning to the first frame that is not whole, so a commit that is synced makes
    all before it durable.
    """
    if writes:
        connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if later else 'FULL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def settle(made: Engine) -> bool:
    """Move everything from the write-ahead log into the database; tell whether nothing that was removed is left in it."""
    with made.connect() as connection:
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        connection.rollback()
        (patience,) = driver.execute("PRAGMA busy_timeout").fetchone()
        # Whoever logs a redaction has the writer's turn: others do not wait for a long reader's sake.
        driver.execute(f"PRAGMA busy_timeout={_SETTLING}")
        try:
            busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.DatabaseError:
            # Locked, read-only or damaged: what was committed before stays so, and what is asked here is not done.
            return False
        finally:
            driver.execute(f"PRAGMA busy_timeout={patience}")
    return not busy


def damage(connection: Connection) -> Iterator[str]:
    """Say what SQLite itself finds wrong with the file."""
    for (line,) in connection.execute(text("PRAGMA integrity_check")):
        if line != "ok":
            yield f"the database file is damaged: {line}"


def layout(connection: Connection) -> dict[str, tuple[str, str]]:
    """Return the kind and the definition of everything in the database by its name."""
    return {row.name: (row.type, row.sql) for row in connection.execute(_MASTER)}


def _configure(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own BEGIN is deferred and comes late; None leaves every BEGIN to `begin`.
    connection.isolation_level = None
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode=WAL")
    # What an order has removed must not be left on a free page.
    for pragma in ("synchronous=FULL", "recursive_triggers=ON", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _synced(path: Path, sync: Callable[[int], object]) -> None:
    # Who is killed while a commit is synced leaves it whole in the system's memory. Opening the file, which `_configure`
    # did, takes that for committed, and a power failure would still take it back (ADR 0052). SQLite locks nothing of this
    # file, so closing it here gives up no lock.
    try:
        handle = os.open(f"{path}-wal", os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        if os.fstat(handle).st_size:
            sync(handle)
    finally:
        os.close(handle)


def _map(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.execute(f"PRAGMA mmap_size={_MAPPED}")
