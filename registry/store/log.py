"""The log of one home: leaves, payloads, checkpoints over the tree of them, and what proves an entry.

An entry's receipt names the first checkpoint that covers it: whoever asks, and however often, gets the same one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    Connection,
    Executable,
    LargeBinary,
    bindparam,
    cast,
    insert,
    outerjoin,
    select,
    text,
)
from sqlmodel import col

from registry.store import Absent, tree
from registry.store.lists import asking, parts
from registry.tables import Checkpoint, Entry, Payload
from signing import checkpoint, merkle
from signing.bundle import Bundle
from signing.errors import Refused
from signing.keys import PrivateKey
from signing.log import Leaf


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry as stored; `envelope` is None once an order had it removed."""

    index: int
    entry: str
    leaf: bytes
    envelope: bytes | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that an entry stands in the log: its leaf, the way up, and the signed checkpoint it leads to."""

    index: int
    entry: str
    time: int
    size: int
    leaf: bytes
    proof: tuple[bytes, ...]
    checkpoint: bytes


_END = (1 << 63) - 1
_SIZE = text('SELECT max("index") + 1 FROM entry')
_END_OF = text('SELECT "index" + 1 AS size, time FROM entry ORDER BY "index" DESC LIMIT 1')
_FIND = text('SELECT "index" FROM entry WHERE id = :id AND keys = :keys')
_HELD = asking("SELECT id FROM entry WHERE id IN :some")
_INDEXES = text('SELECT "index" FROM entry WHERE id = :id ORDER BY "index"')
# SQLite keeps text in a column of bytes if told to; whoever did that is to be found, not to stop the search.
_SCAN: Executable = (
    select(
        col(Entry.index).label("number"),
        col(Entry.id),
        cast(Entry.leaf, LargeBinary).label("leaf"),
        cast(Payload.envelope, LargeBinary).label("envelope"),
    )
    .select_from(outerjoin(Entry, Payload, col(Payload.index) == col(Entry.index)))
    .where(col(Entry.index) >= bindparam("start"), col(Entry.index) < bindparam("end"))
    .order_by(col(Entry.index))
)
_CHECKPOINTS = select(col(Checkpoint.size), cast(Checkpoint.note, LargeBinary).label("note")).order_by(
    col(Checkpoint.size)
)
_COVERED = text("SELECT max(size) FROM checkpoint")
_EXTENT = text("""
    SELECT coalesce((SELECT max("index") + 1 FROM entry), 0), coalesce((SELECT max(size) FROM checkpoint), 0)
""")
_SIGNINGS = text("SELECT count(*) FROM checkpoint")
_NOTE = text("SELECT note FROM checkpoint WHERE size = :size")
_NEAR = text("SELECT size FROM checkpoint ORDER BY abs(size - :size), size LIMIT 4")
_NEWEST = text("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")
_SIGNED = asking("""
    SELECT entry."index" AS number, entry.id, entry.time, entry.leaf, checkpoint.size, checkpoint.note
    FROM entry LEFT JOIN checkpoint
    ON checkpoint.size = (SELECT min(size) FROM checkpoint AS later WHERE later.size > entry."index")
    WHERE entry."index" IN :some
""")


def size(connection: Connection) -> int:
    """Return how many entries the log has."""
    return connection.scalar(_SIZE) or 0


def sized(connection: Connection, of: int | None) -> int:
    """Return as of how many entries a question is asked: `of`, to which the log has grown, or all that it has."""
    grown = size(connection)
    if of is not None and not 0 <= of <= grown:
        raise Refused(f"the log has {grown} entries; it cannot be read as of {of}")
    return grown if of is None else of


def end(connection: Connection) -> tuple[int, int]:
    """Return how many entries the log has, and the time of the newest, 0 for an empty log."""
    row = connection.execute(_END_OF).first()
    return (0, 0) if row is None else (row.size, row.time)


def find(connection: Connection, entry: str, keys: Sequence[str]) -> int | None:
    """Return the index of the leaf with this entry id and exactly these keys, if there is one."""
    index: int | None = connection.scalar(_FIND, {"id": entry, "keys": " ".join(keys)})
    return index


def held(connection: Connection, entries: Collection[str]) -> set[str]:
    """Return those of these entry ids that the log has a leaf for."""
    return {one for part in parts(entries) for one in connection.scalars(_HELD, {"some": part})}


def covered(connection: Connection) -> int:
    """Return the size of the newest checkpoint, 0 if none was signed."""
    return connection.scalar(_COVERED) or 0


def signed(connection: Connection) -> int:
    """Return how many checkpoints were signed."""
    return connection.scalar(_SIGNINGS) or 0


def checkpoints(connection: Connection) -> Iterator[tuple[int, bytes]]:
    """Go through every checkpoint with the size it covers, smallest first, never all at once."""
    for row in connection.execute(_CHECKPOINTS).yield_per(256):
        yield row.size, row.note


def note(connection: Connection, of: int) -> bytes:
    """Return the checkpoint over `of` entries: a tree that was never signed convinces nobody."""
    found: bytes | None = connection.scalar(_NOTE, {"size": of})
    if found is None:
        near = ", ".join(map(str, sorted(connection.scalars(_NEAR, {"size": of}))))
        raise Absent(f"no checkpoint of {of} entries was signed; near it are {near}")
    return found


def newest(connection: Connection) -> bytes:
    """Return the newest checkpoint, a signed note."""
    found: bytes | None = connection.scalar(_NEWEST)
    if found is None:
        raise Absent("no checkpoint is signed yet: the log is empty")
    return found


def extent(connection: Connection) -> tuple[int, int]:
    """Return how many entries the log has, and how many of them its newest checkpoint covers."""
    grown, signed_for = connection.execute(_EXTENT).one()
    return grown, signed_for


def cover(connection: Connection, origin: str, key: PrivateKey) -> bool:
    """Sign and store a checkpoint over all entries, unless one covers them; tell whether one was due.

    Signed inside the write transaction that stores it: two processes could otherwise sign in one order and store in
    the other, and a checkpoint would be signed for a smaller size than the last.
    """
    grown, before = extent(connection)
    if grown <= before:
        return False
    signed_ = checkpoint.sign(checkpoint.Checkpoint(origin, grown, tree.root(connection, grown)), key)
    connection.execute(insert(Checkpoint).values(size=grown, note=signed_))
    return True


def receipts(connection: Connection, wanted: Sequence[int]) -> list[Receipt]:
    """Return what proves each of these entries, under the first checkpoint that covers it."""
    rows = {row.number: row for part in parts(wanted) for row in connection.execute(_SIGNED, {"some": part})}
    for index in wanted:
        if index not in rows:
            raise Absent(f"the log has no entry {index}; it has {size(connection)}")
        if rows[index].size is None:
            raise Refused(f"entry {index} waits for its checkpoint: a process stopped before it signed one")
    paths = {index: merkle.inclusion_nodes(index, rows[index].size) for index in wanted}
    found = tree.nodes(connection, list({node for path in paths.values() for node in path}))
    return [
        Receipt(
            index=index,
            entry=rows[index].id,
            time=rows[index].time,
            size=rows[index].size,
            leaf=rows[index].leaf,
            proof=tuple(
                merkle.inclusion_proof(index, rows[index].size, [found[one] for one in paths[index]])
            ),
            checkpoint=rows[index].note,
        )
        for index in wanted
    ]


def receipt(connection: Connection, index: int) -> Receipt:
    """Return what proves entry `index`, under the first checkpoint that covers it."""
    return receipts(connection, [index])[0]


def bundle(connection: Connection, index: int) -> Bundle:
    """Return entry `index` with its proof as one file that anyone can verify offline."""
    proven = receipt(connection, index)
    envelope = read(connection, index).envelope
    if envelope is None:
        raise Absent(f"the payload of entry {index} was removed; its leaf and proof remain")
    return Bundle(envelope, Leaf.parse(proven.leaf), index, proven.proof, proven.checkpoint)


def read(connection: Connection, index: int) -> Logged:
    """Return entry `index` as stored."""
    for entry in scan(connection, index, index + 1):
        return entry
    raise Absent(f"the log has no entry {index}; it has {size(connection)}")


def indexes(connection: Connection, entry: str) -> tuple[int, ...]:
    """Return the leaves with this entry id, oldest first: one for every set of keys that signed it."""
    return tuple(connection.scalars(_INDEXES, {"id": entry}))


def named(connection: Connection, what: str) -> tuple[int, ...]:
    """Return the leaves that people mean by `what`: an index, or the id of an entry; none if it is neither."""
    if what.isascii() and what.isdecimal() and len(what) < 16:
        return (int(what),)
    return indexes(connection, what)


def scan(connection: Connection, start: int = 0, end: int | None = None) -> Iterator[Logged]:
    """Go through the entries from `start` up to, not including, `end`, in order, never all at once."""
    for row in connection.execute(_SCAN, {"start": start, "end": _END if end is None else end}).yield_per(
        256
    ):
        yield Logged(row.number, row.id, row.leaf, row.envelope)
