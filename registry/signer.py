"""Checkpoints of one home's log: the second of the writer's two transactions signs and stores one over everything committed.

The moments of both transactions are named here, since the writer knows the signer.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection

from lineage.authority import TrustedRoot
from registry.store import log, pin, trust
from registry.store.engine import Database
from signing.errors import Refused, Untrusted
from signing.keys import PrivateKey


class Step(StrEnum):
    """A moment before or after a write, at which a process can stop: the fault table goes through all."""

    BEGUN = "transaction 1 begun"
    WRITTEN = "entries written, not committed"
    COMMITTED = "entries committed, no checkpoint"
    SIGNED = "checkpoint signed and written, not committed"
    COVERED = "checkpoint committed, no receipt given"


class Signer:
    """Signs for the log of one home with its log key, and keeps its pinned trusted root up to what is covered."""

    def __init__(
        self, store: Database, pinned: Path, log_key: PrivateKey, at: Callable[[Step], object]
    ) -> None:
        """`pinned` is the home's `trusted_root.json`; `at` is called at every step."""
        self._store, self._pinned, self._log_key, self._at = store, pinned, log_key, at

    def catch_up(self) -> None:
        """Cover what a stopped process left without a checkpoint, and what others did not come to yet."""
        if self._uncovered():
            self.cover()

    def _uncovered(self) -> bool:
        with self._store.reading() as connection:
            self.check_key(trust.root(connection))
            size, covered = log.extent(connection)
        return size > covered

    def cover(self) -> None:
        """Transaction 2: a checkpoint over everything committed, whoever committed it."""
        try:
            with self._store.writing() as connection:
                document = self._sign(connection)
        except Refused:
            # Others may have had the turn for too long: what they signed for covers what was committed here, too.
            if self._uncovered():
                raise
            return
        self._at(Step.COVERED)
        if not pin.is_current(self._pinned, document):
            with self._store.reading() as connection:
                pin.renew(connection, self._pinned)

    def _sign(self, connection: Connection) -> str:
        """Store a checkpoint, unless one covers everything; return the trusted root in force."""
        document = trust.document(connection)
        if document is None:
            raise Refused(f"{self._store.name} has entries and no trusted root: run `studbook log fsck`")
        root = trust.parsed(document)
        self.check_key(root)
        if log.cover(connection, root.origin, self._log_key):
            self._at(Step.SIGNED)
        return document

    def check_key(self, root: TrustedRoot | None) -> None:
        """Refuse to write what this key could not sign for: entries nobody could prove would be committed."""
        if root is not None and root.log().public != self._log_key.public:
            raise Untrusted(
                f"the log key here is {self._log_key.public.id}, and the trusted root names {root.log().public.id}"
                f" for {root.origin}: nothing is written; restore the key that belongs to this log"
            )
