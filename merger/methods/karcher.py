"""Karcher mean: the direction with the least squared angle to all models, at the mean of their lengths.

Karcher, "Riemannian center of mass and mollifier smoothing", Comm. Pure Appl. Math. 30 (1977), by gradient descent on
the unit sphere; docs/arithmetic.md, "Methods".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from merger.gram import Gram, Vector, below, clamped, finite, merge, nearest, reals, sums
from merger.method import Method, Values
from merger.parameters import Parameter

if TYPE_CHECKING:
    import mpmath


def resolve(values: Values, totals: Sequence[float]) -> list[float]:
    """Return a factor per parent from the Gram sums."""
    count = len(values.parents)
    if finite(totals):
        with reals() as real:
            gram = Gram(totals, count)
            if any(gram.lengths):
                mean = _mean(real, gram, int(values.one("max_iter")), real.mpf(values.one("tol")))
                target = real.fsum(gram.lengths) / count
                return [nearest(target * share) for share in mean]
    return [1 / count] * count


def _mean(real: Any, gram: Gram, steps: int, tolerance: mpmath.mpf) -> Vector:
    """Return the mean of the inputs' directions on the unit sphere, after so many steps along the mean tangent."""
    valid = [i for i, length in enumerate(gram.lengths) if length]
    mean = [1 / (r * len(valid)) if r else real.zero for r in gram.lengths]
    length = gram.length(mean)
    if below(length, tolerance):
        mean = [1 / r if i == valid[0] else real.zero for i, r in enumerate(gram.lengths)]
    else:
        mean = [share / length for share in mean]
    for _ in range(steps):
        tangent = _tangent(real, gram, valid, mean, tolerance)
        length = gram.length(tangent)
        if below(length, tolerance):
            break
        cosine, along = real.cos(length), real.sin(length) / length
        mean = [cosine * m + along * t for m, t in zip(mean, tangent, strict=True)]
    return mean


def _tangent(real: Any, gram: Gram, valid: Sequence[int], mean: Vector, tolerance: mpmath.mpf) -> Vector:
    """Return the mean of the inputs' directions as tangents at `mean`, as long as their angles to it."""
    tangent = [real.zero] * len(mean)
    dots = gram.dots(mean)
    for i in valid:
        cosine = clamped(dots[i] / gram.lengths[i])
        angle = real.acos(cosine)
        # At the opposite point every way is as short as any other, so none is taken.
        if below(angle, tolerance) or below(real.pi - angle, tolerance):
            continue
        share = angle / real.sin(angle) / len(valid)
        tangent = [t - share * cosine * m for t, m in zip(tangent, mean, strict=True)]
        tangent[i] += share / gram.lengths[i]
    return tangent


METHOD = Method(
    id="karcher",
    summary="mean of models on the sphere of their directions",
    parameters=(
        Parameter("max_iter", default="10", low="0", high="1000", help="most steps towards the mean"),
        Parameter(
            "tol", default="0.00001", above="0", high="1", help="an angle or step below this counts as none"
        ),
    ),
    resolve=resolve,
    merge=merge,
    parents=(2, None),
    sums=sums,
)
