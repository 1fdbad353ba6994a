"""A home's log in a PostgreSQL database of its own, for several machines (5-service, "Storage").

One advisory lock, held until the transaction ends, lets one writer in at a time: what it reads after it has the lock is
what the last one committed. Readers see one snapshot. Text has to sort by its bytes, as ids and file names do
everywhere else, so another collation is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import URL, Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import NoSuchModuleError
from sqlmodel import SQLModel

from signing.errors import Refused

READS: dict[str, object] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
# Whoever has waited for its turn sees what was committed meanwhile.
WRITES: dict[str, object] = {"isolation_level": "READ COMMITTED"}

# The beginning of the word, read as a number: no other program takes a lock by it.
_TURN = int.from_bytes(b"studbook"[:7], "big")
_SORTED = frozenset({"C", "POSIX", "C.UTF-8", "C.utf8"})
_COLLATION = text(
    "SELECT datcollate, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"
)
# Answers and writes look things up. Of a table that is small PostgreSQL would rather read all, and keeps to that for minutes after
# an incident has flagged a hundred thousand artifacts. What has to be read whole looks so dear to it then that it would be compiled.
_LOOKS = "-c enable_seqscan=off -c jit=off"
_TRIGGERS = text("""
    SELECT pg_trigger.tgname AS name, pg_get_triggerdef(pg_trigger.oid) AS sql, pg_proc.prosrc AS body,
           pg_trigger.tgenabled::text AS enabled
    FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace ORDER BY tgname
""")
_RULES = text("SELECT rulename, definition FROM pg_rules WHERE schemaname = current_schema()")

_REFUSE = "BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END"
_GROWS = (
    "BEGIN IF NEW.size <= (SELECT max(size) FROM checkpoint) THEN RAISE EXCEPTION"
    " 'a checkpoint is never signed for a smaller size' USING ERRCODE = 'integrity_constraint_violation'; END IF;"
    " RETURN NEW; END"
)
FUNCTIONS: dict[str, str] = {"studbook_refuses": _REFUSE, "studbook_only_grows": _GROWS}
# Append-only in the database too (1-architecture, "Data flow"); `fsck` compares these with what is there. A taken index
# is refused by the primary key, and ON CONFLICT DO UPDATE is an update.
TRIGGERS: dict[str, str] = {
    name: f"CREATE TRIGGER {name} BEFORE {event}"
    for name, event in (
        *(
            (
                f"{table}_no_{what}",
                f"{what.upper()} ON {{schema}}.{table} FOR EACH STATEMENT EXECUTE FUNCTION studbook_refuses('{why}')",
            )
            for table, what, why in (
                ("entry", "update", "the log is append-only: an entry is never changed"),
                ("entry", "delete", "the log is append-only: an entry is never removed"),
                ("entry", "truncate", "the log is append-only: an entry is never removed"),
                ("checkpoint", "update", "a checkpoint is never changed"),
                ("checkpoint", "delete", "a checkpoint is never removed"),
                ("checkpoint", "truncate", "a checkpoint is never removed"),
            )
        ),
        (
            "checkpoint_only_grows",
            "INSERT ON {schema}.checkpoint FOR EACH ROW EXECUTE FUNCTION studbook_only_grows()",
        ),
    )
}


def engine(url: URL, busy_seconds: int) -> Engine:
    """Return the way to the database at `url`, which exists."""
    waits = f"-c lock_timeout={1000 * busy_seconds} -c synchronous_commit=on"
    try:
        return create_engine(
            url,
            connect_args={"options": f"{waits} {_LOOKS}", "connect_timeout": busy_seconds},
            # As many connections as a server has threads: who waits for one would wait for another's answer.
            pool_size=5,
            max_overflow=35,
            # A server that was started again meanwhile is asked anew, not reported.
            pool_pre_ping=True,
        )
    except (ImportError, NoSuchModuleError) as error:
        raise Refused(
            f"{named(url)} needs the driver psycopg ({error}): install studbook[postgresql]"
        ) from error


def named(url: URL) -> str:
    """Return a URL for people: without its password, and without the driver that is chosen here."""
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)


def begin(connection: Connection, *, writes: bool, later: bool) -> None:
    """Begin a transaction that sees one state of the log, or that alone writes, and is made durable at once or `later`.

    A commit that is waited for has the write-ahead log flushed up to its own record, and so all before it.
    """
    if writes:
        setting = ", set_config('synchronous_commit', 'off', true)" if later else ""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN}){setting}")


def check(connection: Connection, url: URL) -> None:
    """Refuse a database whose text sorts in another order than its bytes do, or is not UTF-8."""
    collation, encoding = connection.execute(_COLLATION).one()
    if collation not in _SORTED or encoding != "UTF8":
        raise Refused(
            f"{named(url)} sorts by {collation} in {encoding}, and Studbook needs the order of bytes:"
            f" CREATE DATABASE {url.database} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING 'UTF8'"
        )


def damage(_connection: Connection) -> Iterator[str]:
    """Say what the database itself finds wrong: PostgreSQL checks its pages as it reads them, and fails."""
    yield from ()


def layout(connection: Connection) -> dict[str, tuple[str, str]]:
    """Return the kind and the definition of everything in the database by its name."""
    inspector = inspect(connection)
    found = dict.fromkeys(inspector.get_table_names(), ("table", ""))
    found |= dict.fromkeys(inspector.get_view_names(), ("view", ""))
    found |= dict.fromkeys(inspector.get_materialized_view_names(), ("view", ""))
    for table in SQLModel.metadata.tables:
        for index in inspector.get_indexes(table):
            if "duplicates_constraint" not in index:
                only = index.get("dialect_options", {}).get("postgresql_where")
                found[str(index["name"])] = (
                    "index",
                    _index(table, index["column_names"], index["unique"], only),
                )
    for row in connection.execute(_TRIGGERS):
        off = "" if row.enabled == "O" else f"; it fires in mode {row.enabled}"
        found[row.name] = ("trigger", f"{row.sql}: {row.body}{off}")
    for row in connection.execute(_RULES):
        found[row.rulename] = ("rule", row.definition)
    return found


def due(connection: Connection) -> dict[str, tuple[str, str]]:
    """Return the kind and the definition of what the migrations make, but for tables, by its name."""
    schema = connection.scalar(text("SELECT current_schema()"))
    found = {
        name: ("trigger", f"{sql.format(schema=schema)}: {_body(sql)}") for name, sql in TRIGGERS.items()
    }
    for table in SQLModel.metadata.sorted_tables:
        for index in table.indexes:
            columns = [column.name for column in index.columns]
            where = index.dialect_options["postgresql"]["where"]
            only = None if where is None else f"({where})"
            found[str(index.name)] = ("index", _index(table.name, columns, index.unique, only))
    return found


def _index(table: str, columns: Sequence[str | None], unique: bool, only: str | None) -> str:
    where = "" if only is None else f" where {only}"
    return f"{'unique ' if unique else ''}on {table} ({', '.join(map(str, columns))}){where}"


def _body(trigger: str) -> str:
    return next(body for name, body in FUNCTIONS.items() if f" {name}(" in trigger)
