"""The methods that look at a tensor row by row: what is kept by rank, what diverges, and Gram sums of rows."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from reference.divergence import divergence
from reference.gram import GRAM
from reference.methods import chosen, elected, norms_kept, weighted
from reference.stored import Array, need
from reference.sums import dot, magnitude_bits
from reference.work import Work

LONGEST = 4194304


def rows(work: Work) -> list[slice]:
    """Where each row of the tensor stands among its elements."""
    shape = work.parents[0].input.tensor.shape
    n = shape[-1] if shape else 1
    # Choice: a copy that has to be computed needs no rows; an empty tensor with a long last dimension is refused
    need(n <= LONGEST, f"rows of tensor {work.name!r} have {n} elements, more than {LONGEST}")
    return [slice(start, start + n) for start in range(0, math.prod(shape), max(1, n))]


# --- By rank ----------------------------------------------------------------------------------------------


def ranks(row: Array) -> list[int]:
    """The rank of each element of a row by magnitude, the smallest 0, the lower index first among equals."""
    found = [0] * row.size
    for rank, place in enumerate(np.argsort(magnitude_bits(row), kind="stable").tolist()):
        found[place] = rank
    return found


def threshold_by_rank(density: Fraction, epsilon: Fraction, rank: int, n: int) -> int:
    """The lane value t below which the element of a rank among n is kept."""
    if density == 1:  # Choice: asked of the decimal, since all here is exact
        return 65536
    if n == 1:
        return math.floor(65536 * density)
    # over one denominator, since a sum of fractions for each of many elements takes long
    under = math.lcm(density.denominator, epsilon.denominator)
    low, wide = int(65536 * (density - epsilon) * under), int(131072 * epsilon * under)
    return (low * (n - 1) + wide * rank) // (under * (n - 1))


def thresholds(work: Work, deltas: list[Array]) -> list[Array]:
    """Each remaining parent's t at each element."""
    found = []
    for delta, parent in zip(deltas, work.parents, strict=True):
        density, epsilon = Fraction(parent.given["density"]), Fraction(parent.given["epsilon"])
        check_room(work.name, density, epsilon)
        own = np.zeros(delta.size, np.int64)
        for row in rows(work):
            n = row.stop - row.start
            own[row] = [threshold_by_rank(density, epsilon, rank, n) for rank in ranks(delta[row])]
        found.append(own)
    return found


def check_room(name: str, density: Fraction, epsilon: Fraction) -> None:
    """Refuse an epsilon that a density has no room for."""
    if density != 1:
        said = f"tensor {name!r}: density {float(density)} and epsilon {float(epsilon)}"
        need(math.floor(65536 * (density - epsilon)) >= 1, f"{said} keep nothing of the smallest")
        need(density + epsilon <= 1, f"{said} are together above 1")


def kept_by_rank(work: Work, deltas: list[Array]) -> tuple[list[Array], list[Array]]:
    """The masks by rank, and the deltas stretched by what they were kept with."""
    found = thresholds(work, deltas)
    streams = work.streams(deltas[0].size)
    masks = [stream < t for stream, t in zip(streams, found, strict=True)]
    stretched = [work.t(65536) / t.astype(work.t) * d for t, d in zip(found, deltas, strict=True)]
    return masks, chosen(work, masks, stretched)


def della_linear(work: Work, b: Array, xs: list[Array]) -> Array:
    """y = b + λ·(Σ c·v), kept at random by rank."""
    deltas = [x - b for x in xs]
    masks, stretched = kept_by_rank(work, deltas)
    kept = stretched if work.setting("rescale") == "density" else chosen(work, masks, deltas)
    factors = work.weights()
    if work.setting("rescale") == "l1":
        factors = [w * r for w, r in zip(factors, norms_kept(deltas, kept), strict=True)]
    return work.onto(b, weighted(work, factors, kept))


def della(work: Work, b: Array, xs: list[Array]) -> Array:
    """Ties over deltas that are kept at random by rank."""
    deltas = [x - b for x in xs]
    masks, stretched = kept_by_rank(work, deltas)
    if work.setting("rescale") == "density":
        return elected(work, b, stretched)
    kept = chosen(work, masks, deltas)
    if work.setting("rescale") == "l1":
        factors = norms_kept(deltas, kept)
        kept = chosen(work, masks, [work.t(r) * d for r, d in zip(factors, deltas, strict=True)])
    return elected(work, b, kept)


# --- By divergence ----------------------------------------------------------------------------------------


def arcee_fusion(work: Work, b: Array, xs: list[Array]) -> Array:
    """The delta, where its importance stands out among those of the tensor."""
    (x,) = xs
    d = x - b
    importance = np.zeros(d.size, work.t)
    for row in rows(work):
        importance[row] = np.abs(d[row]) * work.t(divergence(x[row], b[row]))
    if not d.size:
        return b
    order = importance[np.argsort(magnitude_bits(importance), kind="stable")]
    low, middle, high = (order[place * (d.size - 1) // 4] for place in (1, 2, 3))
    least = middle + work.t(1.5) * (high - low)
    enough = magnitude_bits(importance) >= magnitude_bits(np.array([least]))
    return b + np.where(enough, d, work.t(0))


# --- By Gram sums -----------------------------------------------------------------------------------------


def spanned(work: Work, b: Array | None, xs: list[Array]) -> Array:
    """The parents, or their deltas, times the coefficients that the Gram sums of tensor or row give."""
    zs = xs if b is None else [x - b for x in xs]
    coefficients = GRAM[work.recipe["method"]]
    by_row = work.recipe["parameters"].get("by") == "row"
    made = np.zeros(zs[0].size, work.t)
    # Choice: what depends on no row, such as weights that sum to 0, is asked of an empty tensor too
    for part in (rows(work) if by_row else []) or [slice(None)]:
        parts = [z[part] for z in zs]
        made[part] = weighted(work, coefficients(work, [[dot(p, q) for q in parts] for p in parts]), parts)
    return made if b is None else b + made


WITH_ROWS: dict[str, Callable[[Work, Any, list[Array]], Array]] = {
    "della_linear": della_linear,
    "della": della,
    "arcee_fusion": arcee_fusion,
} | dict.fromkeys(GRAM, spanned)
