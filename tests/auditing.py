"""Logs to be audited: an honest home's, plain files, and whatever a log's own operator could sign."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from world import World

from lineage.authority import TrustedRoot
from registry.store import Absent, log
from registry.store import tiles as stored
from registry.work.audit import Audit, Entry
from registry.work.memory import Notebook
from registry.work.mirror import Mirror
from registry.work.served import Source
from signing import checkpoint, dsse, merkle, tiles
from signing.checkpoint import Checkpoint
from signing.keys import PrivateKey
from signing.log import Leaf
from signing.statement import Statement
from signing.tiles import Tile


@dataclass
class Held:
    """The log of a world, as its registry serves it."""

    world: World

    def checkpoint(self) -> bytes:
        with self.world.home.store.reading() as connection:
            return log.newest(connection)

    def root(self) -> bytes:
        return self.world.home.root().encode()

    def tile(self, tile: Tile) -> bytes:
        with self.world.home.store.reading() as connection:
            return stored.read(connection, tile.path)

    def envelopes(self, entry: str, index: int | None) -> Iterator[bytes]:
        with self.world.home.store.reading() as connection:
            which = log.indexes(connection, entry)[0] if index is None else index
            envelope = log.read(connection, which).envelope
        if envelope is None:
            raise Absent(f"the payload of entry {index} was removed")
        yield envelope


@dataclass
class Files:
    """The files of a mirror, as a web server hands them out."""

    folder: Path

    def _read(self, name: str) -> bytes:
        path = self.folder / name
        if not path.is_file():
            raise Absent(f"{name} is not there")
        return path.read_bytes()

    def checkpoint(self) -> bytes:
        return self._read("checkpoint")

    def tile(self, tile: Tile) -> bytes:
        return self._read(tile.path)

    def envelopes(self, entry: str, index: int | None) -> Iterator[bytes]:
        yield self._read(f"entries/{entry}")
        yield self._read(f"entries/{entry}.{index}")


@dataclass
class Signed:
    """Any leaves and envelopes under checkpoints of the log's own key: what whoever holds that key can do."""

    origin: str
    key: PrivateKey
    leaves: list[bytes] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    shown: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World) -> "Signed":
        one = cls(world.home.root().origin, world.home.keys("log"))
        with world.home.store.reading() as connection:
            for logged in log.scan(connection):
                one.leaves.append(logged.leaf)
                one.sent.append(logged.envelope)
        return one

    def append(
        self, statement: Statement, keys: Sequence[PrivateKey], time: int, named: Sequence[str] | None = None
    ) -> None:
        """Log a statement signed by `keys`, as if `named` had signed it."""
        envelope = dsse.sign(statement.encode(), keys)
        ids = sorted(key.public.id for key in keys) if named is None else named
        self.leaves.append(Leaf(envelope.entry, tuple(ids), time).encode())
        self.sent.append(envelope.encode())

    def nodes(self) -> dict[merkle.Node, bytes]:
        found = {}
        for index, leaf in enumerate(self.leaves):
            found[0, index] = merkle.leaf_hash(leaf)
            for level, i in merkle.completed(index):
                found[level, i] = merkle.node_hash(found[level - 1, 2 * i], found[level - 1, 2 * i + 1])
        return found

    def checkpoint(self) -> bytes:
        if "checkpoint" in self.shown:
            return self.shown["checkpoint"]
        nodes, size = self.nodes(), len(self.leaves)
        root = merkle.root(size, [nodes[one] for one in merkle.root_nodes(size)])
        return checkpoint.sign(Checkpoint(self.origin, size, root), self.key)

    def tile(self, tile: Tile) -> bytes:
        if tile.path in self.shown:
            return self.shown[tile.path]
        places = range(tile.first, tile.first + tile.width)
        if tile.level == "entries":
            return tiles.encode_entries(self.leaves[at] for at in places)
        nodes = self.nodes()
        return b"".join(nodes[8 * tile.level, at] for at in places)

    def envelopes(self, entry: str, index: int | None) -> Iterator[bytes]:
        if index is None:
            index = next(at for at, leaf in enumerate(self.leaves) if Leaf.parse(leaf).pae == entry)
        if self.sent[index] is None:
            raise Absent(f"the payload of entry {index} was removed")
        yield self.sent[index]


def look(
    source: Source, root: TrustedRoot, folder: Path, most: int | None = None
) -> tuple[Audit, list[Entry]]:
    """Audit a log, remembering it in `folder`; return what was verified, at most so much of it."""
    notebook = Notebook(folder)
    found: list[Entry] = []
    with notebook.held():
        audit = Audit(source, root, notebook)
        for one in audit.entries():
            if isinstance(one, Entry):
                if len(found) == most:
                    break
                found.append(one)
    return audit, found


def copied(source: Source, root: TrustedRoot, folder: Path) -> Audit:
    """Mirror a log into `folder`."""
    mirror = Mirror(folder)
    with mirror.notebook.held():
        audit = Audit(source, root, mirror.notebook, mirror.envelopes)
        mirror.renew(audit)
    return audit


def served(folder: Path) -> dict[str, bytes]:
    """Every file of a mirror that a web server would hand out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".audit" not in path.parts
    }


def twin(world: World, folder: Path) -> World:
    """Return another world with the same home, keys and all, which from now on goes its own way."""
    folder.mkdir()
    other = World(folder)
    other.home.store.close()
    world.home.store.close()
    shutil.rmtree(folder / "home")
    shutil.copytree(world.home.path, folder / "home")
    world.reopen()
    other.reopen()
    other.time = world.time
    other._made = 1000  # what the two say from now on differs
    return other
