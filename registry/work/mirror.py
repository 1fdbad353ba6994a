"""A verified copy of somebody's log as plain files, which any web server can hand out (C2SP tlog-tiles).

    checkpoint             what the files below are complete for; written last
    tile/…                 hashes and entry bundles
    entries/<id>           envelopes; `<id>.<index>` where the same statement was logged again under other keys
    trusted-root           the trusted root in force
    .audit/                what the mirror's own auditor remembers

What an order had removed from the log is removed from the copy, too. Nothing is written that was not verified, and each file is there whole or not at all. Hashes are computed from the entries,
not copied. A mirror that is killed goes on where it was; run again, it fetches what is new.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from registry.store.disk import replace
from registry.work.audit import Audit, Entry, Filled
from registry.work.memory import Notebook
from registry.work.served import judging
from signing import merkle, tiles
from signing.errors import Refused, Untrusted
from signing.tiles import WIDTH, Tile

_MODE = 0o644  # public, whatever the umask
_OURS = ".audit"


class Mirror:
    """The copy of one log in one folder."""

    def __init__(self, folder: Path) -> None:
        """Hold the copy in `folder`, which is made with its notebook; a folder with anything else in it is refused."""
        held = sorted(one.name for one in folder.iterdir()) if folder.exists() else []
        if held and _OURS not in held:
            raise Refused(f"{folder} holds {', '.join(held[:4])} and is no mirror: name an empty folder")
        self.folder = folder
        self.notebook = Notebook(folder / _OURS)

    def envelopes(self, entry: str) -> Iterator[bytes]:
        """Go through the envelopes that the copy holds of an entry."""
        for copy in sorted((self.folder / "entries").glob(f"{entry}*")):
            yield copy.read_bytes()

    def renew(self, audit: Audit, progress: Callable[[int], object] = lambda _: None) -> None:
        """Bring the copy up to what `audit` has seen; `progress` hears of every entry."""
        path = self.folder / "checkpoint"
        with judging(str(path)):
            before = audit.continuity.opened(path.read_bytes()).size if path.exists() else 0
        for one in audit.entries():
            match one:
                case Entry():
                    self._keep(one)
                    progress(1)
                case Filled():
                    self._fill(one)
        self._finish(audit, before)

    def _keep(self, one: Entry) -> None:
        if one.removes is not None:
            for copy in (self.folder / "entries").glob(f"{one.removes}*"):
                copy.unlink()
        if one.envelope is None:
            return
        path = self.folder / "entries" / one.leaf.pae
        if path.exists() and path.read_bytes() != one.envelope:
            path = path.with_name(f"{one.leaf.pae}.{one.index}")
        self._write(path, one.envelope)

    def _fill(self, one: Filled) -> None:
        """Write a bundle, its hashes, and every tile above that its last entry completes."""
        self._write(self.folder / one.bundle.path, one.raw)
        tile = Tile(0, one.bundle.index, one.bundle.width)
        self._write(self.folder / tile.path, b"".join(one.hashes))
        level = 1
        while tile == tile.full and (tile.index + 1) % WIDTH == 0:
            tile = Tile(level, tile.index // WIDTH)
            self._raise(level, tile)
            level += 1

    def _raise(self, level: int, tile: Tile) -> None:
        """Write a tile of an upper level from the full tiles below it."""
        places = range(tile.first, tile.first + tile.width)
        below = ((at, Tile(level - 1, at)) for at in places)
        hashes = (tiles.node((8 * level, at), one, self._hashes(one)) for at, one in below)
        self._write(self.folder / tile.path, b"".join(hashes))

    def _hashes(self, tile: Tile) -> list[bytes]:
        return tiles.hashes((self.folder / tile.path).read_bytes(), tile)

    def _finish(self, audit: Audit, before: int) -> None:
        """Write the tiles at the edge, see that all lead to the signed root, and only then say what there is."""
        seen = audit.seen
        for level, tile in enumerate(tiles.edge(seen.size)):
            if level and tile != tile.full:
                self._raise(level, tile)
        wanted = [(node, tiles.holding(node, seen.size)) for node in merkle.root_nodes(seen.size)]
        found = [tiles.node(node, tile, self._hashes(tile)) for node, tile in wanted]
        if merkle.root(seen.size, found) != seen.root:
            raise Untrusted(
                f"the tiles in {self.folder} do not lead to the root {seen.root.hex()} of {seen.size} entries: a file there"
                " was changed; begin anew in an empty folder"
            )
        self._write(self.folder / "trusted-root", audit.memory.root)
        self._write(self.folder / "checkpoint", audit.memory.checkpoint)
        # Readers of the earlier checkpoint find a full tile where it had a partial one.
        edge = tiles.edge(before)
        for tile in (*edge, *(Tile("entries", one.index, one.width) for one in edge[:1])):
            if tile != tile.full and tile.full.within(seen.size):
                shutil.rmtree((self.folder / tile.path).parent, ignore_errors=True)

    def _write(self, path: Path, content: bytes) -> None:
        if path.exists() and path.read_bytes() == content:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, content, _MODE)
