"""Somebody's log over HTTP: its checkpoint, tiles and entries (C2SP tlog-tiles), from a registry or from plain files.

Nothing here is checked but lengths: what it means that bytes were served is for `registry.work.audit`.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

from registry.site import Site
from registry.store import Absent
from signing import checkpoint, dsse, tiles
from signing.errors import Malformed
from signing.tiles import Tile

_HASH = 32
_MAX_ROOT = 16 << 20


class RemoteLog:
    """The log at a URL; close it, or use it in a `with` block."""

    def __init__(self, at: str | Site, timeout: float = 30) -> None:
        """Read the log at a URL, which may have a path, waiting `timeout` seconds for each piece of an answer.

        A `Site` is one that is asked other things, too, and is closed by whoever opened it.
        """
        self._site = at if isinstance(at, Site) else Site(at, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._site.close()

    @property
    def name(self) -> str:
        """The URL, without user and password."""
        return self._site.shown

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint that is served, a signed note."""
        return self._site.file("/checkpoint", checkpoint.MAX_BYTES)

    def tile(self, tile: Tile) -> bytes:
        """Return the bytes of a tile or entry bundle; a full one may have taken a partial one's place."""
        try:
            return self._tile(tile)
        except Absent:
            if tile == tile.full:
                raise
            return tiles.cut(self._tile(tile.full), tile)

    def envelopes(self, entry: str, index: int | None) -> Iterator[bytes]:
        """Go through what may be the envelope of leaf `index`, or of any leaf, whose entry id is `entry`.

        Several leaves have one entry id where several keys signed one statement. A registry is told which is meant; a
        file system has the later ones beside the first.
        """
        if index is None:
            yield self._site.file(f"/entries/{entry}", dsse.MAX_BYTES)
            return
        yield self._site.file(f"/entries/{entry}", dsse.MAX_BYTES, index=str(index))
        try:
            yield self._site.file(f"/entries/{entry}.{index}", dsse.MAX_BYTES)
        except (Absent, Malformed):
            return

    def root(self) -> bytes:
        """Return the trusted root that is served: whoever serves it says so, and nobody else."""
        return self._site.file("/trusted-root", _MAX_ROOT)

    def _tile(self, tile: Tile) -> bytes:
        most = tiles.MAX_BYTES if tile.level == "entries" else _HASH * tile.width
        return self._site.file(f"/{tile.path}", most)
