"""How much of an artifact's change from its origin some task vectors explain, element by element of a sketch.

A task vector is a model less the base that it was tuned from (Ilharco et al., https://arxiv.org/abs/2212.04089). Two answers
stand beside each other, since neither sees everything:

- **Least squares** on all elements: what sums of task vectors leave of the change. It sees through rounding and noise, and little of
  a merge that drops, rescales or elects elements.
- **Exact matches**: a merge that drops or elects leaves many elements that are one parent's task vector, or the sum of some, times one
  constant, and no chance puts thousands of ratios into one narrow window. This sees DARE and TIES whatever they drop
  and however they rescale, and nothing where storing the weights has rounded the change away.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from merger.sketch import Values

Mask = NDArray[np.bool_]

# An element is known to have moved, or a task vector to matter there, beyond so many times what rounding may do.
PLAIN = 8.0
# Windows are narrow where the change is so many times what rounding may do: in wide ones whoever resembles a parent is one.
NARROW = 64.0
# A constant is known to so many parts of itself, as it is met in other elements.
FINE = 2.0**-12
# How many elements a window has at least, in how many tensors, and how many times what its surroundings would give it by chance.
PEAK, SPREAD, ABOVE = 16, 4, 4.0
# The surroundings are so many windows on both sides.
AROUND = 16
# Sums of as many parents as these are tried one by one; of more, only all of them together.
SUMS = 5
_TURNS = 12
# A tolerance is three times the most that one rounding does, which is spread evenly: its square has so many times that variance.
_EVEN = 27.0


@dataclass(frozen=True, slots=True)
class Change:
    """What an artifact is, less its origin: `tolerance` is what rounding may have changed of each, `places` its tensor.

    `half` is half a unit in the last place of each, where it was stored more coarsely than sketches are.
    """

    values: Values
    tolerance: Values
    places: NDArray[np.int64]
    half: Values | None = None

    @property
    def fine(self) -> bool:
        """Tell whether most of what changed is known so well that a window around a ratio is narrow."""
        size = np.abs(self.values)
        changed = size > 0
        return bool(changed.any()) and bool(np.median(size[changed] - NARROW * self.tolerance[changed]) > 0)

    @property
    def moved(self) -> Mask:
        """Return which elements are known to have changed."""
        return np.asarray(np.abs(self.values) > PLAIN * self.tolerance)


@dataclass(frozen=True, slots=True)
class Share:
    """One task vector's part in it.

    Its constant by least squares; the share of what the others leave that it takes away; and the share of all elements
    that moved which are matched by sums that it is part of.
    """

    coefficient: float
    alone: float
    exact: float


@dataclass(frozen=True, slots=True)
class Explained:
    """What some task vectors explain of a change: R² of least squares, and which of the elements that `moved` they match exactly."""

    r2: float
    moved: int
    exact: Mask
    shares: tuple[Share, ...]

    @property
    def exactly(self) -> float:
        """Return the share of the elements that moved which are matched exactly."""
        return float(self.exact.sum()) / max(self.moved, 1)


def explained(change: Change, tasks: Values) -> Explained:
    """Return what the columns of `tasks` explain of a change."""
    moved = change.moved
    count = int(moved.sum())
    coefficients, rest = _squares(tasks, change.values)
    whole = float(change.values @ change.values)
    matched = _Matched(change, tasks, moved.copy())
    if change.fine:
        matched.everything(coefficients)
    # Where the others leave no more than rounding, a parent that takes that away takes nothing.
    noise = float(change.tolerance @ change.tolerance) / _EVEN
    shares = []
    for one in range(tasks.shape[1]):
        _, without = _squares(np.delete(tasks, one, axis=1), change.values)
        taken = max(without - rest, 0.0) / max(without + noise, np.finfo(np.float64).tiny)
        shares.append(
            Share(float(coefficients[one]), taken, float(matched.uses[:, one].sum()) / max(count, 1))
        )
    r2 = 1 - rest / whole if whole else 0.0
    return Explained(r2, count, moved & ~matched.left, tuple(shares))


def remainder(change: Change, tasks: Values) -> Values:
    """Return what least squares on the columns of `tasks` leave of a change."""
    coefficients, _ = _squares(tasks, change.values)
    return np.asarray(change.values - tasks @ coefficients)


class _Matched:
    """Which elements are matched so far, and by which task vectors."""

    def __init__(self, change: Change, tasks: Values, left: Mask) -> None:
        self._change, self._tasks, self.left = change, tasks, left
        self.uses = np.zeros(tasks.shape, dtype=np.bool_)
        self._spread = min(SPREAD, len(np.unique(change.places)))

    def everything(self, coefficients: Values) -> None:
        """Match the sum that least squares find, single task vectors, sums of some of them, and what most of the rest is."""
        count = self._tasks.shape[1]
        self.match(coefficients)
        alone = [self.peak(one) for one in range(count)]
        known = [one for one, constant in enumerate(alone) if constant]
        for size in range(2, min(len(known), SUMS) + 1):
            for some in combinations(known[:SUMS], size):
                self.match(np.array([alone[i] if i in some else 0.0 for i in range(count)]))
        if count > 1:
            self.trim()

    def match(self, constants: Values) -> None:
        """Match what is this sum of task vectors, if more elements are than chance has it."""
        parts = self._tasks * constants
        slack = self._change.tolerance + FINE * np.abs(parts).sum(axis=1)
        off = np.abs(self._change.values - parts.sum(axis=1))
        self._take(off, slack, np.abs(parts) > PLAIN * slack[:, None])

    def peak(self, one: int) -> float:
        """Match what is one task vector times one constant, and return that; 0 if there is no such constant."""
        task = self._tasks[:, one]
        usable = self.left & (np.abs(task) > PLAIN * self._change.tolerance)
        if usable.sum() < PEAK:
            return 0.0
        ratio = self._change.values[usable] / task[usable]
        reach = self._change.tolerance[usable] / np.abs(task[usable]) + FINE * np.abs(ratio)
        # Where most of the windows around the ratios overlap.
        ends = np.concatenate([ratio - reach, ratio + reach])
        steps = np.repeat([1, -1], len(ratio))
        order = np.lexsort((-steps, ends))
        most = int(np.argmax(np.cumsum(steps[order])))
        constant = float(ends[order][most : most + 2].mean())
        inside = np.abs(ratio - constant) <= reach
        if not inside.any():
            return 0.0
        held = task[usable][inside]
        constant = float(self._change.values[usable][inside] @ held / (held @ held))
        constants = np.zeros(self._tasks.shape[1])
        constants[one] = constant
        before = self.left.sum()
        self.match(constants)
        return constant if self.left.sum() < before else 0.0

    def trim(self) -> None:
        """Match the sum that most of what is left is, by least squares on the better half of it, over and over."""
        at = np.flatnonzero(self.left)
        if len(at) < 2 * PEAK:
            return
        tasks, values = self._tasks[at], self._change.values[at]
        constants, _ = _squares(tasks, values)
        for _ in range(_TURNS):
            off = np.abs(values - tasks @ constants)
            best = np.argsort(off, kind="stable")[: len(at) // 2]
            constants, _ = _squares(tasks[best], values[best])
        self.match(constants)

    def _take(self, off: Values, slack: Values, plain: Mask) -> None:
        usable = self.left & plain.any(axis=1)
        inside = usable & (off <= slack)
        count = int(inside.sum())
        near = int((usable & (off <= (2 * AROUND + 1) * slack)).sum()) - count
        spread = len(np.unique(self._change.places[inside]))
        if count < PEAK or count < ABOVE * near / (2 * AROUND) or spread < self._spread:
            return
        self.uses[inside] = plain[inside]
        self.left &= ~inside


def _squares(tasks: Values, values: Values) -> tuple[Values, float]:
    """Return the constants of least squares, and the sum of squares that is left."""
    if tasks.shape[1] == 0:
        return np.zeros(0), float(values @ values)
    constants = np.asarray(np.linalg.lstsq(tasks, values, rcond=None)[0], dtype=np.float64)
    left = values - tasks @ constants
    return constants, float(left @ left)
