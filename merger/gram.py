"""Gram sums: merges that are linear combinations, with factors that follow from inner products over a whole tensor.

docs/arithmetic.md, "Gram sums". Lengths, angles and means on the sphere of the inputs all lie in the inputs' span, so
one pass takes the Gram matrix, and the rest happens on lists of coefficients, as real arithmetic: so exactly that
rounding once at the end hides in which order anything was evaluated.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from merger.deltas import deltas
from merger.kernels import B, Kernels, Operations
from merger.method import Values
from merger.parameters import Parameter
from merger.reduce import row_sums

if TYPE_CHECKING:
    import mpmath

# An angle of exactly 0 may come out as 2^-255, from a cosine that is off by one unit in 512 bits: that is below every
# tolerance a recipe can write in its 64 characters.
BITS = 512
# Equal numbers, evaluated in two ways, are equal in this many bits, and so are halves between neighbours in fp64.
KEPT = 128
_INFINITE = Fraction(2) ** 1024 - Fraction(2) ** 970
_ALONE = threading.RLock()

BY = Parameter("by", default="tensor", choices=("tensor", "row"), help="of what angles are taken")

Vector = list[Any]
"""A vector by its coefficients over a tensor's inputs, as numbers of `reals`."""


@cache
def _real() -> Any:
    """Return this process's one context of 512 bits, loaded by the first merge that needs it: it takes 4 MB.

    mpmath's own context and its cached constants belong to every thread of the process: a precision set there may
    change in the middle of an evaluation.
    """
    import mpmath  # noqa: PLC0415

    real = mpmath.MPContext()
    real.prec = BITS
    return real


@contextmanager
def reals() -> Iterator[Any]:
    """Lend this process's one mpmath context of 512 bits, to one thread at a time."""
    with _ALONE:
        yield _real()


def nearest(value: mpmath.mpf) -> float:
    """Return a number of `reals`, rounded to 128 bits, as the nearest fp64, beyond its range an infinity."""
    # mpmath documents this tuple as the exact number; a fraction converts to fp64 in one rounding.
    sign, mantissa, exponent, _ = _kept(value)._mpf_
    exact = (-1) ** sign * int(mantissa) * Fraction(2) ** exponent
    if abs(exact) < _INFINITE:
        return float(exact)
    return math.inf if exact > 0 else -math.inf


def below(x: mpmath.mpf, y: mpmath.mpf) -> bool:
    """Say whether x < y, both rounded to 128 bits."""
    return bool(_kept(x) < _kept(y))


def arc(cosine: mpmath.mpf, t: float) -> list[float]:
    """Return the factors sin((1-t)a)/sin a and sin(ta)/sin a of two inputs at angle a, for a call inside `reals`.

    Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985, section 3.3.
    """
    # sin a = sqrt(1 - cos² a), since a lies between 0 and pi: a root is quicker than a sine, and rows are many.
    whole = _real().sqrt(1 - cosine * cosine)
    angle = _real().atan2(whole, cosine)
    share = _real().mpf(t)
    return [nearest(_real().sin(part * angle) / whole) for part in (1 - share, share)]


class Gram:
    """The Gram matrix of n inputs, exactly as finite sums have it, for use inside `reals`."""

    def __init__(self, totals: Sequence[float], count: int) -> None:
        entries = iter(totals)
        self._rows: list[Vector] = [[_real().zero] * count for _ in range(count)]
        for i in range(count):
            for j in range(i, count):
                self._rows[i][j] = self._rows[j][i] = _real().mpf(next(entries))
        self.lengths: Vector = [_root(self._rows[i][i]) for i in range(count)]
        """The lengths of the inputs."""

    def cosine(self, i: int, j: int) -> mpmath.mpf:
        """Return the cosine between two inputs, clamped; 0 where one has no length."""
        if not (self.lengths[i] and self.lengths[j]):
            return _real().zero
        return clamped(self._rows[i][j] / _real().sqrt(self._rows[i][i] * self._rows[j][j]))

    def dots(self, vector: Vector) -> Vector:
        """Return the inner products of a vector with every input."""
        return [_real().fdot(row, vector) for row in self._rows]

    def length(self, vector: Vector) -> mpmath.mpf:
        """Return a vector's length, 0 where rounded sums make its square negative."""
        return _root(_real().fdot(vector, self.dots(vector)))


def finite(totals: Sequence[float]) -> bool:
    """Say whether every sum is finite, so that there is any geometry."""
    return all(map(math.isfinite, totals))


def clamped(cosine: mpmath.mpf) -> mpmath.mpf:
    """Return the nearest number from -1 to 1."""
    return min(_real().one, max(-_real().one, cosine))


def sums(k: Operations[B], base: B | None, parents: Sequence[B], _kept: object) -> dict[str, Any]:
    """Return the terms of the Gram matrix of the parents, or with a base of their deltas: i <= j, row by row."""
    inputs = _inputs(k, base, parents)
    places = range(len(inputs))
    return {f"g{i}_{j}": k.products(inputs[i], inputs[j]) for i in places for j in places[i:]}


def merge(k: Operations[B], base: B | None, given: Sequence[B], _kept: object, factors: Sequence[float]) -> B:
    """Return y = sum of c_i x_i, or with a base b + sum of c_i d_i; without `factors`, c_i follow the parents in `given`."""
    if factors:
        terms = [k.scale(z, c) for z, c in zip(_inputs(k, base, given), factors, strict=True)]
    else:
        count = len(given) // 2
        inputs = _inputs(k, base, given[:count])
        terms = [k.mul(z, c) for z, c in zip(inputs, given[count:], strict=True)]
    summed = k.total(terms)
    return summed if base is None else k.add(base, summed)


def by_row(values: Values) -> bool:
    """Say whether every row has factors of its own."""
    return values.shared["by"] == "row"


def by_tensor(values: Values) -> bool:
    """Say whether the factors follow from sums over the tensor."""
    return not by_row(values)


def row_factors(
    k: Kernels[NDArray[Any]],
    base: NDArray[Any] | None,
    parents: Sequence[NDArray[Any]],
    factors: Callable[[Sequence[float]], Sequence[float]],
) -> list[NDArray[Any]]:
    """Return each input's factor in T for every row, shape (rows, 1), as `factors` makes them of a row's Gram sums."""
    totals = [row_sums(terms).tolist() for terms in sums(k, base, parents, ()).values()]
    # Taken once for all rows: threads that take turns at every row spend their time waiting.
    with reals():
        rows = [factors(row) for row in zip(*totals, strict=True)]
    table = np.array(rows, np.float64).reshape(-1, len(parents)).astype(parents[0].dtype)
    return [np.ascontiguousarray(column)[:, None] for column in table.T]


def _inputs(k: Operations[B], base: B | None, parents: Sequence[B]) -> Sequence[B]:
    return parents if base is None else deltas(k, base, parents)


def _root(square: mpmath.mpf) -> mpmath.mpf:
    return _real().sqrt(square) if square > 0 else _real().zero


def _kept(value: mpmath.mpf) -> mpmath.mpf:
    return _real().fadd(value, 0, prec=KEPT)
