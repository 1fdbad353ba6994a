"""How much of a change that was rounded coarsely some task vectors account for: in how many elements some sum of them lies within the rounding.

Where storing the weights rounds by as much as training changed, no ratio is known well, and least squares lose a parent among what rounding
leaves. But rounding is bounded: if a merge was made of these task vectors, nearly every element is one of few sums of
them to half a unit in the last place, whether elements were dropped, elected, or all are there. With a sibling in the place of a parent a
tenth of them are not.

Which sums these are is found as a mixture of regressions is fitted, by expectation and maximisation (Dempster, Laird and Rubin, 1977):
one component for each set of task vectors, which has constants of its own.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from merger.explained import FINE, Change, Mask
from merger.sketch import Values

# Of so many task vectors all sets are tried.
MOST = 4
_TURNS = 12
# Elements that are stored finely beside the others would decide alone if they counted as what they are known to.
_FLOOR = 0.03
_TINY = 1e-12


def within(change: Change, tasks: Values) -> float:
    """Return the share of elements in which some sum of the columns of `tasks` is what changed, within the rounding.

    0 where nothing was rounded coarsely, and of more task vectors than all sets of them can be tried.
    """
    if change.half is None or tasks.shape[1] > MOST:
        return 0.0
    sets = np.array([*product((False, True), repeat=tasks.shape[1])])
    noise = change.half**2 / 3 + (_FLOOR**2) * float(np.mean(change.values**2)) + _TINY**2
    found = _weighted(tasks, change.values, 1 / noise)
    # What a merge elects is in it once where it is alone, and by its weight where others agree.
    once = np.where(sets.sum(axis=1, keepdims=True) > 1, found / max(float(np.abs(found).sum()), _TINY), 1.0)
    return max(
        _covered(change, tasks, _fitted(change, tasks, sets, noise, sets * begun)) for begun in (found, once)
    )


def _fitted(change: Change, tasks: Values, sets: Mask, noise: Values, constants: Values) -> Values:
    """Return the constants of each set of task vectors, as rows, from those that it begins with."""
    values, shares = change.values, np.full(len(sets), 1 / len(sets))
    for _ in range(_TURNS if tasks.shape[1] else 0):
        off = values[:, None] - tasks @ constants.T
        fit = np.log(shares + _TINY) - off**2 / (2 * noise[:, None])
        weights = np.exp(fit - fit.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        shares = weights.mean(axis=0)
        for place, chosen in enumerate(sets):
            if chosen.any():
                constants[place, chosen] = _weighted(tasks[:, chosen], values, weights[:, place] / noise)
    return constants


def _weighted(tasks: Values, values: Values, weights: Values) -> Values:
    """Return the constants of weighted least squares."""
    scaled = tasks * weights[:, None]
    return np.asarray(np.linalg.lstsq(tasks.T @ scaled, scaled.T @ values, rcond=None)[0])


def _covered(change: Change, tasks: Values, constants: Values) -> float:
    slack = (change.tolerance if change.half is None else change.half) + FINE * np.abs(tasks).sum(axis=1)
    off = np.abs(change.values[:, None] - tasks @ constants.T)
    return float((off <= slack[:, None]).any(axis=1).mean())
