"""Symmetric positive definite systems in fp64, by the same operations in the same order on every machine.

docs/arithmetic.md, "Methods", regmean. LAPACK and BLAS order their sums by processor; here a row is added to rows, one
multiplication and one addition or subtraction an element, so that blocks and strips change speed and nothing else.
Matrices that are factored are symmetric: their rows, which lie together in memory, stand for columns.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from signing.errors import Malformed

Matrix = NDArray[np.float64]

# A strip of rows and one term of it stay in the processor's second cache while all columns are gone through.
_STRIP = 1 << 15
# Rows of the factor that are made before the rest is updated by all of them.
_PANEL = 64


def mirrored(lower: NDArray[np.floating]) -> Matrix:
    """Return a d x d matrix in fp64 whose elements above the diagonal are those below it, whatever stood there."""
    full = lower.astype(np.float64)
    for k in range(len(full)):
        full[k, k + 1 :] = full[k + 1 :, k]
    return full


def factored(name: str, a: Matrix) -> Matrix:
    """Return Cholesky's L of a symmetric d x d matrix, mirrored; works in `a` itself.

    Raises `Malformed` with the name and the pivot where `a` is not positive definite.
    """
    d = len(a)
    for first in range(0, d, _PANEL):
        last = min(first + _PANEL, d)
        for k in range(first, last):
            pivot = float(a[k, k])
            if not 0 < pivot < math.inf:
                raise Malformed(
                    f"{name}: its Gram matrices are not positive definite, pivot {k} is {pivot!r}; a larger ridge, or "
                    f"statistics of more samples, would make them so"
                )
            a[k, k] = math.sqrt(pivot)
            a[k, k + 1 :] /= a[k, k]
            a[k + 1 : last, k + 1 :] -= a[k, k + 1 : last, None] * a[k, k + 1 :]
        for strip in _strips(d - last, d):
            rows = a[last:][strip, last + strip.start :]
            term = np.empty_like(rows)
            for k in range(first, last):
                np.multiply(a[k, last:][strip, None], a[k, last + strip.start :], out=term)
                np.subtract(rows, term, out=rows)
    for k in range(d):
        a[k + 1 :, k] = a[k, k + 1 :]
    return a


def solved(factor: Matrix, b: Matrix) -> Matrix:
    """Return Z of L·Lᵀ·Zᵀ = Bᵀ, row by row, for a mirrored factor of d x d and an o x d matrix; works in `b` itself."""
    d = len(factor)
    for strip in _strips(*b.shape):
        rows = b[strip]
        term = np.empty_like(rows)
        for k in range(d):
            rows[:, k] /= factor[k, k]
            np.multiply(rows[:, k, None], factor[k, k + 1 :], out=term[:, k + 1 :])
            rows[:, k + 1 :] -= term[:, k + 1 :]
        for k in reversed(range(d)):
            rows[:, k] /= factor[k, k]
            np.multiply(rows[:, k, None], factor[k, :k], out=term[:, :k])
            rows[:, :k] -= term[:, :k]
    return b


def _strips(rows: int, columns: int) -> list[slice]:
    height = max(1, _STRIP // max(1, columns))
    return [slice(at, min(at + height, rows)) for at in range(0, rows, height)]
