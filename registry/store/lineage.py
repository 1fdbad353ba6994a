"""What the log says about an artifact: which one a reference means, and what stands above and below it.

Every answer is about the first `size` entries of the log (4-lineage, "Storage and speed") and says so; none is cut in
silence. Slices are walked level by level over the edges of every relation: a recursive query over a hub's 146,461
descendants took seven seconds, because its plan merge-joins the whole index at every level. A slice that is to be cut
reads no more of a hub than it keeps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Connection, TextClause

from lineage.around import Around, Edge, Node
from lineage.facts import Evidence, Relation, is_stub
from registry.store import Absent, flagging, log, mentions, said, sameness, unbound, verdicts
from registry.store.artifacts import numbered
from registry.store.lists import ALL, asking, rows
from registry.store.tenure import counting


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
    numbers = numbered(connection, {artifact, *some})
    below = set(_reached(connection, [numbers[artifact]], _DOWN, log.size(connection), None)[0])
    return frozenset(one for one in some if numbers.get(one) in below)


def above_all(connection: Connection, artifacts: Sequence[str]) -> Around:
    """Return several artifacts with everything that any of them is made of, as a slice about the first; of none, an empty one."""
    return _slice(connection, artifacts, _UP, None, None)


def below_all(
    connection: Connection, artifacts: Sequence[str], most: int | None = None, size: int | None = None
) -> Around:
    """Return several artifacts with everything made of any of them, as a slice about the first; it may be cut, as in `below`.

    Of no artifacts the slice is empty.
    """
    return _slice(connection, artifacts, _DOWN, size, most)


def _slice(
    connection: Connection, artifacts: Sequence[str], step: TextClause, size: int | None, most: int | None
) -> Around:
    found, seen = _bare(connection, artifacts, step, size, most)
    at, artifact = found.size, found.artifact
    named = {row.incident for row in rows(connection, _NAMING, seen, at)}
    return replace(
        found,
        incidents=tuple(flagging.reported(connection, named, at).values()),
        rebuilds=verdicts.tally(connection, seen, at),
        evaluations=said.evaluations(connection, artifact, at),
        attestations=said.attestations(connection, artifact, at),
        claims=said.claims(connection, artifact, at),
        corrections=said.corrections(connection, artifact, at),
        comparisons=said.comparisons(connection, seen, at),
        same=sameness.said(connection, artifact, at),
        doubts=flagging.doubts(connection, seen, at),
        assessed=said.assessed(connection, seen, at),
    )


def _bare(
    connection: Connection, artifacts: Sequence[str], step: TextClause, size: int | None, most: int | None
) -> tuple[Around, list[int]]:
    """Return a slice, with the numbers of its artifacts, without most of what is said of them."""
    # An incident that selects nothing yet, or nothing any longer, is asked about too.
    at, artifact = log.sized(connection, size), next(iter(artifacts), "")
    numbers = numbered(connection, artifacts)
    for one in artifacts:
        if one not in numbers:
            raise Absent(f"{one} is not in this log")
    seen, complete = _reached(connection, [numbers[one] for one in artifacts], step, at, most)
    nodes = _nodes(connection, seen, at)
    edges = (
        Edge(
            nodes[row.child].id, nodes[row.parent].id, row.relation, row.part, Evidence(row.evidence), row.id
        )
        for row in rows(connection, _EDGES, seen, at)
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


def _reached(
    connection: Connection, starts: Sequence[int], step: TextClause, size: int, most: int | None
) -> tuple[list[int], bool]:
    """Return the artifacts that steps from `starts` lead to, nearest first, and whether these are all."""
    seen, frontier = dict.fromkeys(starts), list(starts)
    while frontier:
        # One more than may be kept: if all the others are known already, this one shows that the slice is cut.
        stop = ALL if most is None else most + 1
        found = [row.number for row in rows(connection, step, frontier, size, stop)]
        frontier = [number for number in dict.fromkeys(found) if number not in seen]
        if most is not None and len(seen) + len(frontier) > most:
            return [*seen, *frontier[: max(0, most - len(seen))]], False
        seen |= dict.fromkeys(frontier)
    return list(seen), True


def _nodes(connection: Connection, numbers: Collection[int], size: int) -> dict[int, Node]:
    called = names(connection, numbers, size)
    licenses: dict[int, list[str]] = defaultdict(list)
    logged: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for row in rows(connection, _LICENSES, numbers, size):
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
        for row in rows(connection, _NODES, numbers, size)
    }


def names(connection: Connection, numbers: Collection[int], size: int) -> dict[int, dict[str, None]]:
    """Return the names that mean each artifact, newest first; those whose newer binding was removed mean nothing."""
    bound = [row for row in rows(connection, _NAMES, numbers, size) if row.newest or row.pinned]
    after = min((row.entry for row in bound), default=size)
    lost = unbound.lost(connection, {row.folded for row in bound}, size, after)
    found: dict[int, dict[str, None]] = defaultdict(dict)
    for row in bound:
        if row.newest and lost.get((row.folded, None), -1) < row.entry:
            found[row.artifact][row.name] = None
        if row.pinned and row.revision is not None and lost.get((row.folded, row.revision), -1) < row.entry:
            found[row.artifact][f"{row.name}@{row.revision}"] = None
    return found
