"""DARE: drop most of each task vector at random, rescale the rest, add them up.

Yu et al., https://arxiv.org/abs/2311.03099, equation 2: delta = m ⊙ delta / (1 - p), here with the share of lanes that
is really kept in place of 1 - p; docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence

from merger.deltas import Weighted, weighted
from merger.kernels import B, Kernels
from merger.methods import DENSITY, LAMBDA, NORMALIZE, WEIGHT, Method, Values
from merger.numbers import LANES, kept_lanes


def resolve(values: Values, _: object) -> Weighted:
    """Return c_i = w_i · 65536 / t_i and lambda."""
    kept = [kept_lanes(parent["density"]) for parent in values.parents]
    factors = [w * LANES / t for w, t in zip(values.weights(), kept, strict=True)]
    return Weighted(factors, values.one("lambda"))


def merge(k: Kernels[B], base: B, parents: Sequence[B], kept: Sequence[B], how: Weighted) -> B:
    """Return y = b + lambda · sum of c_i v_i, where v_i is d_i where kept."""
    sparse = [k.keep(k.sub(x, base), mask) for x, mask in zip(parents, kept, strict=True)]
    return weighted(k, base, sparse, how)


METHOD = Method(
    id="dare_linear",
    summary="base plus randomly dropped and rescaled task vectors",
    parameters=(WEIGHT, DENSITY, LAMBDA, NORMALIZE),
    resolve=resolve,
    merge=merge,
    needs_base=True,
    keeps="random",
)
