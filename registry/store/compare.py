"""Compare a database with one that was folded afresh, and its closure and flags with its edges.

A second fold by the same code finds what was tampered with or lost; it would repeat a mistake of that code. So closure
and flags, the two tables kept up incrementally, are also held against what their definitions say (4-lineage).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from sqlalchemy import Connection, Row, Table, select, text
from sqlmodel import SQLModel

from lineage.facts import WEIGHTLESS
from lineage.incidents import KINDS
from lineage.standing import flow
from registry.store import postgresql, sqlite
from registry.store.lists import asking
from registry.store.sameness import OWNED
from registry.store.selecting import SIGNED, STUBS
from registry.store.tenure import standing
from registry.tables import Checkpoint, Delivery, Hook, Location

# Not folded: signed once each, or about this machine. Alembic's own table is not among ours.
_WITHOUT = {"trigger": "the log can be changed in place", "index": "questions walk through whole tables"}
_APART = frozenset({one.__tablename__ for one in (Checkpoint, Location, Hook, Delivery)})
_SHOWN = 3
_SORTED = {str: 1, bytes: 2}

# In an acyclic graph the closure is the one set that holds every edge and, for every edge, what leads to its parent; a
# distance is the least of one more than that of any parent.
_CLOSED = f"""
    SELECT ancestor, descendant, min(distance) FROM (
        SELECT edge.parent AS ancestor, edge.child AS descendant, 1 AS distance FROM edge
        WHERE edge.relation NOT IN :weightless AND {standing("edge")}
        UNION ALL
        SELECT closure.ancestor, edge.child, closure.distance + 1 FROM edge JOIN closure ON closure.descendant = edge.parent
        WHERE edge.relation NOT IN :weightless AND {standing("edge")}
    ) AS led GROUP BY ancestor, descendant
"""
# So are the flags, of each kind of incident: what is named, and whatever an edge carries it to.
_FLAGGED = """
    SELECT flag.incident, flag.artifact FROM flag JOIN incident ON incident.entry = flag.incident
    WHERE incident.what = :what
"""
_FLOWING = f"""
    SELECT target.incident, target.artifact FROM target JOIN incident ON incident.entry = target.incident
    WHERE incident.what = :what AND {standing("incident")}
    UNION
    SELECT incident.entry, selected.artifact FROM selected JOIN incident ON incident.id = selected.incident
    WHERE incident.what = :what AND {standing("incident")} AND {standing("selected")}
    UNION
    SELECT flag.incident, edge.child FROM flag JOIN incident ON incident.entry = flag.incident
    JOIN edge ON edge.parent = flag.artifact
    WHERE incident.what = :what AND edge.relation IN :flow AND {standing("edge")}
"""
# What an incident selects follows from its selectors and from what counts.
_SELECTED = f"""
    SELECT selected.incident, selected.artifact, selected.entry FROM selected JOIN incident ON incident.id = selected.incident
    WHERE {standing("incident")} AND {standing("selected")}
"""
# A range of names means the name that it spells, or those that begin with what stands before its last character, a `*`.
_MEANS = """({0} = selector.value OR (substr(selector.value, length(selector.value), 1) = '*' AND
             substr({0}, 1, length(selector.value) - 1) = substr(selector.value, 1, length(selector.value) - 1)))"""
_SELECTING = f"""
    SELECT selector.incident, signed.artifact, signed.entry FROM selector JOIN incident ON incident.id = selector.incident
    JOIN ({SIGNED}) AS signed ON signed.keys LIKE '%' || selector.value || '%'
    WHERE selector.attribute = 'key' AND {standing("incident")} AND {standing("selector")}
    UNION
    SELECT selector.incident, containment.artifact, containment.entry FROM selector JOIN incident ON incident.id = selector.incident
    JOIN containment ON containment.tensor = selector.value
    WHERE selector.attribute = 'tensor' AND {standing("incident")} AND {standing("selector")} AND {standing("containment")}
    UNION
    SELECT incident.id, owned.parent, owned.entry FROM target JOIN incident ON incident.entry = target.incident
    JOIN ({OWNED}) AS owned ON owned.child = target.artifact WHERE {standing("incident")}
    UNION
    SELECT selector.incident, name.artifact, name.entry FROM selector JOIN incident ON incident.id = selector.incident
    JOIN name ON {_MEANS.format("name.folded")}
    WHERE selector.attribute = 'name' AND {standing("incident")} AND {standing("selector")} AND {standing("name")}
    UNION
    SELECT selector.incident, said.artifact, said.entry FROM selector JOIN incident ON incident.id = selector.incident
    JOIN node ON {_MEANS.format("node.id")} OR substr(node.id, 1, length(selector.value) + 1) = selector.value || '@'
    JOIN ({STUBS}) AS said ON said.artifact = node.number
    WHERE selector.attribute = 'name' AND {standing("incident")} AND {standing("selector")} AND {standing("said")}
"""
_NAMED = f"""
    SELECT incident.id, node.id FROM (
        SELECT * FROM ({{here}}) AS one EXCEPT SELECT * FROM ({{there}}) AS other LIMIT {_SHOWN}
    ) AS odd JOIN incident ON incident.entry = odd.incident JOIN node ON node.number = odd.artifact
"""
_CLOSURE = "SELECT ancestor, descendant, distance FROM closure"
_CALLED = text("""
    SELECT node.id, closure.id FROM closure JOIN node ON node.number = closure.descendant WHERE closure.id <> node.id LIMIT 1
""")
_LOOPS = text(
    "SELECT node.id FROM closure JOIN node ON number = ancestor WHERE ancestor = descendant LIMIT 1"
)


def lay_out(fresh: Connection) -> None:
    """Create the tables, empty, for a fold that is compared and thrown away: without migrations or triggers."""
    SQLModel.metadata.create_all(fresh)


def differences(live: Connection, fresh: Connection) -> Iterator[str]:
    """Say what stands in `live` and not in `fresh`, and the other way round, table by table, a few rows of each."""
    for table in SQLModel.metadata.sorted_tables:
        if table.name not in _APART:
            found = _differing(live, fresh, table)
            yield from islice(found, _SHOWN)
            more = sum(1 for _ in found)
            if more:
                yield f"table {table.name}: {more} more rows differ"


def layout(live: Connection, fresh: Connection) -> Iterator[str]:
    """Say what the database holds besides rows, and should not, or lacks: tables, indexes, triggers, views."""
    if live.dialect.name == "postgresql":
        due, found = postgresql.due(live), postgresql.layout(live)
    else:
        due = {name: one for name, one in sqlite.layout(fresh).items() if one[0] != "table"}
        due |= {name: ("trigger", sql) for name, sql in sqlite.TRIGGERS.items()}
        found = sqlite.layout(live)
    tables = {*SQLModel.metadata.tables, "alembic_version"}
    for name, (kind, sql) in due.items():
        if name not in found:
            yield f"the {kind} {name} is missing: {_WITHOUT[kind]}"
        elif found[name] != (kind, sql):
            yield f"the {kind} {name} is not the one that the migration makes: {found[name][1]}"
    for name, (kind, sql) in found.items():
        # A trigger of somebody else's could change with every entry what is folded from it.
        if name not in (tables if kind == "table" else due):
            yield f"the {kind} {name} is none of Studbook's: {sql}"


def definitions(live: Connection) -> Iterator[str]:
    """Say where closure or flags are not what the edges make them."""
    for (artifact,) in live.execute(_LOOPS):
        yield f"closure: {artifact} is its own ancestor"
    for artifact, called in live.execute(_CALLED):
        yield f"closure: a descendant is {artifact}, and the table calls it {called}"
    for here, there, word in ((_CLOSURE, _CLOSED, "holds"), (_CLOSED, _CLOSURE, "lacks")):
        only = asking(
            f"SELECT * FROM ({here}) AS one EXCEPT SELECT * FROM ({there}) AS other LIMIT 1",
            words="weightless",
        )
        row = live.execute(only, {"weightless": sorted(WEIGHTLESS)}).first()
        if row is not None:
            yield f"closure: it {word} {row[0]} above {row[1]} at distance {row[2]}, against what the edges say"
    for here, there, word in ((_SELECTED, _SELECTING, "holds"), (_SELECTING, _SELECTED, "lacks")):
        odd = text(f"SELECT * FROM ({here}) AS one EXCEPT SELECT * FROM ({there}) AS other LIMIT {_SHOWN}")
        for row in live.execute(odd):
            yield f"selected: it {word} artifact {row[1]} for incident {row[0]} by entry {row[2]}, against what selects it"
    for kind in KINDS:
        values = {"what": kind, "flow": sorted(flow(kind))}
        for here, there, word in ((_FLAGGED, _FLOWING, "does not reach"), (_FLOWING, _FLAGGED, "reaches")):
            only = asking(_NAMED.format(here=here, there=there), words="flow")
            for row in live.execute(only, values):
                yield f"flag: incident {row[0]} {word} {row[1]}, and the table says otherwise"


def _differing(live: Connection, fresh: Connection, table: Table) -> Iterator[str]:
    """Walk through both tables in key order, side by side, and say every row that only one of them holds."""
    ordered = select(table).order_by(*table.primary_key.columns)
    ours, theirs = (iter(one.execute(ordered).yield_per(1000)) for one in (live, fresh))
    keys = [table.c.keys().index(column.key) for column in table.primary_key.columns]
    left, right = next(ours, None), next(theirs, None)
    while left is not None or right is not None:
        if left == right:
            left, right = next(ours, None), next(theirs, None)
        elif right is None or (left is not None and _key(left, keys) <= _key(right, keys)):
            yield f"table {table.name} holds {_shown(left)}, which the log does not give"
            left = next(ours, None)
        else:
            yield f"table {table.name} lacks {_shown(right)}, which the log gives"
            right = next(theirs, None)


def _key(row: Row[tuple[object, ...]], keys: list[int]) -> tuple[object, ...]:
    # As SQLite sorts: numbers, then text, then bytes, whatever the column was declared for.
    return tuple((_SORTED.get(type(row[key]), 0), row[key]) for key in keys)


def _shown(row: Row[tuple[object, ...]] | None) -> str:
    return repr(tuple(row or ()))[:400]
