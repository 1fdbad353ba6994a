"""DARE: drop most of each task vector at random, rescale the rest, add them up.

Yu et al., https://arxiv.org/abs/2311.03099, equation 2: delta = m ⊙ delta / (1 - p), here with the share of lanes that
is really kept in place of 1 - p; docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence

from merger.deltas import Weighted, added, lengths, stretched, trimmed
from merger.method import Method, Values
from merger.numbers import LANES, kept_lanes
from merger.parameters import DENSITY, LAMBDA, NORMALIZE, RESCALE_DRAWN, WEIGHT


def resolve(values: Values, totals: Sequence[float]) -> Weighted:
    """Return c_i = w_i · 65536 / t_i, or w_i r_i for `rescale: l1` and w_i for `none`, and lambda."""
    if values.shared["rescale"] != "density":
        return trimmed(values, totals)
    kept = [kept_lanes(parent["density"]) for parent in values.parents]
    factors = [w * LANES / t for w, t in zip(values.weights(), kept, strict=True)]
    return Weighted(factors, values.one("lambda"))


METHOD = Method(
    id="dare_linear",
    summary="base plus randomly dropped and rescaled task vectors",
    parameters=(WEIGHT, DENSITY, LAMBDA, RESCALE_DRAWN, NORMALIZE),
    resolve=resolve,
    merge=added,
    base="needed",
    draws=True,
    sums=lengths,
    summed=stretched,
)
