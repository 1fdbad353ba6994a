"""Which artifacts stubs are, by their owners' word, and what incidents that name a stub select because of it.

A row of `selected` rests on the entry that says what the stub is, and falls with it or with the incident's, as any other does
(`registry.store.selecting`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, text

from lineage import sameness
from lineage.around import Edge
from lineage.facts import Derived, Evidence
from registry.store.lists import asking
from registry.store.reach import flag
from registry.store.tenure import counting, standing

# In an owner's name the stub is the child; no artifact's id begins so.
OWNED = f"""
    SELECT edge.entry, edge.child, edge.parent FROM edge JOIN node ON node.number = +edge.child
    WHERE edge.relation = 'same_as' AND node.id LIKE 'hf:%' AND {standing("edge")}
"""
_NAMED = text(f"""
    SELECT incident.id, incident.entry, incident.what, owned.parent, owned.entry AS rests
    FROM incident JOIN target ON target.incident = incident.entry JOIN ({OWNED}) AS owned ON owned.child = target.artifact
    WHERE incident.entry = :incident AND {standing("incident")} ORDER BY owned.entry
""")
_NAMING = text(f"""
    SELECT incident.id, incident.entry, incident.what FROM target JOIN incident ON incident.entry = target.incident
    WHERE target.artifact = :stub AND {standing("incident")} ORDER BY incident.entry
""")
_SELECTED = text(
    "INSERT INTO selected (incident, artifact, entry) VALUES (:incident, :artifact, :entry) ON CONFLICT DO NOTHING"
)
_IS = asking(f"""
    SELECT parent.id FROM ({OWNED}) AS owned JOIN node AS stub ON stub.number = owned.child
    JOIN node AS parent ON parent.number = owned.parent WHERE stub.id IN :some
""")
# One look into an index of edges for each end: asked whether it is the one or the other, SQLite goes through all edges.
_SAID = text(f"""
    SELECT child.id AS child, parent.id AS parent, said.evidence, entry.id AS entry FROM (
        SELECT edge.entry, edge.seq, edge.child, edge.parent, edge.evidence FROM node JOIN edge ON edge.child = +node.number
        WHERE node.id = :artifact AND edge.relation = 'same_as' AND {counting("edge")}
        UNION SELECT edge.entry, edge.seq, edge.child, edge.parent, edge.evidence FROM node JOIN edge ON edge.parent = +node.number
        WHERE node.id = :artifact AND edge.relation = 'same_as' AND {counting("edge")}
    ) AS said JOIN entry ON entry."index" = said.entry
    JOIN node AS child ON child.number = said.child JOIN node AS parent ON parent.number = said.parent
    ORDER BY said.entry, said.seq
""")


def reported(connection: Connection, incident: int, index: int) -> None:
    """Let the incident that leaf `incident` opened select, by leaf `index`, what the stubs are that it names."""
    for row in connection.execute(_NAMED, {"incident": incident}).all():
        chosen = {"incident": row.id, "artifact": row.parent, "entry": row.rests}
        connection.execute(_SELECTED, chosen)
        flag(connection, row.entry, row.parent, index, row.what)


def identified(
    connection: Connection, index: int, numbers: Mapping[str, int], edges: Iterable[Derived]
) -> None:
    """Let the incidents that name a stub select the artifact that it is by one of `edges`, which leaf `index` says."""
    for edge in edges:
        if sameness.owned(edge):
            artifact = numbers[edge.parent]
            for incident, at, what in connection.execute(_NAMING, {"stub": numbers[edge.child]}).all():
                connection.execute(_SELECTED, {"incident": incident, "artifact": artifact, "entry": index})
                flag(connection, at, artifact, index, what)


def named(connection: Connection, artifacts: Sequence[str]) -> tuple[str, ...]:
    """Return the artifacts that an incident on `artifacts` names: these, and what the stubs among them are."""
    return tuple(dict.fromkeys([*artifacts, *sorted(connection.scalars(_IS, {"some": list(artifacts)}))]))


def said(connection: Connection, artifact: str, size: int) -> tuple[Edge, ...]:
    """Return every word that an artifact is what a stub names, or a stub an artifact, as of the first `size` entries, oldest first."""
    return tuple(
        Edge(row.child, row.parent, "same_as", "{}", Evidence(row.evidence), row.entry)
        for row in connection.execute(_SAID, {"artifact": artifact, "size": size})
    )
