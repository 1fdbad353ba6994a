"""Is an artifact another one, published again: stored in a coarser type, or with noise over it?

Least squares and exact ratios (`merger.explained`) see neither. A cast changes every element by as much as a short training does, and
noise of the size of a change hides half of it. But each says of every element what it must be:

- **A cast** rounds to nearest even, so an artifact that is one has the candidate's values, rounded as it is itself stored, in every element
  in which either differs from the origin. A sibling has a third of them.
- **Noise** leaves the candidate in once: by least squares from the origin its constant is 1. And what is left beside it is as large in one tensor
  as in another, where training changes some tensors much and others not at all.

Thresholds were fixed on one half of real fine-tunes and measured on the other (docs/weight-evidence.md).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from merger.explained import PEAK
from merger.parentage import Statistic, Suspect, change, task, undeclared
from merger.sketch import COARSE, Sketch, Values, rounded

# Of the elements in which it or the candidate differs from the origin, so many are the candidate's, rounded.
CAST = 0.95
# The least of what is left in a part of the tensors, by the mean of what is left.
EVEN = 0.5
# How near to 1 the candidate's constant is, and how well it has to be known: siblings differ from it by less than noise may hide.
ONCE, KNOWN = 0.05, 0.02
# A part is so many elements of tensors one after another: by fewer chance makes them uneven. Of fewer parts nothing is told.
PART, PARTS = 128, 4


def suspected(
    child: Sketch, origin: Values, declared: Mapping[str, Values], candidates: Mapping[str, Values]
) -> tuple[Suspect, ...]:
    """Return which of `candidates` an artifact is, published again, or else which explain what its declared parents do not.

    All are values in the order of the artifact's tensors; what they change is seen from `origin`.
    """
    again = republished(child, origin, candidates)
    if again is not None:
        return (again,)
    declares, others = (
        {name: task(one, origin) for name, one in each.items()} for each in (declared, candidates)
    )
    return undeclared(change(child, origin), declares, others)


def republished(child: Sketch, origin: Values, candidates: Mapping[str, Values]) -> Suspect | None:
    """Return the candidate that an artifact is a cast of, or else is with noise over it; None if it is neither of any."""
    shares = {name: cast(child, origin, one) for name, one in candidates.items()}
    casts = {name: share for name, share in shares.items() if share >= CAST}
    if casts:
        best = max(casts, key=lambda name: (casts[name], name))
        return _again(best, "cast", casts[best], CAST, casts)
    evens = {name: noise(child, origin, one) for name, one in candidates.items()}
    noisy = {name: even for name, even in evens.items() if even >= EVEN}
    if noisy:
        best = min(noisy, key=lambda name: (_apart(child, candidates[name]), name))
        return _again(best, "noise", noisy[best], EVEN, noisy)
    return None


def cast(child: Sketch, origin: Values, model: Values) -> float:
    """Return the share of what differs from the origin, once all are stored as an artifact is, in which it is the model.

    0 for what is stored as finely as models are compared: there the same values are an exact match.
    """
    if not COARSE & {*child.grains}:
        return 0.0
    own, before = rounded(child, model), rounded(child, origin)
    finite = np.isfinite(child.values) & np.isfinite(own) & np.isfinite(before)
    differs = finite & ((own != before) | (child.values != before))
    count = int(differs.sum())
    return float((child.values == own)[differs].sum()) / count if count >= PEAK else 0.0


def noise(child: Sketch, origin: Values, model: Values) -> float:
    """Return how even what is left of an artifact beside the model is: the least of its parts by their mean, in squares.

    0 where the model is not in it just once, or where that cannot be told.
    """
    made, own = change(child, origin).values, task(model, origin)
    left = made - own
    size, rest = float(own @ own), float(left @ left)
    parts = _parts(child)
    if not size or not rest or parts[-1] + 1 < PARTS:
        return 0.0
    off, error = abs(float(left @ own)) / size, np.sqrt(rest / len(left) / size)
    if off > ONCE or error > KNOWN:
        return 0.0
    each = np.bincount(parts, left * left) / np.bincount(parts)
    return float(each.min()) * len(left) / rest


def _apart(child: Sketch, model: Values) -> float:
    left = task(child.values, model)
    return float(left @ left)


def _parts(child: Sketch) -> NDArray[np.int64]:
    """Return for each value the number of its part; the last part takes what is too little for one."""
    ends = np.cumsum([len(one.values) for one in child.tensors])
    numbers, begun = list[int](), 0
    part = 0
    for end in ends.tolist():
        numbers.append(part)
        if end - begun >= PART:
            part, begun = part + 1, end
    return np.minimum(numbers, max(part - 1, 0))[child.places]


def _again(
    best: str, statistic: Statistic, value: float, threshold: float, others: Mapping[str, float]
) -> Suspect:
    rest = tuple(sorted(name for name in others if name != best))
    return Suspect(best, statistic, value, threshold, copied=True, instead=rest)
