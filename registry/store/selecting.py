"""What incidents select by an attribute, besides the artifacts that they name: found when it is reported, and when it comes.

A row of `selected` rests on the entry that gives the artifact the attribute, and counts as long as that one does. So it is the same
whoever comes first, and falls with either: with the incident's entry, or with the one that it rests on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, TextClause, text

from lineage import patterns
from lineage.incidents import Attribute
from registry.store.lists import asking, parts
from registry.store.reach import flag
from registry.store.tenure import standing

# What a key registered or built: by the leaf that counts for the statement, since the same words under another key say nothing new.
SIGNED = f"""
    SELECT said.artifact, said.entry, entry.keys FROM (
        SELECT artifact, entry FROM registration UNION ALL SELECT artifact, entry FROM build
    ) AS said JOIN entry ON entry."index" = said.entry WHERE {standing("said")}
"""
_WITH: dict[str, TextClause] = {
    "key": text(f"SELECT artifact, entry FROM ({SIGNED}) AS signed WHERE keys LIKE '%' || :value || '%'"),
    "tensor": text(
        f"SELECT artifact, entry FROM containment WHERE tensor = :value AND {standing('containment')}"
    ),
}
# What names a stub, and gives it the attribute of being called so: each entry that speaks of it.
STUBS = """
    SELECT child AS artifact, entry FROM edge UNION SELECT parent, entry FROM edge UNION SELECT artifact, entry FROM license
    UNION SELECT artifact, incident FROM target UNION SELECT artifact, entry FROM assessment
"""
_BOUND = text(f"""
    SELECT artifact, entry FROM name WHERE (folded = :value OR (folded >= :low AND folded < :high)) AND {standing("name")}
""")
_CALLED = text(f"""
    SELECT said.artifact, said.entry FROM node JOIN ({STUBS}) AS said ON said.artifact = node.number
    WHERE (node.id = :value OR (node.id >= :low AND node.id < :high)) AND {standing("said")}
""")
_PATTERNS = text("SELECT DISTINCT value FROM selector WHERE attribute = 'name'")
_SELECTOR = text(
    "INSERT INTO selector (entry, seq, incident, attribute, value) VALUES (:entry, :seq, :incident, :attribute, :value)"
)
_SELECTED = text(
    "INSERT INTO selected (incident, artifact, entry) VALUES (:incident, :artifact, :entry) ON CONFLICT DO NOTHING"
)
_INCIDENT = text(f"SELECT entry, what FROM incident WHERE id = :incident AND {standing('incident')}")
_BY = f"""
    FROM selector JOIN incident ON incident.id = selector.incident
    WHERE selector.attribute = :attribute AND {standing("selector")} AND {standing("incident")}
"""
# Asked for every registration: a question for a list of values is made anew each time, and this one is not.
_SELECTING = text(
    f"SELECT incident.id, incident.entry, incident.what {_BY} AND selector.value = :value ORDER BY incident.entry"
)
_KEYS = asking("SELECT DISTINCT value FROM selector WHERE attribute = 'key' AND value IN :some")
_SUSPECTED = asking(f"SELECT DISTINCT selector.value {_BY} AND selector.value IN :some")
_HOLDERS = text(f"""
    SELECT node.id FROM containment JOIN node ON node.number = containment.artifact
    WHERE containment.tensor = :tensor AND {standing("containment")}
""")


def select(
    connection: Connection, index: int, seq: int, incident: str, attribute: Attribute, value: str
) -> None:
    """Let an incident select, by leaf `index`, whatever has an attribute so far, and flag what that reaches."""
    said = {"incident": incident, "attribute": attribute, "value": value}
    connection.execute(_SELECTOR, said | {"entry": index, "seq": seq})
    low, high = patterns.bounds(value) if attribute == "name" else ("", "")
    asked = {"value": value, "low": low, "high": high} if attribute == "name" else {"value": value}
    found = connection.execute(_having(attribute, value), asked).all()
    if found:
        rows = [{"incident": incident, "artifact": row.artifact, "entry": row.entry} for row in found]
        connection.execute(_SELECTED, rows)
    for at, what in connection.execute(_INCIDENT, {"incident": incident}).all():
        for artifact in sorted({row.artifact for row in found}):
            flag(connection, at, artifact, index, what)


def called(connection: Connection, index: int, names: Mapping[str, int]) -> None:
    """Let the incidents on ranges of names select what leaf `index` gives these names to: a stub is called by its id."""
    ranges = set(connection.scalars(_PATTERNS)) if names else set()
    for one, artifact in names.items() if ranges else ():
        some = ranges & patterns.patterns(one)
        if some:
            selected(connection, index, artifact, "name", sorted(some))


def selected(
    connection: Connection, index: int, artifact: int, attribute: Attribute, values: Sequence[str]
) -> None:
    """Let the incidents that select by any of `values` select an artifact, which leaf `index` gives that attribute."""
    for value in values:
        asked = {"value": value, "attribute": attribute}
        for incident, at, what in connection.execute(_SELECTING, asked).all():
            connection.execute(_SELECTED, {"incident": incident, "artifact": artifact, "entry": index})
            flag(connection, at, artifact, index, what)


def suspected(connection: Connection, attribute: Attribute, values: Iterable[str]) -> tuple[str, ...]:
    """Return those of `values` by which an incident selects, each once."""
    asked = {"attribute": attribute}
    found = {
        value
        for part in parts(dict.fromkeys(values))
        for value in connection.scalars(_SUSPECTED, asked | {"some": part})
    }
    return tuple(sorted(found))


def keys_among(connection: Connection, values: Sequence[str]) -> set[str]:
    """Return those of `values` by which, as keys, an incident selects or did once: what was voided may be carried by another leaf."""
    return set(connection.scalars(_KEYS, {"some": values}))


def holders(connection: Connection, tensor: str) -> frozenset[str]:
    """Return the ids of the artifacts that are known to hold a tensor."""
    return frozenset(connection.scalars(_HOLDERS, {"tensor": tensor}))


def _having(attribute: Attribute, value: str) -> TextClause:
    """Return the question what has this attribute."""
    match attribute:
        case "key" | "tensor":
            return _WITH[attribute]
        case "name":
            return _CALLED if patterns.upstream(value) else _BOUND
