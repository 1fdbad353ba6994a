"""Whoever reads from a registry: remembers its log, and takes nothing from one that does not continue what was seen.

A signature shows that a log said something, and not that it says the same to everybody. So before anything is asked, the
checkpoint that is served must continue the one that was remembered, and so must the checkpoint of every bundle and
receipt that is handed over. It is what an audit does first (`registry.work.continuity`), in the same notebook: what an audit
saw there binds the registry's readers, and the other way round. What one saw elsewhere, in a folder of its own (`--state`) or
in a mirror's, does not. Entries are not verified here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from lineage.authority import TrustedRoot
from registry.work.continuity import Continuity
from registry.work.memory import Memory, Notebook
from registry.work.served import Source, Tiles, judging
from signing.checkpoint import Checkpoint
from signing.errors import Untrusted


class Rooted(Source, Protocol):
    """A log that is served with its trusted root."""

    def root(self) -> bytes:
        """Return the trusted root that is served: its own word."""


class Reader:
    """One reader of one log, who has looked at it just now."""

    _continuity: Continuity
    _note: bytes
    _seen: Checkpoint

    def __init__(self, log: Rooted, notebook: Notebook, root: TrustedRoot | None = None) -> None:
        """Accept the log as it is served, or refuse it: a fork, a step back, or not the log that was seen here before.

        Without `root`, and where none is pinned in the notebook, the log's key is taken from the root that is served. That
        key has to have signed what is remembered, so it is the log's word the first time only.
        """
        self._log, self._notebook, self._root = log, notebook, root
        self.first = False
        self._look()

    @property
    def origin(self) -> str:
        """The name of the log."""
        return self._seen.origin

    def admit(self, note: bytes) -> None:
        """Refuse a checkpoint that was handed over with something else, unless what was seen continues it, or it that."""
        with judging("a checkpoint that it handed over"):
            size = self._continuity.opened(note).size
        with self._notebook.held():
            # Others read from the same log, and what they have seen since is the newest.
            memory = self._notebook.read() or Memory(self._note)
            if size <= self._continuity.opened(memory.checkpoint).size:
                self._continuity.accept(note, memory.checkpoint)
            else:
                self._seen, self._note = self._continuity.accept(memory.checkpoint, note), note
                self._notebook.write(replace(memory, checkpoint=note))

    def judge(self, log: str, size: int) -> None:
        """Refuse an answer that is about another log than this one, or about more entries than it has signed a checkpoint for."""
        if log != self.origin:
            raise Untrusted(
                f"the answer is about the log {log}, and the one that is followed is {self.origin}"
            )
        if size > self._seen.size:
            self._look()  # it may have grown since
        if size > self._seen.size:
            raise Untrusted(
                f"the answer is as of {size} entries of {log}, whose checkpoint covers {self._seen.size}"
            )

    def _look(self) -> None:
        """Accept the checkpoint that is served, and remember it."""
        with self._notebook.held():
            root = self._root or self._pinned()
            if root is None:
                served = self._log.root()
                with judging("its trusted root"):
                    root = TrustedRoot.parse(served)
                self.first = self._notebook.read() is None
            self._continuity = Continuity(self._log, Tiles(self._log), root, self._notebook)
            memory = self._notebook.read() or Memory(b"")
            self._note, self._seen = self._continuity.ask(memory.checkpoint)
            self._notebook.write(replace(memory, checkpoint=self._note))

    def _pinned(self) -> TrustedRoot | None:
        path = self._notebook.pinned
        return TrustedRoot.parse(path.read_bytes().strip()) if path.is_file() else None
