"""What the log says about an artifact: which one a reference means, and what stands above and below it.

Every answer is about the first `size` entries of the log (4-lineage, "Storage and speed") and says so; none is cut in
silence. Slices are walked level by level over the edges of every relation: a recursive query over a hub's 146,461
descendants took seven seconds, because its plan merge-joins the whole index at every level. A slice that is to be cut
reads no more of a hub than it keeps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, TextClause, text

from lineage.around import Around, Edge, Incident, Node
from lineage.facts import Evidence, Relation, is_stub
from lineage.standing import ENDED
from registry.store import Absent, log, mentions, removed, said, sameness, unbound, verdicts
from registry.store.lists import asking, parts
from registry.store.tenure import counting, standing
from signing.errors import Refused

_ALL = 1 << 62


class Link(NamedTuple):
    """An edge without who said it and when."""

    child: str
    parent: str
    relation: Relation


_UP = asking(
    f"SELECT DISTINCT parent AS number FROM edge WHERE child IN :some AND {counting('edge')} LIMIT :most"
)
_DOWN = asking(
    f"SELECT DISTINCT child AS number FROM edge WHERE parent IN :some AND {counting('edge')} LIMIT :most"
)
_EDGES = asking(f"""
    SELECT edge.entry, edge.seq, edge.child, edge.parent, edge.relation, edge.part, edge.evidence, entry.id
    FROM edge JOIN entry ON entry."index" = edge.entry
    WHERE edge.child IN :some AND {counting("edge")} ORDER BY edge.entry, edge.seq
""")
# `g` sorts after every hex digit, so this is the range of ids that begin so.
_BEGINNING = text(
    f"SELECT entry FROM incident WHERE id >= :beginning AND id < :beginning || 'g' AND {standing('incident')}"
)
_NODES = asking(f"""
    SELECT number, id, seen, CASE WHEN seen THEN (SELECT count(*) FROM file WHERE artifact = number) ELSE 0 END AS files
    FROM (SELECT node.number, node.id, EXISTS (
              SELECT 1 FROM registration JOIN payload ON payload."index" = registration.entry
              WHERE registration.artifact = node.number AND {counting("registration")})
              AND NOT EXISTS (
                  SELECT 1 FROM unknown JOIN redaction ON redaction.entry = unknown.entry JOIN entry ON entry.id = redaction.id
                  WHERE unknown.artifact = node.number AND unknown.entry < :size
                  AND NOT EXISTS (SELECT 1 FROM tenure WHERE tenure.entry = entry."index" AND :size > tenure.until)) AS seen
          FROM node WHERE node.number IN :some) AS found
    ORDER BY number
""")
_NAMES = asking(f"""
    SELECT one.entry, one.artifact, one.name, one.folded, one.revision,
           NOT EXISTS (SELECT 1 FROM name AS later WHERE later.folded = one.folded
                       AND {counting("later")} AND (later.entry, later.seq) > (one.entry, one.seq)) AS newest,
           NOT EXISTS (SELECT 1 FROM name AS later WHERE later.folded = one.folded AND later.revision = one.revision
                       AND {counting("later")} AND (later.entry, later.seq) > (one.entry, one.seq)) AS pinned
    FROM name AS one WHERE one.artifact IN :some AND {counting("one")} ORDER BY one.entry DESC, one.seq DESC
""")
_LICENSES = asking(f"""
    SELECT license.artifact, license.license, license.entry, entry.time
    FROM license JOIN entry ON entry."index" = license.entry
    WHERE license.artifact IN :some AND {counting("license")} ORDER BY license.entry DESC, license.seq DESC
""")
_NAMING = asking(f"""
    SELECT incident FROM target WHERE artifact IN :some
    UNION SELECT incident.entry FROM selected JOIN incident ON incident.id = selected.incident
    WHERE selected.artifact IN :some AND {counting("selected")}
""")
_OF = asking(f"SELECT entry FROM incident WHERE id IN :some AND {counting('incident')} ORDER BY entry")
_NUMBERS = asking("SELECT id, number FROM node WHERE id IN :some")
_TARGETS = asking(f"""
    SELECT named.incident, node.id FROM (
        SELECT incident, artifact FROM target WHERE incident IN :some
        UNION SELECT incident.entry, selected.artifact FROM selected JOIN incident ON incident.id = selected.incident
        WHERE incident.entry IN :some AND {counting("selected")}
    ) AS named JOIN node ON node.number = named.artifact ORDER BY named.incident, named.artifact
""")
_SELECTORS = asking(f"""
    SELECT incident.entry AS incident, selector.attribute, selector.value
    FROM selector JOIN incident ON incident.id = selector.incident
    WHERE incident.entry IN :some AND {counting("selector")} ORDER BY selector.entry, selector.seq
""")
_FLAGGING = asking("""
    SELECT flag.artifact, flag.incident FROM flag
    WHERE flag.artifact IN :some AND flag.first < :size ORDER BY flag.incident
""")
_FLAGGED = text("""
    SELECT node.id FROM flag JOIN incident ON incident.entry = flag.incident JOIN node ON node.number = flag.artifact
    WHERE incident.id = :incident
""")
_AMENDED = f"""coalesce(
           (SELECT amendment.{{0}} FROM amendment WHERE amendment.incident = incident.id AND amendment.{{0}} IS NOT NULL
            AND {counting("amendment")} ORDER BY amendment.entry DESC, amendment.seq DESC LIMIT 1), incident.{{0}}) AS {{0}}"""
_INCIDENTS = asking(f"""
    SELECT incident.entry, incident.id, incident.what, {_AMENDED.format("severity")},
           {_AMENDED.format("summary")}, {_AMENDED.format("contact")}, coalesce(
           (SELECT stage.stage FROM stage WHERE stage.incident = incident.id AND {counting("stage")}
            ORDER BY stage.entry DESC, stage.seq DESC LIMIT 1), incident.stage) AS stage
    FROM incident WHERE incident.entry IN :some AND {counting("incident")} ORDER BY incident.entry
""")


def around(connection: Connection, artifact: str, size: int | None = None) -> Around:
    """Return `artifact` with everything it is made of, over every relation, and what cards mention of it."""
    found = _slice(connection, [artifact], _UP, size, None)
    parents = dict.fromkeys(edge.parent for edge in found.edges if edge.child == artifact)
    return replace(found, told=mentions.told(connection, artifact, parents, found.size))


def bare(connection: Connection, artifact: str) -> Around:
    """Return `artifact` with everything it is made of, and of what is said of that only names, licenses, edges and waivers."""
    return _bare(connection, [artifact], _UP, None, None)[0]


def below(connection: Connection, artifact: str, most: int | None = None, size: int | None = None) -> Around:
    """Return `artifact` with everything made of it, nearest first; beyond `most` artifacts it says it is cut."""
    return _slice(connection, [artifact], _DOWN, size, most)


def made_of(connection: Connection, artifact: str, some: Collection[str]) -> frozenset[str]:
    """Return which of `some` are `artifact` or made of it, walked by numbers alone: what is said of a hub's descendants would fill the memory."""
    numbers = _numbers(connection, {artifact, *some})
    below = set(_reached(connection, [numbers[artifact]], _DOWN, _size(connection, None), None)[0])
    return frozenset(one for one in some if numbers.get(one) in below)


def above_all(connection: Connection, artifacts: Sequence[str]) -> Around:
    """Return several artifacts with everything that any of them is made of, as a slice about the first."""
    return _slice(connection, artifacts, _UP, None, None)


def below_all(
    connection: Connection, artifacts: Sequence[str], most: int | None = None, size: int | None = None
) -> Around:
    """Return several artifacts with everything made of any of them, as a slice about the first; it may be cut, as in `below`."""
    return _slice(connection, artifacts, _DOWN, size, most)


def incidents(connection: Connection, beginning: str = "") -> tuple[Incident, ...]:
    """Return every incident whose id begins so, oldest first, in the stage it is in."""
    numbers = connection.scalars(_BEGINNING, {"beginning": beginning}).all()
    return tuple(reported(connection, numbers, log.size(connection)).values())


def flags(
    connection: Connection, artifacts: Collection[str], size: int | None = None
) -> dict[str, tuple[Incident, ...]]:
    """Return the incidents, in whatever stage, that reach each of `artifacts` along edges that carry them."""
    at = _size(connection, size)
    numbers = {number: artifact for artifact, number in _numbers(connection, artifacts).items()}
    reaching: dict[str, list[int]] = {artifact: [] for artifact in artifacts}
    for row in _rows(connection, _FLAGGING, numbers, at):
        reaching[numbers[row.artifact]].append(row.incident)
    found = reported(connection, {number for some in reaching.values() for number in some}, at)
    return {artifact: tuple(found[number] for number in some) for artifact, some in reaching.items()}


def flagged(connection: Connection, incident: str) -> frozenset[str]:
    """Return the ids of all artifacts that this incident reaches."""
    return frozenset(connection.scalars(_FLAGGED, {"incident": incident}))


def _slice(
    connection: Connection, artifacts: Sequence[str], step: TextClause, size: int | None, most: int | None
) -> Around:
    found, seen = _bare(connection, artifacts, step, size, most)
    at, artifact = found.size, found.artifact
    named = {row.incident for row in _rows(connection, _NAMING, seen, at)}
    return replace(
        found,
        incidents=tuple(reported(connection, named, at).values()),
        rebuilds=verdicts.tally(connection, seen, at),
        evaluations=said.evaluations(connection, artifact, at),
        attestations=said.attestations(connection, artifact, at),
        claims=said.claims(connection, artifact, at),
        corrections=said.corrections(connection, artifact, at),
        comparisons=said.comparisons(connection, seen, at),
        same=sameness.said(connection, artifact, at),
        doubts=doubts(connection, seen, at),
        assessed=said.assessed(connection, seen, at),
    )


def _bare(
    connection: Connection, artifacts: Sequence[str], step: TextClause, size: int | None, most: int | None
) -> tuple[Around, list[int]]:
    """Return a slice, with the numbers of its artifacts, without most of what is said of them."""
    at, artifact = _size(connection, size), artifacts[0]
    numbers = _numbers(connection, artifacts)
    for one in artifacts:
        if one not in numbers:
            raise Absent(f"{one} is not in this log")
    seen, complete = _reached(connection, [numbers[one] for one in artifacts], step, at, most)
    nodes = _nodes(connection, seen, at)
    edges = (
        Edge(
            nodes[row.child].id, nodes[row.parent].id, row.relation, row.part, Evidence(row.evidence), row.id
        )
        for row in _rows(connection, _EDGES, seen, at)
        if row.parent in nodes
    )
    found = Around(
        artifact=artifact,
        size=at,
        nodes=tuple(nodes[number] for number in seen),
        edges=tuple(edges),
        waivers=said.waivers(connection, seen, at),
        complete=complete,
    )
    return found, seen


def doubts(connection: Connection, numbers: Collection[int], size: int) -> tuple[Incident, ...]:
    """Return the live incidents of which it is unknown whether they select any of these artifacts."""
    gone = removed.lost(connection, size)
    entries = [row.entry for row in _rows(connection, _OF, gone, size)]
    found = reported(connection, entries, size).values()
    return tuple(
        one
        for one in found
        if one.stage not in ENDED and removed.among(connection, numbers, gone[one.id].before)
    )


def _reached(
    connection: Connection, starts: Sequence[int], step: TextClause, size: int, most: int | None
) -> tuple[list[int], bool]:
    """Return the artifacts that steps from `starts` lead to, nearest first, and whether these are all."""
    seen, frontier = dict.fromkeys(starts), list(starts)
    while frontier:
        # One more than may be kept: if all the others are known already, this one shows that the slice is cut.
        stop = _ALL if most is None else most + 1
        found = [row.number for row in _rows(connection, step, frontier, size, stop)]
        frontier = [number for number in dict.fromkeys(found) if number not in seen]
        if most is not None and len(seen) + len(frontier) > most:
            return [*seen, *frontier[: max(0, most - len(seen))]], False
        seen |= dict.fromkeys(frontier)
    return list(seen), True


def _size(connection: Connection, size: int | None) -> int:
    grown = log.size(connection)
    if size is not None and not 0 <= size <= grown:
        raise Refused(f"the log has {grown} entries; it cannot be read as of {size}")
    return grown if size is None else size


def _rows(
    connection: Connection, query: TextClause, some: Iterable[int | str], size: int, most: int = _ALL
) -> Iterator[Row[Any]]:
    """Run `query` over `some` numbers, as many at once as the database takes; each run gives `most` rows if it asks."""
    asked = {"size": size, "most": most}
    for part in parts(some):
        yield from connection.execute(query, asked | {"some": part})


def _numbers(connection: Connection, artifacts: Collection[str]) -> dict[str, int]:
    found = dict[str, int]()
    for part in parts(artifacts):
        found |= {row.id: row.number for row in connection.execute(_NUMBERS, {"some": part})}
    return found


def _nodes(connection: Connection, numbers: Collection[int], size: int) -> dict[int, Node]:
    called = names(connection, numbers, size)
    licenses: dict[int, list[str]] = defaultdict(list)
    logged: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for row in _rows(connection, _LICENSES, numbers, size):
        licenses[row.artifact].append(row.license)
        logged[row.artifact].append((row.entry, row.time))
    return {
        row.number: Node(
            row.id,
            bool(row.seen),
            row.files,
            tuple(called[row.number]),
            () if is_stub(row.id) else tuple(licenses[row.number]),
            tuple(licenses[row.number]) if is_stub(row.id) else (),
            () if is_stub(row.id) else tuple(logged[row.number]),
        )
        for row in _rows(connection, _NODES, numbers, size)
    }


def names(connection: Connection, numbers: Collection[int], size: int) -> dict[int, dict[str, None]]:
    """Return the names that mean each artifact, newest first; those whose newer binding was removed mean nothing."""
    rows = [row for row in _rows(connection, _NAMES, numbers, size) if row.newest or row.pinned]
    after = min((row.entry for row in rows), default=size)
    lost = unbound.lost(connection, {row.folded for row in rows}, size, after)
    found: dict[int, dict[str, None]] = defaultdict(dict)
    for row in rows:
        if row.newest and lost.get((row.folded, None), -1) < row.entry:
            found[row.artifact][row.name] = None
        if row.pinned and row.revision is not None and lost.get((row.folded, row.revision), -1) < row.entry:
            found[row.artifact][f"{row.name}@{row.revision}"] = None
    return found


def reported(connection: Connection, numbers: Iterable[int], size: int) -> dict[int, Incident]:
    """Return the incidents that these entries opened, in the stage that each had in the log of its first `size` entries."""
    wanted = sorted(set(numbers))
    named: dict[int, list[str]] = defaultdict(list)
    for row in _rows(connection, _TARGETS, wanted, size):
        named[row.incident].append(row.id)
    selectors: dict[int, list[str]] = defaultdict(list)
    for row in _rows(connection, _SELECTORS, wanted, size):
        selectors[row.incident].append(f"{row.attribute}:{row.value}")
    rows = list(_rows(connection, _INCIDENTS, wanted, size))
    disputes = said.disputes(connection, [row.id for row in rows], size)
    gone = removed.lost(connection, size)
    return {
        row.entry: Incident(
            row.id,
            tuple(named[row.entry]),
            row.what,
            row.severity,
            row.stage,
            row.summary,
            row.contact,
            tuple(selectors[row.entry]),
            disputes.get(row.id, ()),
            gone[row.id].count if row.id in gone else 0,
        )
        for row in rows
    }
