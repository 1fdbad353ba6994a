"""The database of one home: a SQLite file in it, or a PostgreSQL database that a setting names; everything else is the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError, ProgrammingError

from registry.settings import Settings
from registry.store import postgresql, sqlite
from registry.tables import SCHEMA
from signing.errors import Malformed, Refused

# A full disk or a failing one: SQLite has taken back the whole transaction, savepoints with it.
FATAL = OperationalError


class Database:
    """The database of one home; `reading` gives a snapshot, `writing` the one writer's place."""

    def __init__(
        self, at: Path | URL, busy_seconds: int, *, create: bool = False, mapped: bool = True
    ) -> None:
        """Open what is `at` there; a missing file is an error unless `create`, and a missing database always.

        Whoever reads all of a file has it not `mapped`: every page that was read would stay in its memory.
        """
        self.at = at
        self._engine = (
            sqlite.engine(at, busy_seconds, create=create, mapped=mapped)
            if isinstance(at, Path)
            else postgresql.engine(at, busy_seconds)
        )
        self._kind = sqlite if isinstance(at, Path) else postgresql
        self._reads = self._engine.execution_options(**self._kind.READS)
        self._writes = self._engine.execution_options(**self._kind.WRITES)

    @property
    def name(self) -> str:
        """Where it is, in words."""
        return str(self.at) if isinstance(self.at, Path) else postgresql.named(self.at)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the log, whatever is written meanwhile."""
        with self._opened(self._reads) as connection:
            self._kind.begin(connection, writes=False, later=False)
            yield connection

    @contextmanager
    def writing(self, *, later: bool = False) -> Iterator[Connection]:
        """Give the only connection that writes now; commit when the block ends, roll back when it raises.

        What is committed is on disk when the block ends, or, with `later`, at the latest when a later one without it ends.
        """
        with self._opened(self._writes) as connection:
            self._kind.begin(connection, writes=True, later=later)
            yield connection

    def check_order(self) -> None:
        """Refuse a database in which text does not sort by its bytes."""
        if isinstance(self.at, URL):
            with self.reading() as connection:
                postgresql.check(connection, self.at)

    def check_schema(self) -> None:
        """Refuse a database that another version of Studbook laid out, or nobody yet."""
        self.check_order()
        with self.reading() as connection:
            try:
                found = connection.scalar(text("SELECT version_num FROM alembic_version"))
            except ProgrammingError:
                found = None
        if found != SCHEMA:
            raise Refused(
                f"{self.name} has schema {found}, this Studbook reads {SCHEMA}: run `studbook init`"
            )

    def settle(self) -> str | None:
        """Take what was removed out of every file, as far as that can be done now; say what may still hold it."""
        if isinstance(self.at, URL):
            return (
                f"{self.name} keeps what was removed in its files until `VACUUM FULL payload` and the like, in its"
                " write-ahead log until that is recycled, and in every backup"
            )
        if sqlite.settle(self._engine):
            return None
        return f"{self.at}-wal is in use, and may still hold what was redacted: once nothing reads it, `studbook log fsck` clears it"

    def damage(self, connection: Connection) -> Iterator[str]:
        """Say what the database itself finds wrong with its files."""
        yield from self._kind.damage(connection)

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()

    @contextmanager
    def _opened(self, engine: Engine) -> Iterator[Connection]:
        # What begins a transaction is not told by an event: an engine with a listener asks it before and after every statement.
        try:
            with engine.begin() as connection:
                yield connection
        except DatabaseError as error:
            # Locked, full, read-only, damaged: the reader's to hear. Its subclasses but one are defects of ours.
            if type(error) not in {DatabaseError, OperationalError}:
                raise
            raise Refused(f"{self.name}: {' '.join(str(error.orig).split())}") from error


def place(home: Path, settings: Settings) -> Path | URL:
    """Return where the log of a home lies by these settings."""
    if settings.database is None:
        return home / "studbook.db"
    try:
        url = make_url(settings.database.get_secret_value())
    except ArgumentError as error:
        raise Malformed("STUDBOOK_DATABASE is no URL: write postgresql://user@host/name") from error
    if url.get_backend_name() != "postgresql" or not url.database:
        raise Malformed(
            f"{postgresql.named(url)} names no PostgreSQL database: write postgresql://user@host/name"
        )
    return url.set(drivername="postgresql+psycopg")


@contextmanager
def alone(connection: Connection) -> Iterator[None]:
    """Take back what the block wrote, and nothing else, if it raises; a failure of the database itself is not held up.

    SQLAlchemy's own savepoints cost three times as much, and every statement that is logged takes one.
    """
    connection.exec_driver_sql("SAVEPOINT alone")
    try:
        yield
    except FATAL:
        raise
    except BaseException:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT alone")
        connection.exec_driver_sql("RELEASE SAVEPOINT alone")
        raise
    connection.exec_driver_sql("RELEASE SAVEPOINT alone")
