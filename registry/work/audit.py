"""Follow somebody's log and believe none of it: every checkpoint continues the last, and every entry holds.

An auditor begins with a pinned trusted root and asks for a checkpoint. It must be signed by the log's key, and the tree it
names must be the remembered one continued, by a consistency proof made from tiles (RFC 9162, 2.1.4); otherwise both
checkpoints are kept as evidence (`signing.fork`). Then entry after entry, a bundle at a time: all leaves of a bundle lead
to the signed root at once; tiles agree with entries and with each other; each leaf is canonical and no older than the one
before; the envelope is what the leaf names, signed by just those keys under the trusted root in force, which the log
itself brings in, each version signed as the one before it asks. Whether a statement fits the graph is for `log fsck` of
whoever folds the log; nothing here keeps one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lineage import authority
from lineage.authority import TrustedRoot
from lineage.facts import Redacted
from registry.store import Absent, judge
from registry.store.judge import Judged
from registry.work.memory import Memory, Notebook
from registry.work.served import Source, Tiles, judging
from signing import fork, merkle, tiles
from signing.checkpoint import Checkpoint
from signing.digest import sha256_hex
from signing.errors import Malformed, Refused, Untrusted
from signing.fork import Fork
from signing.log import Leaf
from signing.tiles import WIDTH, Tile


@dataclass(frozen=True, slots=True)
class Entry:
    """Entry `index` holds: its leaf, and the envelope as it was served, None where an order had it removed.

    `removes` is the id of the entry that this one, a redaction, has removed.
    """

    index: int
    leaf: Leaf
    envelope: bytes | None
    removes: str | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """A bundle whose entries all hold, with its bytes and the hashes of its leaves."""

    bundle: Tile
    raw: bytes
    hashes: list[bytes]


class Audit:
    """One look at a log: what is new in it since the last one."""

    def __init__(self, source: Source, pinned: TrustedRoot, notebook: Notebook) -> None:
        """Ask `source` for its checkpoint and accept it, or refuse it: a fork, a step back, or no word of this log."""
        self._source, self._pinned, self._notebook = source, pinned, notebook
        self._tiles = Tiles(source)
        memory = notebook.read()
        with judging(f"what is remembered in {notebook.folder}"):
            last = None if memory is None else self.opened(memory.checkpoint)
        note = source.checkpoint()
        with judging("its checkpoint"):
            self.seen = self.opened(note)
        self._compare(memory.checkpoint if memory else b"", last, note)
        notebook.see(self.seen.size, note)
        self.memory = Memory(note) if memory is None else replace(memory, checkpoint=note)
        notebook.write(self.memory)
        self._root = TrustedRoot.parse(self.memory.root) if self.memory.root else None
        self._gone: dict[str, str] = {}

    def entries(self) -> Iterator[Entry | Filled]:
        """Verify what is new, entry by entry, and every bundle once all of it is; then it is remembered.

        Whoever is handed an entry or a bundle has dealt with it when they ask for the next.
        """
        for bundle in tiles.bundles(self.memory.size, self.seen.size):
            raw = self._tiles.raw(bundle)
            with judging(bundle.path):
                leaves = tiles.entries(raw, bundle)
            hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
            self._check(bundle, hashes)
            for index, leaf in enumerate(leaves, bundle.first):
                if index >= self.memory.size:
                    yield self._entry(index, leaf)
            yield Filled(bundle, raw, hashes)
            # Whether what is not served was removed by an order, a later entry says: until then nothing is remembered.
            if not self._gone:
                self._notebook.write(self.memory)
        for why in self._gone.values():
            raise Untrusted(f"{why}; no entry of the log has it removed")
        due = self._pinned.version
        if len(self.memory.roots) < due:
            raise Untrusted(
                f"the log {self._pinned.origin} has {len(self.memory.roots)} versions of the trusted root in its"
                f" {self.seen.size} entries, and version {due} is pinned: it is older than the pin"
            )
        self._check_pin()

    def opened(self, note: bytes) -> Checkpoint:
        """Return the checkpoint in a note of this log."""
        found = Checkpoint.opened(note, self._pinned.origin, self._pinned.log().public)
        if found.size == 0:
            raise Untrusted(f"it covers no entry, and the first of {found.origin} is its trusted root")
        return found

    def _compare(self, before: bytes, last: Checkpoint | None, note: bytes) -> None:
        """Refuse a checkpoint that contradicts one that was accepted before."""
        seen = self.seen
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
        evidence = self._continued(before, last, note)
        try:
            merkle.check_consistency(last.size, seen.size, last.root, seen.root, evidence.proof)
        except Untrusted:
            raise self._forked(evidence) from None

    def _continued(self, before: bytes, last: Checkpoint, note: bytes) -> Fork:
        """Return what the tiles say of the tree over as many entries as were seen last, and how it was continued."""
        size = self.seen.size
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

    def _check(self, bundle: Tile, hashes: list[bytes]) -> None:
        """Refuse a bundle that the signed root does not hold, and tiles that disagree with it or each other."""
        seen, below = self.seen, Tile(0, bundle.index, bundle.width)
        if self._tiles.hashes(below) != hashes:
            raise Untrusted(f"{below.path} and {bundle.path} disagree: one of them is corrupt")
        around = self._tiles.nodes(tiles.outside(bundle, seen.size), seen.size)
        if tiles.root(bundle, hashes, seen.size, around) != seen.root:
            raise Untrusted(
                f"the entries of {bundle.path} do not lead to the root {seen.root.hex()} of the checkpoint of {seen.size}"
                " entries: they are not this log's, or a tile above them is corrupt"
            )
        level = 8
        while below == below.full:
            node = (level, below.index)
            above = tiles.holding(node, seen.size)
            if tiles.node(node, below, self._tiles.hashes(below)) != tiles.node(
                node, above, self._tiles.hashes(above)
            ):
                raise Untrusted(f"{above.path} and {below.path} disagree: one of them is corrupt")
            if (below.index + 1) % WIDTH:
                break
            below, level = above, level + 8

    def _entry(self, index: int, raw: bytes) -> Entry:
        """Verify one entry, and follow the trusted root that it may bring into force."""
        memory = self.memory
        with judging(f"entry {index}"):
            leaf = Leaf.parse(raw)
            if leaf.time < memory.time:
                raise Untrusted(f"its time is {leaf.time}, before that of the entry above it, {memory.time}")
        said = self._said(index, leaf)
        if said is None:
            self.memory = replace(memory, size=index + 1, time=leaf.time)
            return Entry(index, leaf, None)
        envelope, judged = said
        with judging(f"entry {index}"):
            authority.check(self._root, judged.statement, judged.facts, judged.keys, leaf.time)
        following = authority.rooted(judged.facts)
        self.memory = replace(memory, size=index + 1, time=leaf.time)
        if following is not None:
            self._root, document = following, following.encode()
            roots = (*memory.roots, sha256_hex(document))
            self.memory = replace(self.memory, root=document, roots=roots)
            if following.version == self._pinned.version:
                self._check_pin()
        removes = next((fact.entry for fact in judged.facts if isinstance(fact, Redacted)), None)
        self._gone.pop(removes or "", None)
        return Entry(index, leaf, envelope, removes)

    def _said(self, index: int, leaf: Leaf) -> tuple[bytes, Judged] | None:
        """Return the envelope that a leaf names, and what it says; None where none is served."""
        objections: list[str] = []
        try:
            for raw in self._source.envelopes(leaf.pae, index):
                try:
                    return raw, judge.stands(self._root, raw, leaf)
                except Refused as error:
                    objections.append(str(error))
        except Absent as error:
            if not objections:
                self._gone.setdefault(leaf.pae, f"entry {index}: {error}")
                return None
        except Malformed as error:
            objections.append(str(error))
        raise Untrusted(f"entry {index}: {objections[0]}")

    def _check_pin(self) -> None:
        """Refuse a log whose trusted root of the pinned version is another one."""
        found, pinned = self.memory.roots[self._pinned.version - 1], sha256_hex(self._pinned.encode())
        if found != pinned:
            raise Untrusted(
                f"version {self._pinned.version} of the trusted root is {found} in the log {self._pinned.origin}, and"
                f" {pinned} is pinned"
            )
