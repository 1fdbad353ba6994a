"""Entries as bundles under one checkpoint, the newest: whoever holds such a file knows as of how many entries it speaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from registry.store import log, tree
from signing import merkle
from signing.bundle import Bundle
from signing.log import Leaf

_AT_ONCE = 256


def bundles(connection: Connection, wanted: Sequence[int]) -> Iterator[Bundle]:
    """Return these entries in this order, each proven under the newest checkpoint, which covers all of them.

    An entry whose payload was removed is left out: nothing in it could be checked.
    """
    note, size = log.newest(connection), log.covered(connection)
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        paths = {index: merkle.inclusion_nodes(index, size) for index in part}
        found = tree.nodes(connection, list({node for path in paths.values() for node in path}))
        for index in part:
            logged = log.read(connection, index)
            if logged.envelope is not None:
                proof = merkle.inclusion_proof(index, size, [found[node] for node in paths[index]])
                yield Bundle(logged.envelope, Leaf.parse(logged.leaf), index, tuple(proof), note)
