"""How artifacts were made, as the log says: every statement that counts, with all the parents that it names, and the executions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection

from lineage.around import Edge
from lineage.facts import Evidence
from registry.store import log
from registry.store.lists import asking, parts
from registry.store.tenure import standing
from signing.dsse import Envelope
from signing.statement import Statement

_EDGES = asking(f"""
    SELECT child.id AS child, parent.id AS parent, edge.relation, edge.part, edge.evidence, entry.id AS entry
    FROM node AS child JOIN edge ON edge.child = child.number JOIN node AS parent ON parent.number = edge.parent
    JOIN entry ON entry."index" = edge.entry
    WHERE child.id IN :some AND {standing("edge")} ORDER BY edge.entry, edge.seq
""")
_BUILDS = asking(f"""
    SELECT node.id AS artifact, build.entry FROM build JOIN node ON node.number = build.artifact
    WHERE node.id IN :some AND {standing("build")} ORDER BY build.entry, build.seq
""")

_PUBLISHERS = asking(f"""
    SELECT node.id AS artifact, registration.publishers
    FROM registration JOIN node ON node.number = registration.artifact
    WHERE node.id IN :some AND {standing("registration")} ORDER BY registration.entry DESC
""")


@dataclass(frozen=True, slots=True)
class Execution:
    """A provenance of `artifact`, logged as `entry`; `statement` is None once an order had it removed."""

    artifact: str
    entry: str
    statement: Statement | None


def edges(connection: Connection, children: Collection[str]) -> dict[str, dict[str, tuple[Edge, ...]]]:
    """Return for each of `children` all edges to it, by the entry that says so."""
    found: dict[str, dict[str, list[Edge]]] = {child: defaultdict(list) for child in children}
    for part in parts(children):
        for row in connection.execute(_EDGES, {"some": part}):
            edge = Edge(row.child, row.parent, row.relation, row.part, Evidence(row.evidence), row.entry)
            found[row.child][row.entry].append(edge)
    return {child: {entry: tuple(some) for entry, some in said.items()} for child, said in found.items()}


def executions(connection: Connection, artifacts: Collection[str]) -> dict[str, tuple[Execution, ...]]:
    """Return for each of `artifacts` the provenances of it, oldest first."""
    found: dict[str, list[Execution]] = {artifact: [] for artifact in artifacts}
    for part in parts(artifacts):
        for row in connection.execute(_BUILDS, {"some": part}).all():
            logged = log.read(connection, row.entry)
            said = (
                None if logged.envelope is None else Statement.parse(Envelope.parse(logged.envelope).payload)
            )
            found[row.artifact].append(Execution(row.artifact, logged.entry, said))
    return {artifact: tuple(some) for artifact, some in found.items()}


def publishers(connection: Connection, artifacts: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return for each registered one of `artifacts` the operators that speak for it: those of its first registration."""
    return {
        row.artifact: tuple(row.publishers.split())
        for part in parts(artifacts)
        for row in connection.execute(_PUBLISHERS, {"some": part})
    }
