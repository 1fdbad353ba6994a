"""How far one row of weights lies from another, seen as distributions: the divergence of their softmaxes, to the bit.

docs/arithmetic.md, "Divergence". No library's exponential or logarithm gives the same bits on two machines; these are
polynomials in separate fp64 products and sums, within 3 units in the last place.
"""

from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from merger.reduce import row_sums

Doubles = NDArray[np.float64]

# Keeps both distributions off 0, where their ratio has no logarithm.
FLOOR = 1e-8
# Below this e^v is no normal number, and nothing beside 1.
LEAST = -708.0
_LOG2_E = float.fromhex("0x1.71547652b82fep+0")
# ln 2 in two parts: the first has 32 bits, so that its product with any exponent is exact.
_LN2_HIGH = float.fromhex("0x1.62e42feep-1")
_LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
# The bits of sqrt(1/2), from which the fractions of a logarithm begin.
_ROOT = np.int64(0x3FE6A09E667F3BCD)
_EXPONENTIAL = [1 / factorial(i) for i in range(13, -1, -1)]
_LOGARITHM = [1 / i for i in range(21, 0, -2)]


def divergence(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Return, shape (rows, 1), the Kullback-Leibler divergence of softmax(x) from softmax(y) row by row, both plus 1e-8.

    `x` and `y` are rows of one type T, shape (rows, n). At least 0; NaN where a row holds anything that is not finite.
    """
    p, q = _softmax(x), _softmax(y)
    found = row_sums(np.multiply(p, logarithm(np.divide(p, q))))
    finite = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
    found = np.where(finite, np.where(found > 0, found, 0.0), np.nan)
    rounded: NDArray[Any] = found.astype(x.dtype)[:, None]
    return rounded


def exponential(v: Doubles) -> Doubles:
    """Return e^v of v <= 0, and +0 below -708."""
    tiny = v < LEAST
    v = np.where(tiny, 0.0, v)
    k = np.floor(np.add(np.multiply(v, _LOG2_E), 0.5))
    r = np.subtract(np.subtract(v, np.multiply(k, _LN2_HIGH)), np.multiply(k, _LN2_LOW))
    power = np.left_shift(k.astype(np.int64) + 1023, 52).view(np.float64)
    return np.where(tiny, 0.0, np.multiply(_polynomial(_EXPONENTIAL, r), power))


def logarithm(u: Doubles) -> Doubles:
    """Return ln u of normal u > 0."""
    bits = u.view(np.int64)
    exponent = np.right_shift(bits - _ROOT, 52)
    f = (bits - np.left_shift(exponent, 52)).view(np.float64)
    k = exponent.astype(np.float64)
    s = np.divide(np.subtract(f, 1.0), np.add(f, 1.0))
    series = np.multiply(np.add(s, s), _polynomial(_LOGARITHM, np.multiply(s, s)))
    found: Doubles = np.add(np.multiply(k, _LN2_HIGH), np.add(np.multiply(k, _LN2_LOW), series))
    return found


def _softmax(x: NDArray[Any]) -> Doubles:
    wide = x.astype(np.float64)
    raised = exponential(np.subtract(wide, wide.max(axis=1, keepdims=True)))
    return np.add(np.divide(raised, row_sums(raised)[:, None]), FLOOR)


def _polynomial(coefficients: list[float], x: Doubles) -> Doubles:
    """Return the polynomial with these coefficients, from the highest power down, by Horner's rule."""
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        np.multiply(value, x, out=value)
        np.add(value, coefficient, out=value)
    return value
