"""Tiles of the log, derived from its hashes and leaves when they are asked for (C2SP tlog-tiles).

A tile is a row of neighbours in one level of the tree, and an entry bundle a row of neighbouring leaves: each is one
walk along the primary key, so there is no second copy of the tree that could differ from the first.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from registry.store import Absent, log
from signing import tiles
from signing.errors import Refused

_HASHES = text("""
    SELECT hash FROM hash WHERE level = :level AND "index" >= :start AND "index" < :end ORDER BY "index"
""")
_LEAVES = text('SELECT leaf FROM entry WHERE "index" >= :start AND "index" < :end ORDER BY "index"')


def read(connection: Connection, path: str) -> bytes:
    """Return the bytes of the tile that `path` names, if the newest checkpoint covers all of it."""
    tile = tiles.named(path)
    if tile is None:
        raise Absent(f"{path} is the path of no tile; tile/0/x001/234 and tile/entries/000.p/17 are")
    covered = log.covered(connection)
    if not tile.within(covered):
        raise Absent(f"the newest checkpoint covers {covered} entries, and {path} is no tile of theirs")
    values = {"start": tile.first, "end": tile.first + tile.width}
    if tile.level == "entries":
        found = list(connection.scalars(_LEAVES, values))
        raw = tiles.encode_entries(found)
    else:
        found = list(connection.scalars(_HASHES, values | {"level": 8 * tile.level}))
        raw = b"".join(found)
    if len(found) != tile.width:
        raise Refused(f"{path} lacks {tile.width - len(found)} of {tile.width}: run `studbook log fsck`")
    return raw
