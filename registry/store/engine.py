"""One SQLite file, opened the one way that is safe for several writers.

Every write transaction begins with `BEGIN IMMEDIATE`: four writers with deferred transactions gave 630 errors, with
immediate ones none (5-service, "Storage"). WAL and `synchronous=FULL` make a commit durable before it returns;
`recursive_triggers=ON` lets the append-only triggers see what `INSERT OR REPLACE` removes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from registry.tables import SCHEMA
from signing.errors import Refused

_WRITES = "studbook_writes"
_SETTLING = 500  # milliseconds


class Database:
    """The database of one home; `reading` gives a snapshot, `writing` the one writer's place."""

    def __init__(self, path: Path, busy_seconds: int, *, create: bool = False) -> None:
        """Open `path`; a missing file is an error unless `create`, or a typo would make an empty log."""
        self.path = path
        url = URL.create(
            "sqlite",
            database=f"file:{quote(str(path))}",
            query={"mode": "rwc" if create else "rw", "uri": "true"},
        )
        self._engine = create_engine(
            # As many connections as a server has threads: who waits for one would wait for another's answer.
            url,
            connect_args={"timeout": float(busy_seconds)},
            pool_size=5,
            max_overflow=35,
        )
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "begin", _begin)
        self._writes = self._engine.execution_options(**{_WRITES: True})

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the log, whatever is written meanwhile."""
        with _opened(self._engine, self.path) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the only connection that writes now; commit when the block ends, roll back when it raises."""
        with _opened(self._writes, self.path) as connection:
            yield connection

    def check_schema(self) -> None:
        """Refuse a database that another version of Studbook laid out."""
        with self.reading() as connection:
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
        if found != SCHEMA:
            raise Refused(
                f"{self.path} has schema {found}, this Studbook reads {SCHEMA}: run `studbook init`"
            )

    def settle(self) -> bool:
        """Move everything from the write-ahead log into the database; tell whether nothing that was removed is left in it."""
        with self._engine.connect() as connection:
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

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()


@contextmanager
def _opened(engine: Engine, path: Path) -> Iterator[Connection]:
    try:
        with engine.begin() as connection:
            yield connection
    except DatabaseError as error:
        # Locked, full, read-only, damaged: the reader's to hear. Its subclasses but one are defects of ours.
        if type(error) not in {DatabaseError, OperationalError}:
            raise
        raise Refused(f"{path}: {error.orig}") from error


def _configure(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own BEGIN is deferred and comes late; None leaves every BEGIN to `_begin`.
    connection.isolation_level = None
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode=WAL")
    # What an order has removed must not be left on a free page.
    for pragma in ("synchronous=FULL", "recursive_triggers=ON", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
