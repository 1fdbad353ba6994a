"""Tiles: the tree of the log in files of 256 hashes, which any web server can serve (C2SP tlog-tiles).

    tile/0/x001/234           hashes of 256 leaves
    tile/1/004.p/210          hashes of 210 full tiles of the level below: partial, at the right edge of the tree
    tile/entries/x001/234     the leaves themselves, each behind its length in two bytes

Whoever holds tiles makes every proof alone, and nobody learns which: "which tile holds this node?" (`holding`), then
"read it out" (`node`). What is read out of a tile is true once a proof made of it leads to a signed root, and not before.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from signing import merkle
from signing.errors import Malformed
from signing.merkle import Node

WIDTH = 256
MAX_ENTRY = 2**16 - 1
MAX_BYTES = WIDTH * (2 + MAX_ENTRY)
Level: TypeAlias = int | Literal["entries"]

_HEIGHT = 8
_HASH = 32
# The specification allows levels up to 63; a tree of 2^53 leaves has 7 of them.
_PATH = re.compile(
    r"tile/(entries|0|[1-6])/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Tile:
    """The `index`-th tile of a level, or entry bundle, as far as it is filled: `width` hashes or entries of 256."""

    level: Level
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """The one path under which the tile is served, relative to the log's URL."""
        digits = f"{self.index:03d}"
        groups = re.findall("...", digits.zfill(-(-len(digits) // 3) * 3))
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{self.level}/{'/'.join(['x' + group for group in groups[:-1]] + groups[-1:])}{partial}"

    @property
    def full(self) -> "Tile":
        """The same tile once it is full."""
        return Tile(self.level, self.index)

    @property
    def first(self) -> int:
        """The place of the tile's first hash or entry in its level."""
        return self.index * WIDTH

    def within(self, size: int) -> bool:
        """Tell whether a tree of `size` leaves has this tile, or had it before it grew."""
        return self.first + self.width <= _count(self.level, size)


def named(path: str) -> Tile | None:
    """Return the tile that is served under `path`; None if no tile is, for each has one path only."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    level: Level = "entries" if found[1] == "entries" else int(found[1])
    tile = Tile(level, int(re.sub("[x/]", "", found[2])), int(found[3] or WIDTH))
    return tile if tile.path == path and tile.width <= WIDTH else None


def at(level: Level, index: int, size: int) -> Tile:
    """Return a tile as wide as it is in a tree of `size` leaves."""
    width = min(WIDTH, _count(level, size) - index * WIDTH)
    if index < 0 or width < 1:
        raise Malformed(f"a tree of {size} leaves has no tile {index} at level {level}")
    return Tile(level, index, width)


def tree(size: int) -> Iterator[Tile]:
    """Go through the tiles of a tree of `size` leaves: entry bundles, then hashes from the leaves up, left to right."""
    yield from bundles(0, size)
    for level, last in enumerate(edge(size)):
        yield from (at(level, index, size) for index in range(last.index + 1))


def edge(size: int) -> list[Tile]:
    """Return the last tile of each level of hashes in a tree of `size` leaves, from the leaves up: others are full."""
    found: list[Tile] = []
    while count := _count(len(found), size):
        found.append(at(len(found), (count - 1) // WIDTH, size))
    return found


def bundles(start: int, size: int) -> Iterator[Tile]:
    """Go through the entry bundles that hold the leaves from `start` up to `size`."""
    for index in range(start // WIDTH, -(-size // WIDTH) if start < size else 0):
        yield at("entries", index, size)


def holding(node: Node, size: int) -> Tile:
    """Return the tile of a tree of `size` leaves from which the hash of a complete subtree is read."""
    level, index = node
    if not 0 <= index < size >> level:
        raise Malformed(f"a tree of {size} leaves has no complete subtree {index} at level {level}")
    return at(level // _HEIGHT, index << level % _HEIGHT >> _HEIGHT, size)


def node(wanted: Node, tile: Tile, found: Sequence[bytes]) -> bytes:
    """Return the hash of a complete subtree from the hashes of a tile that holds it, or of the tile that it is above."""
    level, index = wanted
    depth = level - _depth(tile)
    start = (index << depth) - tile.first if 0 <= depth <= _HEIGHT else -1
    if start < 0 or start + (1 << depth) > len(found):
        raise Malformed(f"{tile.path} does not hold the subtree {index} at level {level}")
    row = list(found[start : start + (1 << depth)])
    while len(row) > 1:
        row = [merkle.node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def outside(tile: Tile, size: int) -> list[Node]:
    """Return the nodes that, with the leaves of a tile or entry bundle, make the root of a tree of `size` leaves."""
    return [one for one in _path(tile, size) if not _inside(one, tile)]


def root(tile: Tile, leaves: Sequence[bytes], size: int, found: Sequence[bytes]) -> bytes:
    """Return the root that a tile's leaf hashes lead to, given the hashes of the nodes `outside`.

    All of them stand in a tree if that is its root: they are proven at once, like one leaf by its inclusion proof.
    """
    path, rest = _path(tile, size), list(found)
    if len(leaves) != tile.width or len(rest) != len(outside(tile, size)):
        raise Malformed(f"{tile.path} leads to a root with {tile.width} leaves and the nodes outside it")
    own = Tile(0, tile.index, tile.width)
    hashes = [node(one, own, leaves) if _inside(one, tile) else rest.pop(0) for one in path]
    proof = merkle.inclusion_proof(tile.first, size, hashes)
    return merkle.inclusion_root(leaves[0], tile.first, size, proof)


def hashes(raw: bytes, tile: Tile) -> list[bytes]:
    """Return the hashes in the bytes of a tile."""
    if len(raw) != _HASH * tile.width:
        raise Malformed(f"{tile.path} has {_HASH * tile.width} bytes, not {len(raw)}")
    return [raw[at : at + _HASH] for at in range(0, len(raw), _HASH)]


def entries(raw: bytes, tile: Tile) -> list[bytes]:
    """Return the leaves in the bytes of an entry bundle."""
    found: list[bytes] = []
    place = 0
    while place < len(raw):
        length = int.from_bytes(raw[place : place + 2])
        end = place + 2 + length
        if end > len(raw):
            raise Malformed(f"{tile.path} ends within its entry {len(found)}: {len(raw)} bytes, not {end}")
        found.append(raw[place + 2 : end])
        place = end
    if len(found) != tile.width:
        raise Malformed(f"{tile.path} has {tile.width} entries, not {len(found)}")
    return found


def encode_entries(leaves: Iterable[bytes]) -> bytes:
    """Return the bytes of an entry bundle with these leaves."""
    found = bytearray()
    for leaf in leaves:
        if len(leaf) > MAX_ENTRY:
            raise Malformed(f"a leaf of {len(leaf)} bytes; an entry bundle holds at most {MAX_ENTRY} of each")
        found += len(leaf).to_bytes(2) + leaf
    return bytes(found)


def cut(raw: bytes, tile: Tile) -> bytes:
    """Return the bytes of a partial tile from those of the full one, which may be all that is still served."""
    if tile.level == "entries":
        return encode_entries(entries(raw, tile.full)[: tile.width])
    return b"".join(hashes(raw, tile.full)[: tile.width])


def _depth(tile: Tile) -> int:
    return 0 if tile.level == "entries" else tile.level * _HEIGHT


def _count(level: Level, size: int) -> int:
    return size if level == "entries" else size >> level * _HEIGHT


def _path(tile: Tile, size: int) -> list[Node]:
    """Return the nodes of the inclusion proof of a tile's first leaf: those inside the tile are all of its leaves."""
    if _depth(tile) or tile != at(tile.level, tile.index, size):
        raise Malformed(f"{tile.path} is no tile of leaves of a tree of {size}")
    return merkle.inclusion_nodes(tile.first, size)


def _inside(node: Node, tile: Tile) -> bool:
    level, index = node
    return tile.first <= index << level < tile.first + tile.width
