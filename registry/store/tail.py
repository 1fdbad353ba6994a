"""The end of the log inside one write transaction: what is appended waits here, and is written in bulk.

Row by row, a batch would spend most of its time on the way to the database. A leaf's place, time and hashes follow
from what the transaction has read once, so they are computed here; `flush` writes them before the commit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert

from registry.store import log, tenure, tree
from registry.store.selecting import keys_among
from registry.tables import Entry, Hash, Payload
from signing import merkle
from signing.log import Leaf
from signing.merkle import Node


@dataclass(frozen=True, slots=True)
class _Waiting:
    index: int
    leaf: Leaf
    encoded: bytes
    envelope: bytes | None
    completed: Sequence[Node]


class Tail:
    """The log as a write transaction sees it: what is stored, and after it what waits to be."""

    def __init__(self, connection: Connection, entries: Collection[str] = ()) -> None:
        """Read how long the log is, its newest time, the subtrees that later leaves complete, and which `entries` it lacks."""
        self._connection = connection
        self._stored, self.time = log.end(connection)
        self._waiting: list[_Waiting] = []
        self._places: dict[str, dict[tuple[str, ...], int]] = {}
        self._hashes = tree.nodes(connection, merkle.root_nodes(self._stored))
        self._lacking = set(entries) - log.held(connection, entries)
        self._suspected: dict[str, bool] = {}

    @property
    def size(self) -> int:
        """How many entries the log has, with those that wait."""
        return self._stored + len(self._waiting)

    def lacks(self, entry: str) -> bool:
        """Tell whether it is known, without asking, that no leaf has this entry id."""
        return entry in self._lacking

    def find(self, entry: str, keys: tuple[str, ...]) -> int | None:
        """Return the index of the leaf with this entry id and exactly these keys, if there is one."""
        place = self._places.get(entry, {}).get(keys)
        return log.find(self._connection, entry, keys) if place is None else place

    def stands(self, entry: str) -> bool:
        """Tell whether a leaf with this entry id counts, whoever signed it."""
        return not self.lacks(entry) and (
            entry in self._places or bool(tenure.leaves(self._connection, entry))
        )

    def suspect(self, value: str) -> None:
        """Say that an incident selects by `value` from now on."""
        self._suspected[value] = True

    def suspects(self, keys: Sequence[str]) -> list[str]:
        """Return those of `keys` by which an incident may select: of each the database is asked once."""
        unasked = [key for key in keys if key not in self._suspected]
        if unasked:
            found = keys_among(self._connection, unasked)
            self._suspected |= {key: key in found for key in unasked}
        return [key for key in keys if self._suspected[key]]

    def append(self, leaf: Leaf, envelope: bytes | None) -> int:
        """Let `leaf` wait as the next entry, with its payload if it still has one; return its index."""
        index, encoded = self.size, leaf.encode()
        self._hashes[0, index] = merkle.leaf_hash(encoded)
        parents = merkle.completed(index)
        for level, at in parents:
            left, right = self._hashes[level - 1, 2 * at], self._hashes[level - 1, 2 * at + 1]
            self._hashes[level, at] = merkle.node_hash(left, right)
        self._waiting.append(_Waiting(index, leaf, encoded, envelope, [(0, index), *parents]))
        self._places.setdefault(leaf.pae, {})[leaf.keys] = index
        self._lacking.discard(leaf.pae)
        self.time = leaf.time
        return index

    def rewind(self, size: int, time: int) -> None:
        """Forget the entries beyond `size`, rolled back if they were written; `time` is the newest before them."""
        self.time = time
        if size < self._stored:
            self._stored = size
            self._waiting.clear()
            self._places.clear()
            self._hashes = tree.nodes(self._connection, merkle.root_nodes(size))
            return
        kept = size - self._stored
        for one in self._waiting[kept:]:
            places = self._places[one.leaf.pae]
            del places[one.leaf.keys]
            if not places:
                del self._places[one.leaf.pae]
        del self._waiting[kept:]

    def flush(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        entries = [
            {"index": one.index, "id": one.leaf.pae, "keys": " ".join(one.leaf.keys), "time": one.leaf.time}
            | {"leaf": one.encoded}
            for one in self._waiting
        ]
        self._connection.execute(insert(Entry), entries)
        payloads = [
            {"index": one.index, "envelope": one.envelope}
            for one in self._waiting
            if one.envelope is not None
        ]
        if payloads:
            self._connection.execute(insert(Payload), payloads)
        nodes = [
            {"level": level, "index": at, "hash": self._hashes[level, at]}
            for one in self._waiting
            for level, at in one.completed
        ]
        self._connection.execute(insert(Hash), nodes)
        self._stored = self.size
        self._waiting.clear()
        self._places.clear()
        # The subtrees that later leaves complete were read at the beginning, or completed since.
        self._hashes = {node: self._hashes[node] for node in merkle.root_nodes(self._stored)}
