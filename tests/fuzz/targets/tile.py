"""Tiles and entry bundles: each has one path, and what is read out of its bytes is those bytes.

An input is a path, a newline, and the bytes that are served under it.
"""

from fuzz.words import marks

from signing import canonical, tiles
from signing.errors import Malformed

MINUTES, LONGEST = 3, 65536
WORDS = tuple(marks(r"tile/ entries/ 0/ 6/ x001/ /000 .p/ .p/255 256 \n \x00\x00 \xff\xff \xd9\xa1"))


def read(data: bytes) -> None:
    path, _, raw = data.partition(b"\n")
    tile = tiles.named(canonical.text(path, "path"))
    if tile is None:
        raise Malformed("no tile is served under this path")
    assert tile.path.encode() == path
    assert tiles.named(tile.full.path) == tile.full
    end = tile.first + tile.width
    size = end if tile.level == "entries" else end << 8 * tile.level
    assert tile.within(size)
    assert not tile.within(size - 1)
    assert tiles.at(tile.level, tile.index, size) == tile
    if tile.level == "entries":
        found = tiles.entries(raw, tile)
        assert tiles.encode_entries(found) == raw
    else:
        found = tiles.hashes(raw, tile)
        assert b"".join(found) == raw
        node = (8 * tile.level, tile.first)
        assert tiles.node(node, tile, found) == found[0]
        assert tiles.holding(node, size).full == tile.full
    assert len(found) == tile.width
    if tile == tile.full:
        assert raw.startswith(tiles.cut(raw, tiles.Tile(tile.level, tile.index, 1)))
