"""What somebody serves, read with suspicion: what a checkpoint covers is there, as long as it must be, and safe to show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from registry.store import Absent
from signing import tiles
from signing.errors import Malformed, Refused, Untrusted
from signing.merkle import Node
from signing.tiles import Tile

# Tiles in memory at once, of 8 KiB each: one of each level is read over and over, and the edge of the tree.
_TILES = 64


class Source(Protocol):
    """Whoever serves a log; what is not served is `Absent`."""

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint, a signed note."""

    def tile(self, tile: Tile) -> bytes:
        """Return the bytes of a tile or entry bundle."""

    def envelopes(self, entry: str, index: int | None) -> Iterator[bytes]:
        """Go through what may be the envelope of leaf `index`, or of any leaf, whose entry id is `entry`."""


class Tiles:
    """The tiles of one log, for a tree of any size that a checkpoint names."""

    def __init__(self, source: Source) -> None:
        """Read the tiles that `source` serves, each once while it is needed."""
        self._source = source
        self._kept: dict[Tile, list[bytes]] = {}

    def nodes(self, wanted: Sequence[Node], size: int) -> list[bytes]:
        """Return the hashes of these subtrees; they are as good as the root that they are shown to lead to."""
        holding = [tiles.holding(one, size) for one in wanted]
        return [tiles.node(one, tile, self.hashes(tile)) for one, tile in zip(wanted, holding, strict=True)]

    def hashes(self, tile: Tile) -> list[bytes]:
        """Return the hashes of a tile."""
        if tile not in self._kept:
            raw = self.raw(tile)
            with judging(tile.path):
                found = tiles.hashes(raw, tile)
            if len(self._kept) >= _TILES:
                self._kept.pop(next(iter(self._kept)))
            self._kept[tile] = found
        return self._kept[tile]

    def raw(self, tile: Tile) -> bytes:
        """Return the bytes of a tile or entry bundle."""
        try:
            return self._source.tile(tile)
        except Absent as error:
            raise Untrusted(f"{error}, and it is a part of what the checkpoint covers") from error
        except Malformed as error:
            raise Untrusted(f"{tile.path}: {error}") from error


@contextmanager
def judging(what: str) -> Iterator[None]:
    """Say of what is refused inside what it is: nothing that was served is the asker's own mistake."""
    try:
        yield
    except Refused as error:
        raise Untrusted(f"{what}: {error}") from error
