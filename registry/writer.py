"""The one log writer: a bounded queue, drained in batches, two transactions each.

Transaction 1 stores the entries of a batch with everything folded from them; transaction 2 signs and stores the
checkpoint over them. A receipt is given out only after both (1-architecture, "Data flow"). Several processes may write
to one home: `BEGIN IMMEDIATE` lets one in at a time, and whoever comes next covers what a stopped process left without
a checkpoint. A statement that is refused costs its own group and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from queue import Empty, Full, Queue
from threading import Lock

from sqlalchemy import Connection

from registry.settings import Clock, Settings
from registry.store import judge, log
from registry.store.engine import Database
from registry.store.fold import fold
from registry.store.log import Receipt
from registry.store.tail import Tail
from signing.dsse import Envelope
from signing.errors import Refused
from signing.keys import PrivateKey
from signing.log import Leaf


class Busy(Refused):
    """The writer has more work than it may queue; the same statement is welcome later."""


class Step(StrEnum):
    """A moment before or after a write, at which a process can stop: the fault table goes through all."""

    BEGUN = "transaction 1 begun"
    WRITTEN = "entries written, not committed"
    COMMITTED = "entries committed, no checkpoint"
    SIGNED = "checkpoint signed and written, not committed"
    COVERED = "checkpoint committed, no receipt given"


@dataclass(slots=True)
class _Group:
    """Statements that enter the log together or not at all."""

    raws: Sequence[tuple[bytes, Envelope]]
    indexes: list[int] = field(default_factory=list)
    error: BaseException | None = None
    done: bool = False


class Writer:
    """Appends signed statements to the log of one home; share one between the threads of a process."""

    def __init__(
        self,
        store: Database,
        log_key: PrivateKey,
        clock: Clock,
        settings: Settings,
        at: Callable[[Step], object] = lambda _: None,
    ) -> None:
        """Cover entries that a stopped process left without a checkpoint; `at` is called at every step."""
        self._store, self._log_key, self._clock, self._settings, self._at = (
            store,
            log_key,
            clock,
            settings,
            at,
        )
        self._queue: Queue[_Group] = Queue(settings.queue)
        self._turn = Lock()
        self._cover()

    def append(self, raws: Sequence[tuple[bytes, Envelope]]) -> list[Receipt]:
        """Append these statements together or none of them, and prove each; the caller waits its turn.

        Whichever thread holds the turn drains the queue for all: there is no thread of the writer's own that could
        die unnoticed.
        """
        group = _Group(raws)
        try:
            self._queue.put(group, timeout=self._settings.busy_seconds)
        except Full:
            raise Busy(
                f"{self._settings.queue} statements wait for the log writer; try again later"
            ) from None
        with self._turn:
            while not group.done:
                self._drain()
        if group.error is not None:
            raise group.error
        with self._store.reading() as connection:
            return log.receipts(connection, group.indexes)

    def _drain(self) -> None:
        groups: list[_Group] = []
        while sum(len(group.raws) for group in groups) < self._settings.batch:
            try:
                groups.append(self._queue.get_nowait())
            except Empty:
                break
        try:
            self._commit(groups)
            self._cover()
        except BaseException as error:
            # Every waiting caller is told, each in its own thread; an interrupt stops this one as well.
            for group in groups:
                group.error = group.error or error
            if not isinstance(error, Exception):
                raise
        finally:
            for group in groups:
                group.done = True

    def _commit(self, groups: Sequence[_Group]) -> None:
        """Transaction 1: entries, payloads, tree and everything folded from them."""
        with self._store.writing() as connection:
            self._at(Step.BEGUN)
            tail = Tail(connection)
            for group in groups:
                savepoint, size, time = connection.begin_nested(), tail.size, tail.time
                try:
                    group.indexes = [self._append(connection, tail, *one) for one in group.raws]
                except Exception as error:  # noqa: BLE001 - a defect one statement finds must not refuse the others
                    savepoint.rollback()
                    tail.rewind(size, time)
                    group.error = error
                else:
                    savepoint.commit()
            tail.flush()
            self._at(Step.WRITTEN)
        self._at(Step.COMMITTED)

    def _append(self, connection: Connection, tail: Tail, raw: bytes, envelope: Envelope) -> int:
        judged = judge.read(connection, envelope)
        known = tail.find(envelope.entry, judged.keys)
        if known is not None:
            return known
        # A clock that was set back must not make the log's time decrease (3-trust, "Log").
        time = max(self._clock(), tail.time)
        judge.admit(connection, judged, time)
        judge.bound(connection, judged.facts, self._settings)
        index = tail.append(Leaf(envelope.entry, judged.keys, time), raw)
        fold(connection, index, envelope.entry, judged.facts)
        return index

    def _cover(self) -> None:
        """Transaction 2: a checkpoint over everything committed, whoever committed it."""
        with self._store.reading() as connection:
            if log.size(connection) == log.covered(connection):
                return
        with self._store.writing() as connection:
            root = log.root(connection)
            if root is None:
                raise Refused(f"{self._store.path} has entries and no trusted root: run `studbook log fsck`")
            log.cover(connection, root.origin, self._log_key)
            self._at(Step.SIGNED)
        self._at(Step.COVERED)
