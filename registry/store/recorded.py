"""When the log first named artifacts, and who signed what first registers them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import Connection

from lineage.selection import Recorded
from registry.store.lists import asking, parts
from registry.store.tenure import standing

_NAMED = asking("""
    SELECT node.id, node.first, entry.time FROM node JOIN entry ON entry."index" = +node.first WHERE node.id IN :some
""")
# Of several registrations of an artifact the last row is kept, which is the first that counts.
_REGISTERED = asking(f"""
    SELECT node.id, registration.publishers, entry.keys
    FROM node JOIN registration ON registration.artifact = +node.number
    JOIN entry ON entry."index" = +registration.entry
    WHERE node.id IN :some AND {standing("registration")} ORDER BY registration.entry DESC
""")


def recorded(connection: Connection, artifacts: Collection[str]) -> dict[str, Recorded]:
    """Return for each of `artifacts` that the log names since when it does, and who registered it, if anybody did."""
    found: dict[str, Recorded] = {}
    for part in parts(artifacts):
        named = connection.execute(_NAMED, {"some": part})
        found |= {row.id: Recorded(row.first, row.time) for row in named}
        for row in connection.execute(_REGISTERED, {"some": part}):
            who, keys = tuple(row.publishers.split()), tuple(row.keys.split())
            found[row.id] = replace(found[row.id], operators=who, keys=keys)
    return found
