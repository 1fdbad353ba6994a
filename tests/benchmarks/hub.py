"""A made-up hub: a lineage graph of the shape of a real one, drawn from a seed, of any size.

What a real hub of 29,973 models looks like (June 2025) is kept: four of five models are leaves, a merge has about four
parents, no chain is longer than 16, few models have most of the descendants. Parents are always numbered before their
children.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]

# How many in a hundred models are made from nothing here, how many lie one generation deeper, and so on to the 15th.
_GENERATIONS = np.array([22.0, *(38.0 * 0.58**k for k in range(15))])
# How many of the models with parents are merges, and how many parents more those have at most, less one.
_MERGES, _PARENTS = 0.267, 7
# One in so many of a generation has children at all; the n-th of those is chosen as often as n to this power.
_BARREN, _FAVOUR = 4, -0.81


@dataclass(frozen=True)
class Hub:
    """`edges` are rows (parent, child), sorted by child; `closure` rows (ancestor, distance, descendant), unsorted."""

    nodes: int
    edges: Numbers
    closure: Numbers

    def descendants(self) -> Numbers:
        """Return how many descendants each model has."""
        return np.bincount(self.closure[:, 0], minlength=self.nodes)


def drawn(nodes: int, seed: int = 1) -> Hub:
    """Draw a hub of so many models."""
    random = np.random.default_rng(seed)
    share = np.cumsum(_GENERATIONS / _GENERATIONS.sum())
    starts = np.concatenate([[0], np.maximum.accumulate((share * nodes).astype(np.int64))])
    starts[-1] = nodes
    edges = [
        _edges(random, starts[: generation + 1], int(starts[generation + 1]))
        for generation in range(1, len(starts) - 1)
    ]
    return _closed(nodes, starts, np.concatenate(edges))


def _edges(random: np.random.Generator, starts: Numbers, end: int) -> Numbers:
    """Draw the edges to one generation: the first parent lies in the one before, others of a merge rather in the first ones."""
    children = np.arange(int(starts[-1]), end)
    before = np.full(len(children), len(starts) - 2)
    parents = [np.stack([_favoured(random, starts, before), children], axis=1)]
    merged = children[random.random(len(children)) < _MERGES]
    again = np.repeat(merged, random.integers(1, _PARENTS, len(merged)))
    anywhere = np.minimum(random.geometric(0.5, len(again)) - 1, len(starts) - 2)
    parents.append(np.stack([_favoured(random, starts, anywhere), again], axis=1))
    found = np.unique(np.concatenate(parents), axis=0)
    return found[np.lexsort((found[:, 0], found[:, 1]))]


def _favoured(random: np.random.Generator, starts: Numbers, generations: Numbers) -> Numbers:
    """Draw a parent from each of these generations, old ones more often, and the young ones of each never."""
    found = np.empty(len(generations), np.int64)
    for generation in np.unique(generations):
        at = np.flatnonzero(generations == generation)
        among = -(-int(starts[generation + 1] - starts[generation]) // _BARREN)
        weights = np.cumsum(np.arange(1, among + 1) ** _FAVOUR)
        found[at] = starts[generation] + np.searchsorted(weights, random.random(len(at)) * weights[-1])
    return found


def _closed(nodes: int, starts: Numbers, edges: Numbers) -> Hub:
    """Close the graph over its edges, a generation at a time: all that lies above a parent lies above its child."""
    above = [np.empty((0, 3), np.int64)]
    # Where the rows of each model begin and end, in all rows so far, which are kept in the order of descendants.
    begin, end = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    rows = np.empty((0, 3), np.int64)
    total = 0
    for generation in range(1, len(starts) - 1):
        first, last = int(starts[generation]), int(starts[generation + 1])
        own = edges[np.searchsorted(edges[:, 1], first) : np.searchsorted(edges[:, 1], last)]
        counts = (end - begin)[own[:, 0]]
        places = np.repeat(begin[own[:, 0]] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        inherited = rows[places + np.arange(len(places))]
        found = np.concatenate(
            [
                np.stack([own[:, 0], np.ones(len(own), np.int64), own[:, 1]], axis=1),
                np.stack([inherited[:, 0], inherited[:, 1] + 1, np.repeat(own[:, 1], counts)], axis=1),
            ]
        )
        found = found[np.lexsort((found[:, 1], found[:, 0], found[:, 2]))]
        fresh = np.ones(len(found), bool)
        fresh[1:] = (found[1:, 0] != found[:-1, 0]) | (found[1:, 2] != found[:-1, 2])
        found = found[fresh]
        children = np.arange(first, last)
        begin[first:last] = total + np.searchsorted(found[:, 2], children)
        end[first:last] = total + np.searchsorted(found[:, 2], children, "right")
        above.append(found)
        rows = np.concatenate([rows, found])
        total += len(found)
    return Hub(nodes, edges, rows)
