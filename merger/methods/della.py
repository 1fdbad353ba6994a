"""DELLA: task vectors pruned by magnitude and chance, rescaled, then averaged or added where their signs agree.

Deep, Bhardwaj and Poria, https://arxiv.org/abs/2406.11617, section 3, with the election of Yadav et al.,
https://arxiv.org/abs/2306.01708; docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence

from merger.deltas import candidates, election, stretched
from merger.kernels import B, Operations
from merger.magprune import EPSILON, Pruned, bounds, checked, norms, shared
from merger.magprune import candidates as pruned
from merger.method import Method, Values
from merger.parameters import DENSITY, DIVIDE, LAMBDA, RESCALE_DRAWN, VOTE, WEIGHT


def resolve(values: Values, totals: Sequence[float]) -> Pruned:
    """Return whether ranks rescale, and what the election needs: r_i for `rescale: l1`."""
    return shared(values, candidates(values, totals))


def merge(k: Operations[B], base: B, given: Sequence[B], kept: Sequence[B], how: Pruned) -> B:
    """Return y = b + lambda · (what the kept elements that have the elected sign come to)."""
    return election(k, base, pruned(k, base, given, how.shares), kept, how.how)


METHOD = Method(
    id="della",
    summary="base plus task vectors, whose smaller elements are dropped more often, averaged where signs agree",
    parameters=(WEIGHT, DENSITY, EPSILON, LAMBDA, VOTE, DIVIDE, RESCALE_DRAWN),
    resolve=resolve,
    merge=merge,
    base="needed",
    draws=True,
    rows=bounds,
    sums=norms,
    summed=stretched,
    copies=checked,
)
