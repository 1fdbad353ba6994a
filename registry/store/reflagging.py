"""Flags of an incident, found anew: where an order removed what it selected by, nothing may be left of that (`redaction`).

A fold that never saw what was removed sets some flags later than they were set here. So at the leaf that removes it all flags of
the incident are set once more, each since the entry from which on there is a way: both come to the same from there on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from heapq import heappop, heappush

from sqlalchemy import Connection, text

from lineage.incidents import Kind
from lineage.standing import flow
from registry.store.lists import asking, parts
from registry.store.tenure import standing

_SEEDS = text(f"""
    SELECT artifact, incident AS entry FROM target WHERE incident = :incident
    UNION ALL SELECT selected.artifact, selected.entry FROM selected JOIN incident ON incident.id = selected.incident
    WHERE incident.entry = :incident AND {standing("selected")}
""")
_EDGES = asking(
    f"SELECT parent, child, entry FROM edge WHERE parent IN :some AND relation IN :flow AND {standing('edge')}",
    "some",
    "flow",
)
_DROP = text("DELETE FROM flag WHERE incident = :incident")
_SET = text("INSERT INTO flag (incident, artifact, first) VALUES (:incident, :artifact, :first)")


def reflag(connection: Connection, incident: int, what: Kind) -> None:
    """Set the flags of the incident reported in leaf `incident` anew, by what counts now."""
    seeds: dict[int, int] = {}
    for row in connection.execute(_SEEDS, {"incident": incident}):
        since = max(incident, row.entry)
        seeds[row.artifact] = min(since, seeds.get(row.artifact, since))
    found = earliest(seeds, _edges(connection, seeds, what))
    connection.execute(_DROP, {"incident": incident})
    if found:
        rows = [{"incident": incident, "artifact": one, "first": first} for one, first in found.items()]
        connection.execute(_SET, rows)


def earliest(seeds: Mapping[int, int], edges: Iterable[tuple[int, int, int]]) -> dict[int, int]:
    """Return since which entry each artifact is reached: of all ways, the least of the newest entry on each.

    `seeds` are reached since an entry each; an edge is a parent, a child, and the entry that says so.
    """
    below: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for parent, child, entry in edges:
        below[parent].append((child, entry))
    found: dict[int, int] = {}
    waiting = [(entry, artifact) for artifact, entry in sorted(seeds.items())]
    waiting.sort()
    while waiting:
        since, here = heappop(waiting)
        if here not in found:
            found[here] = since
            for child, entry in below[here]:
                heappush(waiting, (max(since, entry), child))
    return found


def _edges(connection: Connection, starts: Iterable[int], what: Kind) -> list[tuple[int, int, int]]:
    """Return the edges along which an incident of this kind is carried from `starts` on."""
    found = list[tuple[int, int, int]]()
    carried = sorted(flow(what))
    seen = set(starts)
    level = seen
    while level and carried:
        rows = [
            row
            for some in parts(sorted(level))
            for row in connection.execute(_EDGES, {"some": some, "flow": carried})
        ]
        found += [(row.parent, row.child, row.entry) for row in rows]
        level = {row.child for row in rows} - seen
        seen |= level
    return found
