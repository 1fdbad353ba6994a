"""What methods on task vectors share: adding weighted deltas to the base, with or without an election of signs.

docs/arithmetic.md, "Methods". Written once here, because a method does not know the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from merger.kernels import B, Kernels


@dataclass(frozen=True, slots=True)
class Weighted:
    """One factor per task vector, and lambda."""

    factors: list[float]
    scale: float


@dataclass(frozen=True, slots=True)
class Election:
    """What an election of signs needs: a weight per task vector, its rescale factor if any, lambda, two choices."""

    weights: list[float]
    rescale: list[float] | None
    scale: float
    vote: str | bool
    divide: str | bool


def weighted(k: Kernels[B], base: B, deltas: Sequence[B], how: Weighted) -> B:
    """Return b + lambda · sum of c_i v_i."""
    summed = k.total([k.scale(v, c) for v, c in zip(deltas, how.factors, strict=True)])
    return k.add(base, k.scale(summed, how.scale))


def elected(k: Kernels[B], base: B, sparse: Sequence[B], how: Election) -> B:
    """Return b + lambda · (what the v_i that have the elected sign come to), element by element.

    Yadav et al., https://arxiv.org/abs/2306.01708, Algorithm 1, from "elect final signs" on.
    """
    if how.rescale is not None:
        sparse = [k.scale(v, c) for v, c in zip(sparse, how.rescale, strict=True)]
    terms = [k.scale(v, w) for v, w in zip(sparse, how.weights, strict=True)]
    vote = k.total(terms if how.vote == "weighted" else sparse)
    agreed = [k.agree(v, vote) for v in sparse]
    merged = k.total([k.keep(term, mask) for term, mask in zip(terms, agreed, strict=True)])
    if how.divide == "weights":
        merged = k.ratio(merged, k.mass(agreed, how.weights))
    elif how.divide == "count":
        merged = k.ratio(merged, k.mass(agreed, [1.0] * len(agreed)))
    return k.add(base, k.scale(merged, how.scale))
