"""A home whose log is small and whose graph is large: the tables hold a made-up hub, put there at once.

Two million signed statements would take an hour; what is measured is how a graph of that size is asked and grown, so its
rows are written straight into the tables, as folding statements would have left them. Everything measured afterwards goes
through the commands, the writer and the server that everybody uses.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from hub import Hub, Numbers
from pydantic import SecretStr
from sqlalchemy import Connection, Table, text

from registry.home import Home
from registry.settings import Settings
from registry.tables import Closure, Edge, Node, Registration

AT_ONCE = 100_000
Rows = Iterable[Sequence[object]]


def artifact(number: int) -> str:
    """Return the id of the model with this number: ids are in no order, as hashes are not."""
    return f"sha256:{hashlib.sha256(str(number).encode()).hexdigest()}"


def filled(path: Path, hub: Hub, database: str | None) -> Home:
    """Make a home at `path`, in a PostgreSQL database if one is named, and put the hub into it."""
    given = None if database is None else SecretStr(database)
    home = Home.create(path, "bench", settings=Settings(home=path, database=given))
    closure: Table = Closure.__table__  # type: ignore[attr-defined]
    with home.store.writing() as connection:
        first = connection.scalar(text("SELECT coalesce(max(number) + 1, 0) FROM node"))
        if first:
            raise SystemExit("the home is not empty")
        # An index is built faster over rows that are there than kept up with ten million of them.
        for index in closure.indexes:
            index.drop(connection)
        _put(connection, Node.__table__, _nodes(hub))  # type: ignore[attr-defined]
        _put(connection, Registration.__table__, ((0, one, one, "bench") for one in range(hub.nodes)))  # type: ignore[attr-defined]
        _put(connection, Edge.__table__, _edges(hub))  # type: ignore[attr-defined]
        _put(connection, closure, _closure(hub))
        for index in closure.indexes:
            index.create(connection)
    home.store.settle()  # nobody's write-ahead log holds two million models
    if database is not None:
        # What PostgreSQL does by itself a minute later.
        import psycopg

        with psycopg.connect(database, autocommit=True) as owner:
            owner.execute("VACUUM ANALYZE")
    return home


def weighs(home: Home) -> float:
    """Return the bytes that the database takes, in MB."""
    if isinstance(home.store.at, Path):
        return home.store.at.stat().st_size / 1e6
    with home.store.reading() as connection:
        return float(connection.scalar(text("SELECT pg_database_size(current_database())"))) / 1e6


def _nodes(hub: Hub) -> Iterator[Sequence[object]]:
    depth = [0] * hub.nodes
    for parent, child in hub.edges.tolist():
        depth[child] = max(depth[child], depth[parent] + 1)
    above = np.bincount(hub.closure[:, 2], minlength=hub.nodes).tolist()
    for number in range(hub.nodes):
        yield number, artifact(number), 0, above[number], depth[number]


def _edges(hub: Hub) -> Iterator[Sequence[object]]:
    merged = np.bincount(hub.edges[:, 1], minlength=hub.nodes) > 1
    for seq, (parent, child) in enumerate(hub.edges.tolist()):
        yield 0, seq, child, parent, "merge" if merged[child] else "finetune", "{}", 1


def _closure(hub: Hub) -> Iterator[Sequence[object]]:
    ids = list(map(artifact, range(hub.nodes)))
    rows: Numbers = hub.closure[np.lexsort((hub.closure[:, 2], hub.closure[:, 1], hub.closure[:, 0]))]
    for start in range(0, len(rows), AT_ONCE):
        for ancestor, distance, descendant in rows[start : start + AT_ONCE].tolist():
            yield ancestor, distance, descendant, 0, 0, ids[descendant]


def _put(connection: Connection, table: Table, rows: Rows) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None
    names = ", ".join(column.name for column in table.columns)
    if connection.dialect.name == "postgresql":
        with driver.cursor().copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    else:
        driver.executemany(
            f"INSERT INTO {table.name} ({names}) VALUES ({', '.join('?' * len(table.columns))})", rows
        )
