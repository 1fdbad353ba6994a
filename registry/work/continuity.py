"""Accept a log's checkpoints one after another, each only if it continues what was shown before (RFC 9162, 2.1.4).

The tree that a checkpoint names must be the remembered one continued, by a consistency proof made from tiles; otherwise both
checkpoints are kept as evidence (`signing.fork`).
"""

from __future__ import annotations

from lineage.authority import TrustedRoot
from registry.work.memory import Notebook
from registry.work.served import Source, Tiles, judging
from signing import fork, merkle
from signing.checkpoint import Checkpoint
from signing.errors import Refused, Untrusted
from signing.fork import Fork


class Continuity:
    """The checkpoints of one log, as one auditor remembers them."""

    def __init__(self, source: Source, tiles: Tiles, pinned: TrustedRoot, notebook: Notebook) -> None:
        """Ask `source`, whose tiles are `tiles`, by the keys of `pinned`; what was accepted stands in `notebook`."""
        self._source, self._tiles, self._pinned, self._notebook = source, tiles, pinned, notebook

    def ask(self, before: bytes) -> tuple[bytes, Checkpoint]:
        """Return the newest checkpoint as it was signed and what it says, or refuse it: a fork, or a step back from `before`."""
        note = self._source.checkpoint()
        return note, self.accept(before, note)

    def accept(self, before: bytes, note: bytes) -> Checkpoint:
        """Return what the checkpoint `note` says, or refuse it: a fork, or a step back from `before`, empty if there was none."""
        with judging(f"what is remembered in {self._notebook.folder}"):
            last = self.opened(before) if before else None
        with judging("its checkpoint"):
            seen = self.opened(note)
        self._compare(before, last, note, seen)
        self._notebook.see(seen.size, note)
        return seen

    def opened(self, note: bytes) -> Checkpoint:
        """Return the checkpoint in a note of this log."""
        found = Checkpoint.opened(note, self._pinned.origin, self._pinned.log().public)
        if found.size == 0:
            raise Untrusted(f"it covers no entry, and the first of {found.origin} is its trusted root")
        return found

    def _compare(self, before: bytes, last: Checkpoint | None, note: bytes, seen: Checkpoint) -> None:
        """Refuse a checkpoint that contradicts one that was accepted before."""
        same = last is not None and last.size == seen.size
        earlier = before if same else self._notebook.seen(seen.size)
        if earlier is not None and self.opened(earlier).root != seen.root:
            raise self._forked(Fork(earlier, note, seen.root, ()))
        if last is None or same:
            return
        if last.size > seen.size:
            raise Untrusted(
                f"the log {seen.origin} has gone back: it showed {last.size} entries with the root {last.root.hex()}, and"
                f" now shows {seen.size} with the root {seen.root.hex()}; what is served is old, or was rolled back"
            )
        evidence = self._continued(before, last, note, seen.size)
        try:
            merkle.check_consistency(last.size, seen.size, last.root, seen.root, evidence.proof)
        except Untrusted:
            raise self._forked(evidence) from None

    def _continued(self, before: bytes, last: Checkpoint, note: bytes, size: int) -> Fork:
        """Return what the tiles say of the tree over as many entries as were seen last, and how it was continued."""
        try:
            found = self._tiles.nodes(merkle.consistency_nodes(last.size, size), size)
            under = merkle.root(last.size, self._tiles.nodes(merkle.root_nodes(last.size), size))
        except Untrusted:
            # Who forks a log need not show the tiles that prove it.
            return Fork(before, note, merkle.EMPTY, ())
        return Fork(before, note, under, tuple(merkle.consistency_proof(last.size, size, found)))

    def _forked(self, evidence: Fork) -> Untrusted:
        """Keep the evidence, and return the sentence that says what it shows."""
        first, second = self.opened(evidence.first), self.opened(evidence.second)
        path = self._notebook.convict(evidence, (first.size, second.size))
        both = (
            f"{first.size} entries with the root {first.root.hex()}, and {second.size} entries with the root"
            f" {second.root.hex()}"
        )
        try:
            fork.check(evidence, self._pinned.origin, self._pinned.log().public)
        except Refused:
            return Untrusted(
                f"the log {first.origin} does not show that it only grew: it signed {both}, and the tiles served do not"
                f" lead from one to the other; they are corrupt, or hide a fork; both checkpoints are in {path}"
            )
        return Untrusted(
            f"the log {first.origin} is forked: it signed {both}, which no one log can have; {path} proves it to anybody"
        )
