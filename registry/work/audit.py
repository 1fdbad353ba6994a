"""Follow somebody's log and believe none of it: every checkpoint continues the last, and every entry holds.

An auditor begins with a pinned trusted root and asks for a checkpoint. It must be signed by the log's key, and the tree it
names must be the remembered one continued (`continuity`). Then entry after entry, a bundle at a time: all leaves of a bundle lead
to the signed root at once; tiles agree with entries and with each other; each leaf is canonical and no older than the one
before; the envelope is what the leaf names, signed by just those keys under the trusted root in force, which the log
itself brings in, each version signed as the one before it asks. Whether a statement fits the graph is for `log fsck` of
whoever folds the log; nothing here keeps one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from lineage import authority
from lineage.authority import TrustedRoot
from lineage.removals import Redacted
from registry.store import Absent, judge
from registry.store.judge import Judged
from registry.work.ahead import ahead
from registry.work.continuity import Continuity
from registry.work.memory import Memory, Notebook
from registry.work.misstated import Misstated, difference
from registry.work.served import Source, Tiles, judging
from signing import merkle, tiles
from signing.bundle import Bundle
from signing.digest import sha256_hex
from signing.errors import Malformed, Refused, Untrusted
from signing.log import Leaf
from signing.tiles import WIDTH, Tile

# Envelopes that are asked for at once. Each has at most 16 MiB, and most have a few KiB.
CONNECTIONS = 4


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

    def __init__(
        self,
        source: Source,
        pinned: TrustedRoot,
        notebook: Notebook,
        held: Callable[[str], Iterable[bytes]] = lambda _: (),
        pause: Callable[[], object] = lambda: None,
    ) -> None:
        """Ask `source` for its checkpoint and accept it, or refuse it: a fork, a step back, or no word of this log.

        `held` gives what the auditor has of an entry from earlier, by its id: a redaction must not misstate it. `pause`
        is called before a log is asked again for what it may be about to sign.
        """
        self._source, self._pinned, self._notebook = source, pinned, notebook
        self._held, self._pause = held, pause
        self._tiles = Tiles(source)
        self.continuity = Continuity(source, self._tiles, pinned, notebook)
        self.memory = notebook.read() or Memory(b"")
        self._look(self.memory.checkpoint)
        notebook.write(self.memory)
        self._root = TrustedRoot.parse(self.memory.root) if self.memory.root else None
        self._gone: dict[str, str] = {}

    def entries(self) -> Iterator[Entry | Filled]:
        """Verify what is new, entry by entry, and every bundle once all of it is; then it is remembered.

        Whoever is handed an entry or a bundle has dealt with it when they ask for the next.
        """
        yield from self._covered()
        if self._gone:
            # A payload goes in the transaction that logs its redaction, and the checkpoint over that is signed in the next
            # one: the redaction may be what the log has taken since it was asked.
            self._pause()
            self._look(self.memory.checkpoint)
            yield from self._covered()
        for why in self._gone.values():
            raise Untrusted(
                f"{why}; no entry of the log has it removed, up to the {self.seen.size} that it shows when asked again"
            )
        due = self._pinned.version
        if len(self.memory.roots) < due:
            raise Untrusted(
                f"the log {self._pinned.origin} has {len(self.memory.roots)} versions of the trusted root in its"
                f" {self.seen.size} entries, and version {due} is pinned: it is older than the pin"
            )
        self._check_pin()

    def _covered(self) -> Iterator[Entry | Filled]:
        """Verify what the newest checkpoint covers and was not verified before."""
        for bundle in tiles.bundles(self.memory.size, self.seen.size):
            raw = self._tiles.raw(bundle)
            with judging(bundle.path):
                leaves = tiles.entries(raw, bundle)
            hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
            self._check(bundle, hashes)
            new = [
                (index, leaf) for index, leaf in enumerate(leaves, bundle.first) if index >= self.memory.size
            ]
            for (index, leaf), envelopes in ahead(self._envelopes, new, CONNECTIONS):
                yield self._entry(index, leaf, envelopes)
            yield Filled(bundle, raw, hashes)
            # Whether what is not served was removed by an order, a later entry says: until then nothing is remembered.
            if not self._gone:
                self._notebook.write(self.memory)

    def _look(self, before: bytes) -> None:
        """Ask for the checkpoint, and accept it if it continues the one `before`, empty if there was none."""
        note, self.seen = self.continuity.ask(before)
        self.memory = replace(self.memory, checkpoint=note)

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

    def _envelopes(self, one: tuple[int, bytes]) -> Iterator[bytes]:
        """Ask for what may be the envelope of a leaf, and return it when the first answer is here."""
        index, raw = one
        found = self._source.envelopes(Leaf.parse(raw).pae, index)
        return chain([next(found)], found)

    def _entry(self, index: int, raw: bytes, envelopes: Callable[[], Iterator[bytes]]) -> Entry:
        """Verify one entry, and follow the trusted root that it may bring into force."""
        memory = self.memory
        with judging(f"entry {index}"):
            leaf = Leaf.parse(raw)
            if leaf.time < memory.time:
                raise Untrusted(f"its time is {leaf.time}, before that of the entry above it, {memory.time}")
        said = self._said(index, leaf, envelopes)
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
        removed = next((fact for fact in judged.facts if isinstance(fact, Redacted)), None)
        if removed is None:
            return Entry(index, leaf, envelope)
        self._compare_removed(index, leaf, envelope, removed)
        self._gone.pop(removed.entry, None)
        return Entry(index, leaf, envelope, removed.entry)

    def _compare_removed(self, index: int, leaf: Leaf, envelope: bytes, fact: Redacted) -> None:
        """Refuse a redaction that misstates what it removes, where somebody still has it: the log ought to have."""
        for raw in (*self._held(fact.entry), *self._served(fact.entry)):
            with judging(f"entry {index}, a redaction of entry {fact.entry}"):
                found = difference(fact, raw)
            if found is None:
                continue
            size = self.seen.size
            nodes = self._tiles.nodes(merkle.inclusion_nodes(index, size), size)
            proof = tuple(merkle.inclusion_proof(index, size, nodes))
            evidence = Misstated(Bundle(envelope, leaf, index, proof, self.memory.checkpoint), raw)
            path = self._notebook.keep(f"redaction-{index}.json", evidence.encode() + b"\n")
            raise Untrusted(
                f"entry {index}, a redaction, misstates entry {fact.entry}, which it removes: {found}; {path} proves it"
                " to anybody, and holds the words that were to be removed"
            )

    def _served(self, entry: str) -> tuple[bytes, ...]:
        try:
            return tuple(self._source.envelopes(entry, None))
        except (Absent, Malformed):
            return ()

    def _said(
        self, index: int, leaf: Leaf, envelopes: Callable[[], Iterator[bytes]]
    ) -> tuple[bytes, Judged] | None:
        """Return the envelope that a leaf names, and what it says; None where none is served."""
        objections: list[str] = []
        try:
            for raw in envelopes():
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
        except Refused as error:
            raise Refused(f"entry {index}: {error}") from error
        raise Untrusted(f"entry {index}: {objections[0]}")

    def _check_pin(self) -> None:
        """Refuse a log whose trusted root of the pinned version is another one."""
        found, pinned = self.memory.roots[self._pinned.version - 1], sha256_hex(self._pinned.encode())
        if found != pinned:
            raise Untrusted(
                f"version {self._pinned.version} of the trusted root is {found} in the log {self._pinned.origin}, and"
                f" {pinned} is pinned"
            )
