"""Transport: a model each of whose units is a mixture of its own, as an optimal transport onto another's units says.

Singh and Jaggi, "Model Fusion via Optimal Transport", https://arxiv.org/abs/1910.05653, section 4; docs/arithmetic.md,
"Methods" and "Products".
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from merger.kernels import B, Operations
from merger.method import Arrays, Method, Statistics, Values
from merger.product import MOST, product
from signing.errors import Malformed


def square(axis: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of an axis' matrix."""
    (size,) = axis
    if size > MOST:
        raise Malformed(f"the axis has {size} indices, and at most {MOST} are transported")
    return size, size


def room(shape: tuple[int, ...]) -> int:
    """Return the bytes of the tensor before and after a product, and of a matrix and its transpose, in fp64."""
    return 8 * (3 * math.prod(shape) + 2 * min(max(shape, default=1), MOST) ** 2)


def resolve(_: Values, _totals: object) -> None:
    """Return nothing: all is in the statistics."""


def merge(_: Operations[B], _base: object, parents: Sequence[B], _kept: object, _how: None) -> B:
    """Return the parent's block, as it is without a matrix."""
    return parents[0]


def whole(_: None, given: Arrays) -> NDArray[np.floating]:
    """Return y = T0 · x · T1ᵀ, and the same along every further axis that has a matrix."""
    (x,) = given.parents
    z = x.astype(np.float64)
    for axis, matrix in zip(given.axes, given.statistics, strict=True):
        first = np.moveaxis(z, axis, 0)
        rows = np.ascontiguousarray(first).reshape(first.shape[0], math.prod(first.shape[1:]))
        z = np.moveaxis(product(matrix.astype(np.float64), rows).reshape(first.shape), 0, axis)
    return np.ascontiguousarray(z).astype(x.dtype)


METHOD = Method(
    id="transport",
    summary="one parent with its units mixed by an optimal transport, which statistics give",
    parameters=(),
    resolve=resolve,
    merge=merge,
    parents=(1, 1),
    statistics=Statistics("transport", square, every=False, by_axis=True),
    whole=whole,
    room=room,
)
