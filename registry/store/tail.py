"""The end of the log inside one write transaction: what is appended waits here, and is written in bulk.

Row by row, a batch would spend most of its time on the way to the database. A leaf's place, time and hashes follow
from what the transaction has read once, so they are computed here; `flush` writes them before the commit. A statement that
only registers asks for nothing, unless an incident selects by its key: it waits for the first one that may ask for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, insert

from lineage.assessed import Assessed
from lineage.checks import Agreed
from lineage.facts import Contained, Fact, Registered, Rooted
from lineage.incidents import Disputed, Reported, Restaged, Selecting
from lineage.removals import Redacted
from registry.store import log, tenure, tree
from registry.store.registering import Registering, assign_numbers, register
from registry.store.selecting import keys_among
from registry.tables import Entry, Hash, Payload
from signing import merkle
from signing.log import Leaf
from signing.merkle import Node

# So many files of registrations wait: one names up to a hundred thousand.
_FILES = 10_000
# What asks for earlier leaves; of an incident, and of what it comes to select, that is who reported and confirmed it (`mass`).
_LOOKING_BACK = (Rooted, Redacted, Agreed, Selecting, Reported, Restaged, Contained, Assessed, Disputed)


def looks_back(facts: Iterable[Fact]) -> bool:
    """Tell whether `facts` ask for earlier leaves: of an ended key, a selected one, what is redacted or disputed, a quorum, or who confirms."""
    return any(isinstance(fact, _LOOKING_BACK) for fact in facts)


def only_registers(facts: Iterable[Fact]) -> bool:
    """Tell whether `facts` ask for nothing that others say."""
    return all(isinstance(fact, Registered) for fact in facts)


@dataclass(frozen=True, slots=True)
class _Waiting:
    index: int
    leaf: Leaf
    encoded: bytes
    envelope: bytes | None
    completed: Sequence[Node]


@dataclass(slots=True)
class End:
    """Where a log ends: what is stored, and what waits after it."""

    stored: int
    time: int
    hashes: dict[Node, bytes]
    lacking: set[str]
    waiting: list[_Waiting] = field(default_factory=list)
    places: dict[str, dict[tuple[str, ...], int]] = field(default_factory=dict)
    registering: list[Registering] = field(default_factory=list)

    def copied(self) -> End:
        """Return the same, which stays as it is when this one goes on."""
        places = {entry: found.copy() for entry, found in self.places.items()}
        before = self.stored, self.time, self.hashes.copy(), self.lacking.copy()
        return End(*before, self.waiting.copy(), places, self.registering.copy())


class Tail:
    """The log as a write transaction sees it: what is stored, and after it what waits to be."""

    def __init__(self, connection: Connection, entries: Collection[str] = ()) -> None:
        """Read how long the log is, its newest time, the subtrees that later leaves complete, and which `entries` it lacks."""
        self._connection = connection
        stored, time = log.end(connection)
        hashes = tree.nodes(connection, merkle.root_nodes(stored))
        self._end = End(stored, time, hashes, set(entries) - log.held(connection, entries))
        self._suspected: dict[str, bool] = {}

    @property
    def size(self) -> int:
        """How many entries the log has, with those that wait."""
        return self._end.stored + len(self._end.waiting)

    @property
    def time(self) -> int:
        """When the newest entry was logged, in unix seconds."""
        return self._end.time

    def lacks(self, entry: str) -> bool:
        """Tell whether it is known, without asking, that no leaf has this entry id."""
        return entry in self._end.lacking

    def find(self, entry: str, keys: tuple[str, ...]) -> int | None:
        """Return the index of the leaf with this entry id and exactly these keys, if there is one."""
        place = self._end.places.get(entry, {}).get(keys)
        return log.find(self._connection, entry, keys) if place is None else place

    def stands(self, entry: str) -> bool:
        """Tell whether a leaf with this entry id counts, whoever signed it."""
        return not self.lacks(entry) and (
            entry in self._end.places or bool(tenure.leaves(self._connection, entry))
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
        index, encoded, end = self.size, leaf.encode(), self._end
        end.hashes[0, index] = merkle.leaf_hash(encoded)
        parents = merkle.completed(index)
        for level, at in parents:
            left, right = end.hashes[level - 1, 2 * at], end.hashes[level - 1, 2 * at + 1]
            end.hashes[level, at] = merkle.node_hash(left, right)
        end.waiting.append(_Waiting(index, leaf, encoded, envelope, [(0, index), *parents]))
        end.places.setdefault(leaf.pae, {})[leaf.keys] = index
        end.lacking.discard(leaf.pae)
        end.time = leaf.time
        return index

    def register(self, some: Iterable[Registering]) -> None:
        """Let these registrations wait until `settle`, unless they would take much memory."""
        self._end.registering += some
        if sum(len(one.files) for one in self._end.registering) > _FILES:
            self._register()

    def end(self) -> End:
        """Return where the log ends now, for `rewind`."""
        return self._end.copied()

    def rewind(self, end: End) -> None:
        """Let the log end where it ended, once the database has taken back what was written since: what waited then waits again."""
        self._end = end.copied()

    def prepare(self, facts: Sequence[Fact]) -> None:
        """Write what may be asked for to judge a statement with these facts."""
        if not only_registers(facts):
            self.settle(facts)

    def settle(self, facts: Sequence[Fact]) -> None:
        """Write what may be asked for to fold a statement with these facts: all, or the registrations."""
        if looks_back(facts):
            self.flush()
        else:
            self._register()

    def flush(self) -> None:
        """Write what waits."""
        self._register()
        end = self._end
        if not end.waiting:
            return
        entries = [
            {"index": one.index, "id": one.leaf.pae, "keys": " ".join(one.leaf.keys), "time": one.leaf.time}
            | {"leaf": one.encoded}
            for one in end.waiting
        ]
        self._connection.execute(insert(Entry), entries)
        payloads = [
            {"index": one.index, "envelope": one.envelope} for one in end.waiting if one.envelope is not None
        ]
        if payloads:
            self._connection.execute(insert(Payload), payloads)
        nodes = [
            {"level": level, "index": at, "hash": end.hashes[level, at]}
            for one in end.waiting
            for level, at in one.completed
        ]
        self._connection.execute(insert(Hash), nodes)
        stored = self.size
        # The subtrees that later leaves complete were read at the beginning, or completed since.
        hashes = {node: end.hashes[node] for node in merkle.root_nodes(stored)}
        self._end = End(stored, end.time, hashes, end.lacking)

    def _register(self) -> None:
        waiting = self._end.registering
        if not waiting:
            return
        first: dict[str, int] = {}
        for one in waiting:
            first.setdefault(one.artifact, one.entry)
        register(self._connection, assign_numbers(self._connection, first), waiting)
        waiting.clear()
