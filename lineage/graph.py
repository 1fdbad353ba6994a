"""Graph: distances and reasons in a slice of lineage. The one module that knows networkx.

Paths are never enumerated: real lineage has 1,224 between a single pair and a lattice has exponentially many, so `why`
answers with their number, one shortest witness and the sub-DAG they run through (4-lineage).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import networkx as nx

from lineage.around import Edge
from signing.errors import Refused

Direction = Literal["ancestors", "descendants"]


@dataclass(frozen=True, slots=True)
class Why:
    """How `descendant` descends from `ancestor`: by how many paths, one shortest of them, and all edges they use."""

    paths: int
    witness: tuple[str, ...]
    edges: tuple[Edge, ...]


class Slice:
    """A part of the lineage graph, made from its edges; several edges of one pair count as one step."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        """Build the slice; edges that form a cycle are refused."""
        self._edges: dict[tuple[str, str], list[Edge]] = defaultdict(list)
        # In order of id, so that everybody is shown the same one of several shortest paths. (A subgraph would not keep
        # the order: networkx walks its set of nodes.)
        for edge in sorted(
            set(edges),
            key=lambda one: (one.parent, one.child, one.entry, one.relation, one.part, one.evidence),
        ):
            self._edges[edge.parent, edge.child].append(edge)
        self._graph: nx.DiGraph[str] = nx.DiGraph(list(self._edges))
        if not nx.is_directed_acyclic_graph(self._graph):
            cycle = [parent for parent, _ in nx.find_cycle(self._graph)]
            raise Refused(f"these artifacts descend from each other: {', '.join(cycle)}")

    def levels(self, artifact: str, direction: Direction) -> tuple[tuple[str, ...], ...]:
        """Return all ancestors or descendants of `artifact`, by the length of the shortest path to them."""
        if artifact not in self._graph:
            return ()
        graph = self._graph.reverse(copy=False) if direction == "ancestors" else self._graph
        _, *layers = nx.bfs_layers(graph, artifact)
        return tuple(tuple(sorted(layer)) for layer in layers)

    def why(self, ancestor: str, descendant: str) -> Why | None:
        """Return how `descendant` descends from `ancestor`, or None if nothing here says that it does."""
        graph = self._graph
        if ancestor not in graph or descendant not in graph or not nx.has_path(graph, ancestor, descendant):
            return None
        below = nx.descendants(graph, ancestor) | {ancestor}
        above = nx.ancestors(graph, descendant) | {descendant}
        between = below & above
        inner = graph.subgraph(between)
        paths = dict.fromkeys(between, 0) | {ancestor: 1}
        for here in nx.topological_sort(inner):
            for child in inner[here]:
                paths[child] += paths[here]
        witness = tuple(nx.shortest_path(graph, ancestor, descendant))
        edges = tuple(
            edge for pair, found in self._edges.items() if between.issuperset(pair) for edge in found
        )
        return Why(paths[descendant], witness, edges)
