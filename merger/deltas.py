"""What methods on task vectors share: what is kept of them, and how they are added, with or without an election of signs.

docs/arithmetic.md, "Methods". Written once here, because a method does not know the others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from merger.kernels import B, Operations
from merger.method import Cut, Values
from merger.numbers import kept_count
from merger.parameters import Parameter

GAMMA = Parameter(
    "gamma", default="0.01", low="0", high="1", per_parent=True, help="share of the largest elements skipped"
)
EPSILON = Parameter(
    "epsilon", default="0.00001", low="0", help="what a task vector must exceed to change an element"
)


def deltas(k: Operations[B], base: B, parents: Sequence[B]) -> list[B]:
    """Return the task vectors d_i = x_i - b."""
    return [k.sub(x, base) for x in parents]


def kept_deltas(k: Operations[B], base: B, parents: Sequence[B], kept: Sequence[B]) -> list[B]:
    """Return the task vectors where their masks keep them, else +0."""
    return [k.keep(d, mask) for d, mask in zip(deltas(k, base, parents), kept, strict=True)]


def largest(values: Values, size: int) -> list[Cut]:
    """Return, for each task vector, that its `density` of the largest elements is kept."""
    return [Cut(kept_count(parent["density"], size)) for parent in values.parents]


def below_outliers(values: Values, size: int) -> list[Cut]:
    """Return, for each task vector, that its `gamma` of the largest elements is skipped and the next `density` kept.

    Davari and Belilovsky, https://arxiv.org/abs/2312.06795. Where fewer than `density` would be left, fewer
    are skipped.
    """
    found = []
    for parent, cut in zip(values.parents, largest(values, size), strict=True):
        found.append(Cut(cut.keep, min(int(Fraction(parent["gamma"]) * size), size - cut.keep)))
    return found


def active(values: Values, _: int) -> list[Cut]:
    """Return, for each task vector, that the elements whose magnitude exceeds `epsilon` are kept."""
    return [Cut(0, above=values.one("epsilon")) for _ in values.parents]


def lengths(k: Operations[B], base: B, parents: Sequence[B], kept: Sequence[B]) -> dict[str, Any]:
    """Return the terms of each task vector's l1 norm, whole and as far as it is kept."""
    found = {}
    for i, (d, mask) in enumerate(zip(deltas(k, base, parents), kept, strict=True)):
        found[f"whole {i}"] = k.sizes(d)
        found[f"kept {i}"] = k.sizes(k.keep(d, mask))
    return found


def stretched(values: Values) -> bool:
    """Say whether what is kept is rescaled to the task vector's l1 norm, which takes the sums of `lengths`."""
    return values.shared["rescale"] == "l1"


def stretches(totals: Sequence[float]) -> list[float]:
    """Return r_i, by how much what is kept of each task vector is shorter than the whole, from the sums of `lengths`."""
    pairs = zip(totals[::2], totals[1::2], strict=True)
    # What is not finite is refused where it stands, or spoils its own element: not every element by way of a factor.
    return [whole / kept if kept and math.isfinite(whole) else 1.0 for whole, kept in pairs]


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


def trimmed(values: Values, totals: Sequence[float]) -> Weighted:
    """Return the factors of trimmed task vectors: w_i, or w_i r_i where they are stretched to their l1 norm."""
    factors = values.weights()
    if stretched(values):
        factors = [w * r for w, r in zip(factors, stretches(totals), strict=True)]
    return Weighted(factors, values.one("lambda"))


def candidates(values: Values, totals: Sequence[float]) -> Election:
    """Return what an election among trimmed task vectors needs."""
    rescale = stretches(totals) if stretched(values) else None
    shared = values.shared
    return Election(values.weights(), rescale, values.one("lambda"), shared["vote"], shared["divide"])


def weighted(k: Operations[B], base: B, sparse: Sequence[B], how: Weighted) -> B:
    """Return b + lambda · sum of c_i v_i."""
    summed = k.total([k.scale(v, c) for v, c in zip(sparse, how.factors, strict=True)])
    return k.add(base, k.scale(summed, how.scale))


def added(k: Operations[B], base: B, parents: Sequence[B], kept: Sequence[B], how: Weighted) -> B:
    """Return b + lambda · sum of c_i v_i, where v_i is d_i where kept, else +0."""
    return weighted(k, base, kept_deltas(k, base, parents, kept), how)


def elected(k: Operations[B], base: B, parents: Sequence[B], kept: Sequence[B], how: Election) -> B:
    """Return b + lambda · (what the kept task vectors that have the elected sign come to), element by element.

    Yadav et al., https://arxiv.org/abs/2306.01708, Algorithm 1, from "elect final signs" on.
    """
    return election(k, base, deltas(k, base, parents), kept, how)


def election(k: Operations[B], base: B, whole: Sequence[B], kept: Sequence[B], how: Election) -> B:
    """Return what `elected` does, of any vectors in the place of the task vectors."""
    if how.rescale is not None:
        whole = [k.scale(d, c) for d, c in zip(whole, how.rescale, strict=True)]
    # Kept after they are rescaled: what is dropped is +0 even where a factor is infinite.
    sparse = [k.keep(d, mask) for d, mask in zip(whole, kept, strict=True)]
    terms = [k.scale(v, w) for v, w in zip(sparse, how.weights, strict=True)]
    vote = _vote(k, sparse, terms, how.vote)
    agreed = [k.agree(v, vote) for v in sparse]
    terms = [k.keep(term, mask) for term, mask in zip(terms, agreed, strict=True)]
    merged = largest_term(k, terms) if how.divide == "max" else k.total(terms)
    if how.divide == "weights":
        merged = k.ratio(merged, k.mass(agreed, how.weights))
    elif how.divide == "count":
        merged = k.ratio(merged, k.mass(agreed, [1.0] * len(agreed)))
    return k.add(base, k.scale(merged, how.scale))


def largest_term(k: Operations[B], terms: Sequence[B]) -> B:
    """Return the term of largest magnitude, the first among equals."""
    found = terms[0]
    for term in terms[1:]:
        found = k.choose(k.exceeds(k.absolute(term), k.absolute(found)), term, found)
    return found


def shared(k: Operations[B], kept: Sequence[B]) -> tuple[B, B]:
    """Return how many task vectors are kept, element by element, and the mask of elements of more than one."""
    count = k.mass(kept, [1.0] * len(kept))
    return count, k.exceeds(count, k.fill(count, 1.0))


def _vote(k: Operations[B], sparse: Sequence[B], terms: Sequence[B], how: str | bool) -> B:
    if how == "count":
        none, ones = k.fill(sparse[0], 0.0), [1.0] * len(sparse)
        positive = k.mass([k.exceeds(v, none) for v in sparse], ones)
        return k.sub(positive, k.mass([k.exceeds(none, v) for v in sparse], ones))
    return k.total(terms if how == "weighted" else sparse)
