"""The tree over the log: its roots and proofs, from the stored hashes of its complete subtrees.

Appending a leaf and proving one each touch a number of rows that is logarithmic in the log's size (3-trust, "Log").
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Connection, TextClause, text

from signing import merkle
from signing.errors import Refused
from signing.merkle import Node

_AT_ONCE = 128


def nodes(connection: Connection, wanted: Sequence[Node]) -> dict[Node, bytes]:
    """Return the stored hashes of these complete subtrees."""
    found: dict[Node, bytes] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        values = {
            name: value
            for place, (level, at) in enumerate(part)
            for name, value in ((f"level{place}", level), (f"index{place}", at))
        }
        found |= {(level, at): value for level, at, value in connection.execute(_looks(len(part)), values)}
    missing = [node for node in wanted if node not in found]
    if missing:
        level, at = missing[0]
        raise Refused(f"the tree lacks the hash at level {level}, index {at}: run `studbook log fsck`")
    return found


def root(connection: Connection, of: int) -> bytes:
    """Return the root of the tree over the first `of` entries."""
    wanted = merkle.root_nodes(of)
    found = nodes(connection, wanted)
    return merkle.root(of, [found[node] for node in wanted])


def inclusion(connection: Connection, index: int, of: int) -> list[bytes]:
    """Return the proof that entry `index` stands in the tree over the first `of` entries."""
    wanted = merkle.inclusion_nodes(index, of)
    found = nodes(connection, wanted)
    return merkle.inclusion_proof(index, of, [found[node] for node in wanted])


def consistency(connection: Connection, old: int, new: int) -> list[bytes]:
    """Return the proof that the tree over `new` entries continues the one over `old`."""
    wanted = merkle.consistency_nodes(old, new)
    found = nodes(connection, wanted)
    return merkle.consistency_proof(old, new, [found[node] for node in wanted])


@lru_cache(maxsize=_AT_ONCE)
def _looks(count: int) -> TextClause:
    """Return the question for `count` nodes: a look into the index for each.

    Asked for a list of pairs, SQLite walks through the whole table; asked level by level, most of the time goes to asking.
    """
    one = 'SELECT level, "index", hash FROM hash WHERE level = :level{0} AND "index" = :index{0}'
    return text(" UNION ALL ".join(one.format(place) for place in range(count)))
