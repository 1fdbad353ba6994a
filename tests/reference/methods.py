"""The methods, each on the whole tensor at once: y of b (None without a base) and the x_i."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
from reference.gram import rounded
from reference.stored import Array
from reference.sums import added, dot, largest, largest_term, magnitude_bits, total
from reference.work import Work

# --- Without a base ---------------------------------------------------------------------------------------


def linear(work: Work, _: Any, xs: list[Array]) -> Array:
    """y = Σ w·x."""
    return weighted(work, work.weights(), xs)


def passthrough(work: Work, _: Any, xs: list[Array]) -> Array:
    """y = scale·x."""
    return work.t(float(work.each("scale")[0])) * xs[0]


def slerp(work: Work, _: Any, xs: list[Array]) -> Array:
    """y = s0·x + s1·y along the great circle, or along the chord where the angle is small or unknown."""
    x, y = xs
    s0, s1 = slerp_scalars(dot(x, y), dot(x, x), dot(y, y), work.number("t"))
    return work.t(s0) * x + work.t(s1) * y


def slerp_scalars(d: float, a: float, b: float, t: float) -> tuple[float, float]:
    """s0 and s1 from the three sums."""
    if a == 0 or b == 0:
        return 1 - t, t
    c = float(np.float64(d) / (np.sqrt(np.float64(a)) * np.sqrt(np.float64(b))))
    if math.isnan(c):
        return 1 - t, t
    c = max(-1.0, min(1.0, c))
    if abs(c) > 0.9995:
        return 1 - t, t
    with mpmath.workprec(400):
        angle, wide = mpmath.acos(mpmath.mpf(c)), mpmath.mpf(t)
        return (
            rounded(mpmath.sin((1 - wide) * angle) / mpmath.sin(angle)),
            rounded(mpmath.sin(wide * angle) / mpmath.sin(angle)),
        )


# --- Deltas, weighted or elected --------------------------------------------------------------------------


def weighted(work: Work, factors: list[float], terms: list[Array]) -> Array:
    """Σ c·v, each factor rounded to T."""
    return added([work.t(factor) * term for factor, term in zip(factors, terms, strict=True)])


def chosen(work: Work, masks: list[Array], terms: list[Array]) -> list[Array]:
    """Each term where its mask keeps it, else +0."""
    return [np.where(mask, term, work.t(0)) for mask, term in zip(masks, terms, strict=True)]


def task_arithmetic(work: Work, b: Array, xs: list[Array]) -> Array:
    """y = b + λ·(Σ w·d)."""
    return work.onto(b, weighted(work, work.weights(), [x - b for x in xs]))


def norms_kept(deltas: list[Array], kept: list[Array]) -> list[float]:
    """The r_i of `rescale: l1`: each delta's L1 norm, divided by that of what its mask left."""
    found = []
    for delta, trimmed in zip(deltas, kept, strict=True):
        whole, left = total(np.abs(delta)), total(np.abs(trimmed))
        found.append(1.0 if left == 0 or not math.isfinite(whole) else whole / left)
    return found


def largest_masks(work: Work, deltas: list[Array]) -> list[Array]:
    """Which elements each parent keeps by magnitude, of this tensor or of the whole model."""
    if work.kept is not None:
        return work.kept
    densities = work.each("density")
    gammas = work.each("gamma") if "gamma" in work.parents[0].given else ["0"] * len(deltas)
    return [largest(*given) for given in zip(deltas, densities, gammas, strict=True)]


def dare_linear(work: Work, b: Array, xs: list[Array]) -> Array:
    """y = b + λ·(Σ c·v) with random masks."""
    deltas = [x - b for x in xs]
    masks, thresholds = work.masks(b.size)
    kept = chosen(work, masks, deltas)
    if work.setting("rescale") == "l1":
        factors = [w * r for w, r in zip(work.weights(), norms_kept(deltas, kept), strict=True)]
    elif work.setting("rescale") == "none":
        factors = work.weights()
    else:
        factors = [(w * 65536) / t for w, t in zip(work.weights(), thresholds, strict=True)]
    return work.onto(b, weighted(work, factors, kept))


def magnitude_prune(work: Work, b: Array, xs: list[Array]) -> Array:
    """y = b + λ·(Σ c·v) with each parent's largest deltas; breadcrumbs, where some are skipped first."""
    deltas = [x - b for x in xs]
    masks = largest_masks(work, deltas)
    kept = chosen(work, masks, deltas)
    factors = work.weights()
    if work.setting("rescale") == "l1":
        factors = [w * r for w, r in zip(factors, norms_kept(deltas, kept), strict=True)]
    return work.onto(b, weighted(work, factors, kept))


def elect(work: Work, weights: list[float], kept: list[Array], vote: str, divide: str) -> Array:
    """What ties makes of the v_i: vote on the sign, merge those that agree."""
    zero, one = work.t(0), work.t(1)
    scales = [work.t(w) for w in weights]
    if vote == "count":
        ups, downs = ([np.where(side, one, zero) for side in sides] for sides in signs(kept))
        elected = added(ups) - added(downs)
    else:
        elected = weighted(work, weights, kept) if vote == "weighted" else added(kept)
    agrees = [np.where(elected >= 0, v > 0, v < 0) for v in kept]
    agreed = chosen(work, agrees, [w * v for w, v in zip(scales, kept, strict=True)])
    if divide == "max":
        return largest_term(agreed)
    if divide == "none":
        return added(agreed)
    units = scales if divide == "weights" else [one] * len(scales)
    mass = added([np.where(a, unit, zero) for a, unit in zip(agrees, units, strict=True)])
    return np.where(mass == 0, zero, added(agreed) / mass)


def signs(kept: list[Array]) -> tuple[list[Array], list[Array]]:
    """Where each v_i is above and where it is below 0."""
    return [v > 0 for v in kept], [v < 0 for v in kept]


def elected(work: Work, b: Array, kept: list[Array]) -> Array:
    """The end of the methods that vote as the recipe says."""
    change = elect(work, work.weights(), kept, work.setting("vote"), work.setting("divide"))
    return work.onto(b, change)


def ties(work: Work, b: Array, xs: list[Array]) -> Array:
    """Ties over each parent's largest deltas; breadcrumbs_ties, where some are skipped first."""
    deltas = [x - b for x in xs]
    masks = largest_masks(work, deltas)
    kept = chosen(work, masks, deltas)
    if work.setting("rescale") == "l1":
        factors = norms_kept(deltas, kept)
        kept = chosen(work, masks, [work.t(r) * d for r, d in zip(factors, deltas, strict=True)])
    return elected(work, b, kept)


def dare_ties(work: Work, b: Array, xs: list[Array]) -> Array:
    """Ties over randomly kept and rescaled deltas."""
    deltas = [x - b for x in xs]
    masks, thresholds = work.masks(b.size)
    if work.setting("rescale") == "l1":
        factors = norms_kept(deltas, chosen(work, masks, deltas))
    elif work.setting("rescale") == "none":
        return elected(work, b, chosen(work, masks, deltas))
    else:
        factors = [65536 / t for t in thresholds]
    kept = chosen(work, masks, [work.t(c) * d for c, d in zip(factors, deltas, strict=True)])
    return elected(work, b, kept)


# --- Deltas otherwise -------------------------------------------------------------------------------------


def magmax(work: Work, b: Array, xs: list[Array]) -> Array:
    """y = b + λ·(the delta of largest magnitude)."""
    return work.onto(b, largest_term([x - b for x in xs]))


def nearswap(work: Work, b: Array, xs: list[Array]) -> Array:
    """x, where it is within t of b; elsewhere one step of t towards it."""
    (x,) = xs
    t, d = work.t(work.number("t")), x - b
    return np.where(np.abs(d) > t, np.where(d > 0, b + t, b + (-t)), x)


def wise_ft(work: Work, b: Array, xs: list[Array]) -> Array:
    """y = c·b + alpha·x, where c + alpha = 1."""
    c = float(1 - Fraction(work.text("alpha")))
    return work.t(c) * b + work.t(work.number("alpha")) * xs[0]


def sce(work: Work, b: Array, xs: list[Array]) -> Array:
    """Select where the deltas vary most, calculate weights from what is selected, erase minority signs."""
    deltas = [x - b for x in xs]
    mean = added(deltas) / work.t(len(deltas))
    spread = added([(d - mean) * (d - mean) for d in deltas])
    mask = largest(spread, work.text("select_topk"))
    kept = chosen(work, [mask] * len(deltas), deltas)
    squares = [dot(v, v) for v in kept]
    whole = added(squares)
    even = whole == 0 or not math.isfinite(whole)
    weights = [1 / len(kept) if even else s / whole for s in squares]
    return b + elect(work, weights, kept, "unweighted", "weights")


def active(work: Work, b: Array, xs: list[Array]) -> tuple[list[Array], list[Array], Array]:
    """Where each parent moved by more than epsilon, its v_i, and how many moved at each element."""
    deltas = [x - b for x in xs]
    least = magnitude_bits(np.array([work.t(work.number("epsilon"))]))
    moved = [magnitude_bits(d) > least for d in deltas]
    return moved, chosen(work, moved, deltas), added([np.where(m, work.t(1), work.t(0)) for m in moved])


def ram(work: Work, b: Array, xs: list[Array]) -> Array:
    """The mean over the parents that moved."""
    _, kept, count = active(work, b, xs)
    return b + np.where(count == 0, work.t(0), added(kept) / count)


def ramplus_tl(work: Work, b: Array, xs: list[Array]) -> Array:
    """Ram, but what one parent alone moved is scaled by how much of its movement it shares."""
    moved, kept, count = active(work, b, xs)
    factors = []
    for m in moved:
        shared, own = float(np.count_nonzero(m & (count > 1))), float(np.count_nonzero(m & ~(count > 1)))
        most = min(shared / own, work.number("alpha")) if own else 0.0
        factors.append(1.0 + work.number("r") * most)
    return b + np.where(count > 1, added(kept) / count, weighted(work, factors, kept))


METHODS: dict[str, Callable[[Work, Any, list[Array]], Array]] = {
    "linear": linear,
    "passthrough": passthrough,
    "task_arithmetic": task_arithmetic,
    "slerp": slerp,
    "dare_linear": dare_linear,
    "ties": ties,
    "dare_ties": dare_ties,
    "magnitude_prune": magnitude_prune,
    "breadcrumbs": magnitude_prune,
    "breadcrumbs_ties": ties,
    "magmax": magmax,
    "nearswap": nearswap,
    "wise_ft": wise_ft,
    "sce": sce,
    "ram": ram,
    "ramplus_tl": ramplus_tl,
}
