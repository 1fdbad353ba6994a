"""DELLA without an election: task vectors pruned by magnitude and chance, rescaled and added up.

Deep, Bhardwaj and Poria, https://arxiv.org/abs/2406.11617, section 3; docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence

from merger.deltas import stretched, trimmed, weighted
from merger.kernels import B, Operations
from merger.magprune import EPSILON, Pruned, bounds, candidates, checked, norms, shared
from merger.method import Method, Values
from merger.parameters import DENSITY, LAMBDA, NORMALIZE, RESCALE_DRAWN, WEIGHT


def resolve(values: Values, totals: Sequence[float]) -> Pruned:
    """Return whether ranks rescale, c_i = w_i (w_i r_i for `rescale: l1`), and lambda."""
    return shared(values, trimmed(values, totals))


def merge(k: Operations[B], base: B, given: Sequence[B], kept: Sequence[B], how: Pruned) -> B:
    """Return y = b + lambda · sum of c_i v_i."""
    whole = candidates(k, base, given, how.shares)
    return weighted(k, base, [k.keep(d, mask) for d, mask in zip(whole, kept, strict=True)], how.how)


METHOD = Method(
    id="della_linear",
    summary="base plus task vectors, whose smaller elements are dropped more often, rescaled",
    parameters=(WEIGHT, DENSITY, EPSILON, LAMBDA, RESCALE_DRAWN, NORMALIZE),
    resolve=resolve,
    merge=merge,
    base="needed",
    draws=True,
    rows=bounds,
    sums=norms,
    summed=stretched,
    copies=checked,
)
