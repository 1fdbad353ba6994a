"""What the log says about an artifact: which one a reference means, and what stands above and below it.

Every answer is about the first `size` entries of the log (4-lineage, "Storage and speed") and says so; none is cut in
silence. Slices are walked level by level over the edges of every relation: a recursive query over a hub's 146,461
descendants took seven seconds, because its plan merge-joins the whole index at every level.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, cast

from sqlalchemy import Connection, Row, TextClause, bindparam, text

from lineage.around import Around, Edge, Incident, Node
from lineage.facts import Evidence, Rebuilt
from registry.store import Absent, log
from signing import canonical
from signing.errors import Refused

# SQLite takes 32,766 values in one statement.
_AT_ONCE = 10_000


def _query(sql: str) -> TextClause:
    return text(sql).bindparams(bindparam("some", expanding=True))


_STEP = """
    SELECT edge.entry, edge.seq, edge.child, edge.parent, edge.relation, edge.part, edge.evidence, entry.id
    FROM edge JOIN entry ON entry."index" = edge.entry
    WHERE edge.{side} IN :some AND edge.entry < :size ORDER BY edge.entry, edge.seq
"""
_UP = _query(_STEP.format(side="child"))
_DOWN = _query(_STEP.format(side="parent"))
_NODES = _query("""
    SELECT node.number, node.id, payload."index" IS NOT NULL AS seen,
           (SELECT count(*) FROM file WHERE file.artifact = node.number AND node.registered < :size) AS files
    FROM node LEFT JOIN payload ON payload."index" = node.registered AND node.registered < :size
    WHERE node.number IN :some ORDER BY node.number
""")
_NAMES = _query("""
    SELECT one.artifact, one.name, one.revision,
           NOT EXISTS (SELECT 1 FROM name AS later WHERE later.folded = one.folded
                       AND later.entry < :size AND (later.entry, later.seq) > (one.entry, one.seq)) AS newest,
           NOT EXISTS (SELECT 1 FROM name AS later WHERE later.folded = one.folded AND later.revision = one.revision
                       AND later.entry < :size AND (later.entry, later.seq) > (one.entry, one.seq)) AS pinned
    FROM name AS one WHERE one.artifact IN :some AND one.entry < :size ORDER BY one.entry DESC, one.seq DESC
""")
_LICENSES = _query("""
    SELECT artifact, license FROM license WHERE artifact IN :some AND entry < :size ORDER BY entry DESC, seq DESC
""")
_REBUILDS = _query("""
    SELECT artifact, build, passed, verifier, differs FROM rebuild
    WHERE artifact IN :some AND entry < :size ORDER BY entry, seq
""")
_NAMING = _query("SELECT DISTINCT incident FROM target WHERE artifact IN :some")
_NUMBERS = _query("SELECT id, number FROM node WHERE id IN :some")
_TARGETS = _query("""
    SELECT target.incident, node.id FROM target JOIN node ON node.number = target.artifact
    WHERE target.incident IN :some ORDER BY target.incident, target.artifact
""")
_FLAGGING = _query("""
    SELECT flag.artifact, flag.incident FROM flag
    WHERE flag.artifact IN :some AND flag.first < :size ORDER BY flag.incident
""")
_FLAGGED = text("""
    SELECT node.id FROM flag JOIN incident ON incident.entry = flag.incident JOIN node ON node.number = flag.artifact
    WHERE incident.id = :incident
""")
_INCIDENTS = _query("""
    SELECT incident.entry, incident.id, incident.what, incident.severity, incident.summary, incident.contact,
           (SELECT stage.stage FROM stage WHERE stage.incident = incident.entry AND stage.entry < :size
            ORDER BY stage.entry DESC, stage.seq DESC LIMIT 1) AS stage
    FROM incident WHERE incident.entry IN :some AND incident.entry < :size ORDER BY incident.entry
""")


def around(connection: Connection, artifact: str, size: int | None = None) -> Around:
    """Return `artifact` with everything it is made of, over every relation."""
    return _slice(connection, artifact, _UP, size, None)


def below(connection: Connection, artifact: str, size: int | None = None, most: int | None = None) -> Around:
    """Return `artifact` with everything made of it, nearest first; beyond `most` artifacts it says it is cut."""
    return _slice(connection, artifact, _DOWN, size, most)


def incidents(connection: Connection, size: int | None = None) -> tuple[Incident, ...]:
    """Return every incident, oldest first, in the stage it was in."""
    numbers = connection.scalars(text("SELECT entry FROM incident")).all()
    return tuple(_incidents(connection, numbers, _size(connection, size)).values())


def flags(
    connection: Connection, artifacts: Collection[str], size: int | None = None
) -> dict[str, tuple[Incident, ...]]:
    """Return the incidents, in whatever stage, that reach each of `artifacts` along edges that carry them."""
    at = _size(connection, size)
    numbers = {number: artifact for artifact, number in _numbers(connection, artifacts).items()}
    reaching: dict[str, list[int]] = {artifact: [] for artifact in artifacts}
    for row in _rows(connection, _FLAGGING, numbers, at):
        reaching[numbers[row.artifact]].append(row.incident)
    found = _incidents(connection, {number for some in reaching.values() for number in some}, at)
    return {artifact: tuple(found[number] for number in some) for artifact, some in reaching.items()}


def flagged(connection: Connection, incident: str) -> frozenset[str]:
    """Return the ids of all artifacts that this incident reaches."""
    return frozenset(connection.scalars(_FLAGGED, {"incident": incident}))


def _slice(
    connection: Connection, artifact: str, step: TextClause, size: int | None, most: int | None
) -> Around:
    at = _size(connection, size)
    start = _numbers(connection, [artifact]).get(artifact)
    if start is None:
        raise Absent(f"{artifact} is not in this log")
    seen, rows, complete = {start: None}, list[Row[Any]](), True
    frontier = [start]
    while frontier:
        found = list(_rows(connection, step, frontier, at))
        ends = dict.fromkeys(row.parent if step is _UP else row.child for row in found)
        fresh = [number for number in ends if number not in seen]
        if most is not None and len(seen) + len(fresh) > most:
            fresh, complete = fresh[: max(0, most - len(seen))], False
        seen |= dict.fromkeys(fresh)
        rows += found
        frontier = fresh
    nodes = _nodes(connection, seen, at)
    edges = (
        Edge(
            nodes[row.child].id, nodes[row.parent].id, row.relation, row.part, Evidence(row.evidence), row.id
        )
        for row in rows
        if row.child in nodes and row.parent in nodes
    )
    named = {row.incident for row in _rows(connection, _NAMING, seen, at)}
    rebuilds = _rows(connection, _REBUILDS, seen, at)
    return Around(
        artifact=artifact,
        size=at,
        nodes=tuple(nodes[number] for number in seen),
        edges=tuple(edges),
        incidents=tuple(_incidents(connection, named, at).values()),
        rebuilds=tuple(_rebuilt(nodes, row) for row in rebuilds),
        complete=complete,
    )


def _size(connection: Connection, size: int | None) -> int:
    grown = log.size(connection)
    if size is not None and not 0 <= size <= grown:
        raise Refused(f"the log has {grown} entries; it cannot be read as of {size}")
    return grown if size is None else size


def _rows(connection: Connection, query: TextClause, some: Iterable[int], size: int) -> Iterator[Row[Any]]:
    """Run `query` over `some` numbers, as many at once as the database takes."""
    rest = iter(some)
    while part := list(islice(rest, _AT_ONCE)):
        yield from connection.execute(query, {"some": part, "size": size})


def _numbers(connection: Connection, artifacts: Collection[str]) -> dict[str, int]:
    rest, found = iter(artifacts), dict[str, int]()
    while part := list(islice(rest, _AT_ONCE)):
        found |= {row.id: row.number for row in connection.execute(_NUMBERS, {"some": part})}
    return found


def _nodes(connection: Connection, numbers: Collection[int], size: int) -> dict[int, Node]:
    names: dict[int, dict[str, None]] = defaultdict(dict)
    for row in _rows(connection, _NAMES, numbers, size):
        if row.newest:
            names[row.artifact][row.name] = None
        if row.pinned and row.revision is not None:
            names[row.artifact][f"{row.name}@{row.revision}"] = None
    licenses: dict[int, list[str]] = defaultdict(list)
    for row in _rows(connection, _LICENSES, numbers, size):
        licenses[row.artifact].append(row.license)
    return {
        row.number: Node(
            row.id, bool(row.seen), row.files, tuple(names[row.number]), tuple(licenses[row.number])
        )
        for row in _rows(connection, _NODES, numbers, size)
    }


def _incidents(connection: Connection, numbers: Iterable[int], size: int) -> dict[int, Incident]:
    wanted = sorted(set(numbers))
    named: dict[int, list[str]] = defaultdict(list)
    for row in _rows(connection, _TARGETS, wanted, size):
        named[row.incident].append(row.id)
    return {
        row.entry: Incident(
            row.id, tuple(named[row.entry]), row.what, row.severity, row.stage, row.summary, row.contact
        )
        for row in _rows(connection, _INCIDENTS, wanted, size)
    }


def _rebuilt(nodes: Mapping[int, Node], row: Row[Any]) -> Rebuilt:
    differs = cast("list[str]", canonical.decode(row.differs.encode()))
    return Rebuilt(nodes[row.artifact].id, row.build, bool(row.passed), row.verifier, tuple(differs))
