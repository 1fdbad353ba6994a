"""What the closure is measured against: a walk in SQL over the same tables, and networkx over the same edges in memory."""

import time
from collections.abc import Sequence
from functools import partial

import networkx as nx
from hub import Numbers
from running import ROUNDS, over

from lineage.facts import WEIGHTLESS
from registry.serve import collect_rarely
from registry.store.lists import packed
from registry.store.tenure import standing

# A walk has to ask of each edge what the closure has settled: whether it carries weights, and still counts.
_LIVE = f"edge.relation NOT IN ({', '.join(map(repr, sorted(WEIGHTLESS)))}) AND {standing('edge')}"
RECURSIVE = packed(
    f"""
    WITH RECURSIVE below (number) AS (
        SELECT CAST(:number AS BIGINT) UNION SELECT edge.child FROM edge JOIN below ON edge.parent = below.number
        WHERE {_LIVE}
    ) SELECT number FROM below WHERE number <> :number
    """,
    ["number"],
)
RECURSIVE_NEAREST = packed(
    f"""
    WITH RECURSIVE below (number, distance) AS (
        SELECT CAST(:number AS BIGINT), 0
        UNION SELECT edge.child, below.distance + 1 FROM edge JOIN below ON edge.parent = below.number
        WHERE {_LIVE}
    ) SELECT number, min(distance) AS distance FROM below WHERE distance > 0 GROUP BY number ORDER BY 2, 1
    """,
    ["distance", "number"],
)


_graph: "nx.DiGraph[int]" = nx.DiGraph()


def build(edges: Numbers) -> float:
    """Build the rival's graph, in a process of its own; return the seconds that takes."""
    start = time.perf_counter()
    _graph.add_edges_from(edges.tolist())
    took = time.perf_counter() - start
    collect_rarely()
    return took


def networkx(numbers: Sequence[int], *, nearest: bool = False) -> float:
    """Return the median milliseconds that networkx takes for the descendants of each of these, with distances and sorted if `nearest`."""
    ask = walked if nearest else nx.descendants
    return over([partial(ask, _graph, number) for number in numbers] * ROUNDS)


def walked(graph: "nx.DiGraph[int]", number: int) -> list[tuple[int, int]]:
    """Return the descendants of a model, nearest first, each with the length of the shortest way to it."""
    found = nx.single_source_shortest_path_length(graph, number)
    return sorted((distance, one) for one, distance in found.items() if distance)
