"""How far one row of numbers is from another: the Kullback-Leibler divergence of their softmaxes, in fp64."""

from fractions import Fraction
from math import factorial

import numpy as np
from reference.stored import Array
from reference.sums import total

L, H, W = (
    float.fromhex(text) for text in ("0x1.71547652b82fep+0", "0x1.62e42feep-1", "0x1.a39ef35793c76p-33")
)
G = float.fromhex("0x1.6a09e667f3bcdp-1")


def exp(v: Array) -> Array:
    """The exponential of v ≤ 0, as the page defines it."""
    near = np.where(v < -708, 0.0, v)
    k = np.floor(near * L + 0.5)
    r = (near - k * H) - k * W
    e = np.full(v.shape, inverse(factorial(13)))
    for i in range(12, -1, -1):
        e = e * r + inverse(factorial(i))
    return np.where(v < -708, 0.0, np.ldexp(e, k.astype(int)))


def ln(u: Array) -> Array:
    """The logarithm of u > 0, as the page defines it."""
    f, k = np.frexp(u)  # f in [0.5, 1)
    low = f < G
    f, k = np.where(low, 2 * f, f), np.where(low, k - 1, k).astype(np.float64)
    s = (f - 1) / (f + 1)
    z = s * s
    a = np.full(u.shape, inverse(21))
    for i in range(19, 0, -2):
        a = a * z + inverse(i)
    return k * H + (k * W + (s + s) * a)


def inverse(whole: int) -> float:
    """The fp64 nearest to 1 / whole."""
    return float(Fraction(1, whole))


def shares(row: Array) -> Array:
    """The softmax of a row, kept off 0."""
    powers = exp(row - np.max(row))
    return powers / total(powers) + 1e-8


def divergence(x: Array, b: Array) -> float:
    """D where it is above 0, else 0, and NaN where either row holds what is not finite: before it is rounded to T."""
    if not (np.isfinite(x).all() and np.isfinite(b).all()):
        return np.nan
    p, q = shares(x.astype(np.float64)), shares(b.astype(np.float64))
    d = total(p * ln(p / q))
    return d if d > 0 else 0.0
