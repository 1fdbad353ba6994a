"""How artifacts are related, put together from the log, each answer in one read transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from lineage import kinship
from lineage.around import Around, Edge, Node
from lineage.compared import graded
from lineage.influence import ANY, Interval, Shares
from lineage.paths import paths as between
from registry.answers import EdgeOut, grade
from registry.kinship import (
    AncestryOut,
    CommonOut,
    GradedOut,
    MissingOut,
    PathsOut,
    RelatedOut,
    RootOut,
    RootsOut,
    SharedOut,
    several,
)
from registry.store import lineage
from registry.store.engine import Database
from registry.triage import BoundsOut
from registry.work.influence import weighed


def paths(store: Database, ancestor: str, descendant: str) -> PathsOut:
    """Return how many paths lead from `ancestor` to `descendant`, with a shortest and a heaviest of them."""
    with store.reading() as connection:
        around = lineage.around(connection, descendant)
        _, shares = weighed(connection, [node.id for node in around.nodes])
    found = between(ancestor, descendant, _steps(around.edges, shares))
    ways = (found.shortest, found.heaviest) if found else ()
    steps = {step for way in ways for step in pairwise(way)}
    shown = {ancestor, descendant}.union(*ways)
    return PathsOut(
        ancestor=ancestor,
        descendant=descendant,
        count=str(found.count if found else 0),
        shortest=found.shortest if found else (),
        heaviest=found.heaviest if found else (),
        weight=BoundsOut.of(found.weight) if found else None,
        names={node.id: node.names for node in around.nodes if node.id in shown},
        edges=tuple(EdgeOut.of(edge) for edge in graded(around) if (edge.parent, edge.child) in steps),
        as_of=around.size,
        complete=around.complete,
    )


def common(store: Database, artifacts: Sequence[str]) -> CommonOut:
    """Return the common ancestors of two artifacts or more, the nearest first."""
    asked = several(artifacts)
    with store.reading() as connection:
        around = lineage.above_all(connection, asked)
    nodes = _nodes(around)
    return CommonOut(
        artifacts=tuple(
            RelatedOut(artifact=one, names=nodes[one].names, seen=nodes[one].seen) for one in asked
        ),
        ancestors=tuple(
            SharedOut(
                artifact=one.artifact,
                names=nodes[one.artifact].names,
                seen=nodes[one.artifact].seen,
                nearest=one.nearest,
                distances=one.distances,
            )
            for one in kinship.shared(asked, around.edges)
        ),
        as_of=around.size,
        complete=around.complete,
    )


def roots(store: Database, artifact: str) -> RootsOut:
    """Return the ancestors of an artifact that have no parents."""
    with store.reading() as connection:
        around = lineage.around(connection, artifact)
    nodes = _nodes(around)
    found = kinship.roots(artifact, around.edges)
    return RootsOut(
        artifact=artifact,
        names=nodes[artifact].names,
        itself=not found,
        roots=tuple(
            RootOut(artifact=one, names=nodes[one].names, seen=nodes[one].seen, distance=distance)
            for one, distance in found.items()
        ),
        as_of=around.size,
        complete=around.complete,
    )


def known(store: Database, artifact: str) -> AncestryOut:
    """Return how much is known of an artifact and of its ancestors."""
    with store.reading() as connection:
        around = lineage.around(connection, artifact)
    nodes = _nodes(around)
    found = kinship.known(around)
    return AncestryOut(
        artifact=artifact,
        names=nodes[artifact].names,
        seen=nodes[artifact].seen,
        ancestors=len(around.nodes) - 1,
        registered=len(found.registered),
        stubs=len(found.stubs),
        unknown=len(found.unknown),
        edges=tuple(
            GradedOut(evidence=grade(evidence), edges=count) for evidence, count in found.edges.items()
        ),
        missing=tuple(
            MissingOut(artifact=one, names=nodes[one].names, why="stub" if one in found.stubs else "unknown")
            for one in found.missing
        ),
        as_of=around.size,
        complete=around.complete,
    )


def _steps(edges: Iterable[Edge], shares: Mapping[str, Shares]) -> dict[str, Shares]:
    """Return the shares of every parent that an edge names; of what no weight was read, anything is possible."""
    found: dict[str, dict[str, Interval]] = defaultdict(dict)
    for edge in edges:
        found[edge.child][edge.parent] = shares.get(edge.child, {}).get(edge.parent, ANY)
    return dict(found)


def _nodes(around: Around) -> dict[str, Node]:
    return {node.id: node for node in around.nodes}
