"""Which provenances there are, which verdicts on them count, and whose they are.

Who built something and whose key a verdict carries is read from leaves and the trusted root in force: keys are ended,
never removed, and never change hands (`lineage.succession`), so the newest version tells it of every entry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

from sqlalchemy import Connection, Row, TextClause, text

from lineage.around import Build, Tally, Vote
from lineage.checks import Rebuilt
from lineage.predicates import rebuild
from registry.store import Absent, log, trust
from registry.store.lists import asking, parts
from registry.store.tenure import counting, standing
from signing import canonical


def _query(sql: str, among: str) -> tuple[TextClause, TextClause]:
    """Return the question about everything, and the one about some artifacts."""
    return text(sql.format("")), asking(sql.format(f"{among} IN :some AND"))


# A provenance counts as long as a leaf of it does, and is of whoever signed any that does.
_BUILDS = _query(
    f"""
    SELECT node.id AS artifact, build.id AS build, leaf.keys FROM build
    JOIN node ON node.number = build.artifact
    JOIN (SELECT "index" AS entry, id, keys FROM entry) AS leaf ON leaf.id = build.id
    WHERE {{}} {counting("leaf")} ORDER BY build.entry, build.seq
    """,
    "build.artifact",
)
_VOTES = _query(
    f"""
    SELECT node.id AS artifact, rebuild.entry AS number, rebuild.build, rebuild.passed, rebuild.verifier, rebuild.differs,
           leaf.id, leaf.keys, leaf.time
    FROM rebuild JOIN node ON node.number = rebuild.artifact JOIN entry AS leaf ON leaf."index" = rebuild.entry
    WHERE {{}} {counting("rebuild")} ORDER BY rebuild.entry, rebuild.seq
    """,
    "rebuild.artifact",
)
_NUMBER = text("SELECT number FROM node WHERE id = :artifact")
_PLACE = text("SELECT max(entry) FROM build WHERE id = :build")
_DUE = text(f"""
    SELECT node.id AS artifact, build.id AS build FROM build JOIN node ON node.number = build.artifact
    WHERE build.entry > :after AND {standing("build")} AND NOT EXISTS (
        SELECT 1 FROM rebuild WHERE rebuild.artifact = build.artifact AND rebuild.build = build.id
        AND rebuild.verifier = :verifier AND {standing("rebuild")})
    ORDER BY build.entry LIMIT :most
""")


def tally(connection: Connection, numbers: Collection[int] | None = None, size: int | None = None) -> Tally:
    """Return the provenances of the artifacts with these numbers, or of all, and the verdicts on them in a log of `size`."""
    at = log.size(connection) if size is None else size
    root = trust.root(connection, at)
    if root is None:
        return Tally()
    owners = {key.public.id: key.operator for key in root.keys}
    builders: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in _rows(connection, _BUILDS, numbers, at):
        builders[row.artifact, row.build] |= {owners[key] for key in row.keys.split() if key in owners}
    builds = tuple(Build(artifact, entry, frozenset(who)) for (artifact, entry), who in builders.items())
    votes = tuple(_vote(row, owners) for row in _rows(connection, _VOTES, numbers, at))
    return Tally(builds, votes, root.log().operator)


def of(connection: Connection, artifact: str) -> Tally:
    """Return the provenances of an artifact and the verdicts on them."""
    number: int | None = connection.scalar(_NUMBER, {"artifact": artifact})
    return tally(connection, () if number is None else (number,))


def due(connection: Connection, operator: str, after: str | None, most: int) -> list[tuple[str, str]]:
    """Return artifacts with a provenance (entry id) on which `operator` has no verdict, oldest first, `most` at once.

    They follow the provenance `after`, whether or not that one still counts.
    """
    place = -1 if after is None else connection.scalar(_PLACE, {"build": after})
    if place is None:
        raise Absent(f"no entry {after} says how something was built here")
    values = {"after": place, "verifier": rebuild.verifier(operator), "most": most}
    return [(row.artifact, row.build) for row in connection.execute(_DUE, values)]


def _rows(
    connection: Connection, query: tuple[TextClause, TextClause], numbers: Collection[int] | None, size: int
) -> Iterator[Row[Any]]:
    every, among = query
    if numbers is None:
        yield from connection.execute(every, {"size": size})
        return
    for part in parts(numbers):
        yield from connection.execute(among, {"size": size, "some": part})


def _vote(row: Row[Any], owners: Mapping[str, str]) -> Vote:
    operator = rebuild.operator(row.verifier)
    differs = cast("list[str]", canonical.decode(row.differs.encode()))
    return Vote(
        said=Rebuilt(row.artifact, row.build, bool(row.passed), row.verifier, tuple(differs)),
        index=row.number,
        entry=row.id,
        operator=operator,
        # Whoever else signed the same statement does not vouch for it.
        keys=frozenset(key for key in row.keys.split() if owners.get(key) == operator),
        time=row.time,
    )
