"""Edges as they are known: by whoever says so, by weights that somebody compared, by a rebuild that gave the same bytes.

A verdict on weights holds for every edge between the two, since weights do not know who declared what. One that contradicts stands
above all others, a rebuild's included: whoever looks at the edge is to see that something does not fit, and who says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lineage.around import Around, Edge, Said
from lineage.checks import Compared
from lineage.facts import Evidence
from lineage.rebuilds import reproduced


def graded(around: Around) -> tuple[Edge, ...]:
    """Return the edges of a slice, each once, with the evidence that rebuilds and comparisons of weights give them."""
    return weighed(reproduced(around.edges, around.rebuilds), around.comparisons)


def weighed(edges: Iterable[Edge], comparisons: Iterable[Said[Compared]]) -> tuple[Edge, ...]:
    """Return `edges` with the evidence that comparisons of weights give them."""
    outcomes: dict[tuple[str, str], set[str]] = {}
    for one in comparisons:
        outcomes.setdefault((one.fact.artifact, one.fact.parent), set()).add(one.fact.outcome)
    return tuple(_weighed(edge, outcomes.get((edge.child, edge.parent), set())) for edge in edges)


def _weighed(edge: Edge, outcomes: set[str]) -> Edge:
    if "contradicted" in outcomes:
        return replace(edge, evidence=Evidence.CONTRADICTED)
    return replace(edge, evidence=max(edge.evidence, Evidence.CONSISTENT)) if outcomes else edge
