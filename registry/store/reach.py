"""How far edges and incidents reach: the closure and the flags, kept up with every leaf (4-lineage, "Storage and speed").

They grow with each edge and each report. Where entries stop counting they are trimmed: what only those entries supported
goes, and nothing that still has a way there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection, text

from lineage.facts import WEIGHTLESS, Relation
from lineage.incidents import Kind
from lineage.standing import by_closure, flow
from registry.store.lists import asking
from registry.store.tenure import standing


class Link(NamedTuple):
    """An edge between the numbers of two artifacts."""

    child: int
    parent: int
    relation: Relation


# Nothing is inserted for an edge that the closure holds already: everything that follows from it is there too. What several parents
# of a child have above them is put together first: in a lattice they have all of it in common, and each row would be tried once a parent.
_GROW = asking(
    """
    INSERT INTO closure (ancestor, distance, descendant, first, since, id)
    WITH fresh (number) AS (
        SELECT number FROM node WHERE number IN :parents AND NOT EXISTS (
            SELECT 1 FROM closure AS held
            WHERE held.ancestor = node.number AND held.distance = 1 AND held.descendant = :child)
    )
    SELECT above.number, above.distance + 1 + below.distance, below.number, :entry, :entry, below.id
    FROM (SELECT number, min(distance) AS distance FROM (
              SELECT closure.ancestor AS number, closure.distance FROM fresh JOIN closure ON closure.descendant = +fresh.number
              UNION ALL SELECT number, 0 FROM fresh
          ) AS led GROUP BY number) AS above,
         (SELECT descendant AS number, distance, id FROM closure WHERE ancestor = :child
          UNION ALL SELECT number, 0, id FROM node WHERE number = :child) AS below
    WHERE true
    ON CONFLICT (descendant, ancestor) DO UPDATE SET distance = excluded.distance, since = excluded.since
    WHERE excluded.distance < closure.distance
    """,
    "parents",
)
_REACHING = asking(
    """
    SELECT incident.entry, incident.what, flag.artifact FROM flag JOIN incident ON incident.entry = flag.incident
    WHERE flag.artifact IN :parents ORDER BY incident.entry
    """,
    "parents",
)
# Where a kind flows along all weight-carrying edges and no other, the closure is its spread.
_FLAG_CLOSURE = text("""
    INSERT INTO flag (incident, artifact, first)
    SELECT :incident, descendant, :entry FROM closure WHERE ancestor = :artifact
    UNION SELECT :incident, :artifact, :entry
    ON CONFLICT DO NOTHING
""")
_SPREAD = f"""
    WITH RECURSIVE reached (number) AS (
        {{0}}
        UNION SELECT edge.child FROM edge JOIN reached ON edge.parent = reached.number
        WHERE edge.relation IN :flow AND {standing("edge")}
    )
"""
_FLAG_EDGES = asking(
    f"""
    INSERT INTO flag (incident, artifact, first)
    {_SPREAD.format("SELECT CAST(:artifact AS BIGINT)")} SELECT :incident, number, :entry FROM reached WHERE true ON CONFLICT DO NOTHING
    """,
    words="flow",
)
# Asked of the table, since a stolen key may have signed more entries than one statement takes as values.
_ENDED = "SELECT entry FROM tenure WHERE until = :at"
_CHILDREN = f"SELECT edge.child FROM edge WHERE edge.entry IN ({_ENDED})"
# Everything below a child of an edge that no longer counts, and what still leads to each of them, how far away.
_LEFT = f"""
    WITH RECURSIVE
        below (number) AS (
            SELECT descendant FROM closure WHERE ancestor IN ({_CHILDREN}) UNION {_CHILDREN}
        ),
        reached (descendant, ancestor, distance) AS (
            SELECT number, number, 0 FROM below
            UNION SELECT reached.descendant, edge.parent, reached.distance + 1
            FROM reached JOIN edge ON edge.child = reached.ancestor
            WHERE edge.relation NOT IN :weightless AND {standing("edge")}
        )
"""
_STRETCH_CLOSURE = asking(
    f"""
    {_LEFT} UPDATE closure SET distance = nearest.distance, since = :at
    FROM (SELECT descendant, ancestor, min(distance) AS distance FROM reached GROUP BY descendant, ancestor) AS nearest
    WHERE closure.descendant = nearest.descendant AND closure.ancestor = nearest.ancestor
    AND closure.distance <> nearest.distance
    """,
    words="weightless",
)
_TRIM_CLOSURE = asking(
    f"""
    {_LEFT} DELETE FROM closure WHERE descendant IN (SELECT number FROM below)
    AND (descendant, ancestor) NOT IN (SELECT descendant, ancestor FROM reached)
    """,
    words="weightless",
)
_DROP_FLAGS = text(f"DELETE FROM flag WHERE incident IN ({_ENDED})")
# What an incident reaches through an edge it reaches by the edge's child, too; what it selects may rest on what ended.
_ON = text(f"""
    SELECT incident.entry, incident.what FROM flag JOIN incident ON incident.entry = flag.incident
    WHERE flag.artifact IN ({_CHILDREN})
    UNION
    SELECT incident.entry, incident.what FROM selected JOIN incident ON incident.id = selected.incident
    WHERE selected.entry IN ({_ENDED}) AND {standing("incident")}
    ORDER BY 1
""")
_NAMED = f"""
    SELECT artifact FROM target WHERE incident = :incident
    UNION SELECT selected.artifact FROM selected JOIN incident ON incident.id = selected.incident
    WHERE incident.entry = :incident AND {standing("selected")}
"""
_TRIM_FLAGS = asking(
    f"""
    {_SPREAD.format(_NAMED)}
    DELETE FROM flag WHERE incident = :incident AND artifact NOT IN (SELECT number FROM reached)
    """,
    words="flow",
)


def grow(connection: Connection, index: int, links: Sequence[Link]) -> None:
    """Let the closure and the flags follow from new edges, said by leaf `index`."""
    carrying = [link for link in links if link.relation not in WEIGHTLESS]
    # One child after the other, as they come: what was made of the one may be what the next is made of.
    for child, some in groupby(carrying, key=lambda link: link.child):
        parents = sorted({link.parent for link in some})
        connection.execute(_GROW, {"entry": index, "child": child, "parents": parents})
    reaching = connection.execute(_REACHING, {"parents": sorted({link.parent for link in links})}).all()
    for link in links if reaching else ():
        for incident, what, parent in reaching:
            if parent == link.parent and link.relation in flow(what):
                flag(connection, incident, link.child, index, what)


def flag(connection: Connection, incident: int, artifact: int, index: int, what: Kind) -> None:
    """Flag `artifact` and everything that an incident of this kind reaches from it."""
    values = {"incident": incident, "artifact": artifact, "entry": index}
    if by_closure(what):
        connection.execute(_FLAG_CLOSURE, values)
    else:
        connection.execute(_FLAG_EDGES, values | {"flow": sorted(flow(what))})


def trim(connection: Connection, at: int) -> None:
    """Take away what only the entries that stopped counting with leaf `at` let edges and incidents reach."""
    asked = {"at": at}
    for statement in (_TRIM_CLOSURE, _STRETCH_CLOSURE):
        connection.execute(statement, asked | {"weightless": sorted(WEIGHTLESS)})
    connection.execute(_DROP_FLAGS, asked)
    for incident, what in connection.execute(_ON, asked).all():
        connection.execute(_TRIM_FLAGS, {"incident": incident, "flow": sorted(flow(what))})
