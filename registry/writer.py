"""The one log writer: what stands in line is written in batches, two transactions each.

Transaction 1 stores the entries of a batch with everything folded from them; transaction 2 signs and stores the
checkpoint over them. A receipt is given out only after both (1-architecture, "Data flow"). Several processes may write
to one home: `BEGIN IMMEDIATE` lets one in at a time, and whoever comes next covers what a stopped process left without
a checkpoint. A statement that is refused costs its own group and nothing else; signatures are verified before it waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from lineage import authority
from lineage.authority import TrustedRoot
from lineage.facts import Fact, Named, Rooted
from lineage.removals import Redacted
from registry.line import Busy, Line, Place
from registry.settings import Clock, Settings
from registry.signer import Signer, Step
from registry.store import bounds, flood, gate, judge, log, mass, redaction, trust
from registry.store.engine import FATAL, Database, alone
from registry.store.fold import enter, once
from registry.store.judge import Judged
from registry.store.log import Receipt
from registry.store.tail import Tail
from signing.dsse import Envelope
from signing.errors import Refused
from signing.keys import PrivateKey
from signing.log import Leaf


@dataclass(slots=True, eq=False)
class _Group(Place):
    """Statements that enter the log together or not at all."""

    read: Sequence[tuple[bytes, Envelope, Judged]]
    indexes: list[int] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    error: BaseException | None = None

    @property
    def names(self) -> bool:
        """Whether one of them binds a name, and all of them are held to what the licenses say."""
        return any(isinstance(fact, Named) for _, _, judged in self.read for fact in judged.facts)

    @property
    def removes(self) -> bool:
        """Whether one of them has an entry's words removed."""
        return any(isinstance(fact, Redacted) for _, _, judged in self.read for fact in judged.facts)


class Writer:
    """Appends signed statements to the log of one home; share one between the threads of a process."""

    def __init__(
        self,
        store: Database,
        pinned: Path,
        log_key: PrivateKey,
        clock: Clock,
        settings: Settings,
        at: Callable[[Step], object] = lambda _: None,
    ) -> None:
        """Cover entries that a stopped process left without a checkpoint; `at` is called at every step.

        `pinned` is the home's `trusted_root.json`, which follows what is covered.
        """
        self._store, self._clock, self._settings, self._at = store, clock, settings, at
        self._signer = Signer(store, pinned, log_key, at)
        self._line = Line[_Group](settings.queue)
        # The trusted root when this process last wrote: whom it refuses is asked about again, whom it trusts is
        # judged again by the one in force when the entry is written.
        self._expected: TrustedRoot | None = None
        self._signer.catch_up()

    def append(self, raws: Sequence[tuple[bytes, Envelope]]) -> list[Receipt]:
        """Append these statements together or none of them, and prove each; the caller waits its turn."""
        group = _Group(len(raws), self._read(raws))
        if not self._line.stand(group, self._drain, self._settings.busy_seconds):
            raise Busy(f"{self._settings.queue} statements wait for the log writer; try again later")
        if group.error is not None:
            raise group.error
        return group.receipts

    def _read(self, raws: Sequence[tuple[bytes, Envelope]]) -> list[tuple[bytes, Envelope, Judged]]:
        """Verify signatures in the caller's own time and under no lock."""
        expected = self._expected
        try:
            return judge.group(expected, raws)
        except Refused:
            with self._store.reading() as connection:
                self._expected = trust.root(connection)
            if self._expected == expected:
                raise
            return judge.group(self._expected, raws)

    def _drain(self) -> None:
        groups: list[_Group] = []
        try:
            groups = self._line.take(self._settings.batch)
            if self._commit(groups):
                self._signer.cover()
            else:
                self._signer.catch_up()
            self._prove([group for group in groups if group.error is None])
            if any(group.removes for group in groups):
                self._store.settle()  # what is read meanwhile keeps it: `fsck` and the next redaction do it again
        except BaseException as error:
            # Every waiting caller is told, each in its own thread; an interrupt stops this one as well.
            for group in groups:
                group.error = group.error or error
            if not isinstance(error, Exception):
                raise
        finally:
            for group in groups:
                group.finish()

    def _commit(self, groups: Sequence[_Group]) -> bool:
        """Transaction 1: entries, payloads, tree and everything folded from them; transaction 2 makes it durable, too.

        Tell whether there is anything new.
        """
        begun = False
        try:
            with self._store.writing(later=True) as connection:
                begun = True
                grown = self._write(connection, groups)
        except Exception as error:
            if not begun or len(groups) != 1:
                raise
            # It had the transaction to itself and took it back; what others left behind is covered all the same.
            groups[0].error = error
            return False
        self._at(Step.COMMITTED)
        return grown

    def _write(self, connection: Connection, groups: Sequence[_Group]) -> bool:
        self._at(Step.BEGUN)
        root = self._expected = trust.root(connection)
        self._signer.check_key(root)
        tail = Tail(connection, [envelope.entry for group in groups for _, envelope, _ in group.read])
        before, several = tail.size, len(groups) > 1
        for group in groups:
            # Within the savepoint it would be taken back with a refused group, and written again for the next one.
            if group.names:
                tail.flush()
            for _, _, judged in group.read:
                tail.prepare(judged.facts)
            end = tail.end()
            try:
                with alone(connection) if several else nullcontext():
                    root = self._enter(connection, tail, root, group)
            except FATAL:
                raise
            except Exception as error:
                if not several:
                    raise
                # A defect that one statement finds must not refuse the others.
                tail.rewind(end)
                root = trust.root(connection)
                group.error = error
        tail.flush()
        self._at(Step.WRITTEN)
        return tail.size > before

    def _enter(
        self, connection: Connection, tail: Tail, root: TrustedRoot | None, group: _Group
    ) -> TrustedRoot | None:
        """Append the statements of a group; return the trusted root in force after them."""
        size, folded = tail.size, list[Fact]()
        for one in group.read:
            index, facts = self._append(connection, tail, root, *one)
            group.indexes.append(index)
            folded += facts
            if any(isinstance(fact, Rooted) for fact in facts):
                root = trust.root(connection)
        if group.names:
            tail.flush()  # the questions about licenses ask for these entries, too
            gate.check(connection, folded, size, tail.time)
        return root

    def _append(
        self,
        connection: Connection,
        tail: Tail,
        root: TrustedRoot | None,
        raw: bytes,
        envelope: Envelope,
        judged: Judged,
    ) -> tuple[int, Sequence[Fact]]:
        """Append a statement, unless these keys said it before; return its index and the facts that were folded."""
        if judged.root != root:  # another writer changed it in between
            judged = judge.read(root, envelope)
        if not tail.lacks(envelope.entry):
            known = tail.find(envelope.entry, judged.keys)
            if known is not None:
                return known, ()
            redaction.check_removed(connection, envelope.entry)
        # A clock that was set back must not make the log's time decrease (3-trust, "Log").
        time = max(self._clock(), tail.time)
        operators = judge.admit(connection, judged, envelope.entry, time, tail)
        facts = once(tail, envelope.entry, judged.facts)
        bounds.check(connection, facts, self._settings)
        flood.check(connection, root, facts, operators, self._settings)
        redaction.check(connection, facts)
        self._signer.check_key(authority.rooted(facts))
        index = enter(connection, tail, Leaf(envelope.entry, judged.keys, time), raw, facts, operators)
        bounds.check_grown(connection, facts, self._settings)
        mass.check(connection, root, facts, index, time, self._settings)
        return index, facts

    def _prove(self, groups: Sequence[_Group]) -> None:
        """Give each of these its receipts, read for all of them at once."""
        try:
            with self._store.reading() as connection:
                proven = iter(
                    log.receipts(connection, [index for group in groups for index in group.indexes])
                )
        except Refused as error:
            if len(groups) == 1:
                groups[0].error = error
                return
            # What is damaged is one entry's: the others are proven without it.
            for group in groups:
                self._prove([group])
            return
        for group in groups:
            group.receipts = [next(proven) for _ in group.indexes]
