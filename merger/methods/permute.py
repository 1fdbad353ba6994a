"""Permute: a model with its units in the order of another's, found by weight matching; it computes the same as before.

Ainsworth et al., "Git Re-Basin", https://arxiv.org/abs/2209.04836, section 3; docs/arithmetic.md, "Methods". Bytes move, and
nothing is computed.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from merger.kernels import B, Operations
from merger.method import Arrays, Method, Statistics, Values
from signing.errors import Malformed


def resolve(_: Values, _totals: object) -> None:
    """Return nothing: all is in the statistics."""


def merge(_: Operations[B], _base: object, parents: Sequence[B], _kept: object, _how: None) -> B:
    """Return the parent's block, as it is without an order."""
    return parents[0]


def whole(_: None, given: Arrays) -> NDArray[np.generic]:
    """Return y[i, j, …] = x[p0[i], p1[j], …]."""
    (moved,) = given.parents
    for axis, order in zip(given.axes, given.statistics, strict=True):
        if not np.array_equal(np.sort(order), np.arange(moved.shape[axis])):
            raise Malformed(
                f"{given.name}: the order of axis {axis} does not hold every index below {moved.shape[axis]} once"
            )
        moved = np.take(moved, order, axis)
    return moved


METHOD = Method(
    id="permute",
    summary="one parent with its units in another order, which statistics give",
    parameters=(),
    resolve=resolve,
    merge=merge,
    parents=(1, 1),
    statistics=Statistics("permutation", lambda axis: axis, every=False, by_axis=True, stored=("I64",)),
    whole=whole,
    moves=True,
)
