"""The coefficients of the methods that see of the parents only G_ij = Σ z_i·z_j, in real arithmetic."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
from reference.work import Work

PRECISION = 1024  # bits; the page asks for 512 or more

Real = Any  # mpmath.mpf
Vector = list[Real]
Gram = list[list[float]]


def rounded(value: Real) -> float:
    """One rounding to fp64: the division of integers rounds correctly, into the subnormals too."""
    sign, significand, exponent, _ = value._mpf_
    exact = int(significand) * Fraction(2) ** exponent
    try:
        return float(-exact if sign else exact)
    except OverflowError:
        return -math.inf if sign else math.inf


def coefficients(find: Callable[[Work, Gram], Vector]) -> Callable[[Work, Gram], list[float]]:
    """A method's coefficients, each rounded to 128 bits and then to fp64."""

    def run(work: Work, gram: Gram) -> list[float]:
        with mpmath.workprec(PRECISION):
            return [rounded(shorter(c)) for c in find(work, gram)]

    return run


def real(value: float | str) -> Real:
    """An fp64 value as a real number; a text is first rounded to fp64."""
    return mpmath.mpf(float(value))


def shorter(value: Real) -> Real:
    """A value as it is compared: rounded to 128 bits."""
    with mpmath.workprec(128):
        return +value


def less(one: Real, other: Real) -> bool:
    """Whether one is less than the other, as values are compared."""
    return bool(shorter(one) < shorter(other))


def clamped(value: Real) -> Real:
    """A value, at most 1 away from 0."""
    # Choice: clamped as it stands, so that acos has a value where this is past 1 only after its first 128 bits
    return max(real(-1), min(real(1), value))


def finite(gram: Gram) -> bool:
    """Whether all sums are finite."""
    return all(math.isfinite(entry) for row in gram for entry in row)


def inner(gram: Gram, p: Vector, q: Vector) -> Real:
    """⟨p, q⟩."""
    n = range(len(gram))
    return sum((p[i] * real(gram[i][j]) * q[j] for i in n for j in n), real(0))


def norm(gram: Gram, p: Vector) -> Real:
    """|p|."""
    square = inner(gram, p, p)
    return mpmath.sqrt(square) if square > 0 else real(0)


def lengths(gram: Gram) -> Vector:
    """The r_i."""
    return [mpmath.sqrt(real(gram[i][i])) for i in range(len(gram))]


def even(gram: Gram) -> Vector:
    """1/n for each."""
    return [real(1) / len(gram)] * len(gram)


@coefficients
def nuslerp(work: Work, gram: Gram) -> Vector:
    """Slerp between the tensors as vectors, by the share of the second's weight."""
    w1, w2 = work.weights()
    if w1 + w2 == 0:
        raise ValueError(f"the weights of tensor {work.name!r} sum to 0")
    t = real(w2 / (w1 + w2))
    chord = [1 - t, t]
    if not finite(gram) or gram[0][0] == 0 or gram[1][1] == 0:
        return chord
    product = real(gram[0][0]) * real(gram[1][1])
    q = 1 - real(gram[0][1]) ** 2 / product
    if not less(real(1e-16), q):
        return chord
    angle = mpmath.acos(real(gram[0][1]) / mpmath.sqrt(product))
    return [mpmath.sin((1 - t) * angle) / mpmath.sin(angle), mpmath.sin(t * angle) / mpmath.sin(angle)]


@coefficients
def multislerp(work: Work, gram: Gram) -> Vector:
    """The weighted sum of directions, as long as the weighted sum of lengths."""
    weights = [real(w) for w in work.weights()]
    if not finite(gram):
        return weights
    r = lengths(gram)
    p = [w / length if length else real(0) for w, length in zip(weights, r, strict=True)]
    size = norm(gram, p)
    if less(size, real(work.number("eps"))):
        return weights
    whole = sum((w * length for w, length in zip(weights, r, strict=True)), real(0))
    return [whole * one / size for one in p]


@coefficients
def karcher(work: Work, gram: Gram) -> Vector:
    """The mean of the directions on the sphere, as long as the mean length."""
    n = len(gram)
    if not finite(gram) or all(gram[i][i] == 0 for i in range(n)):
        return even(gram)
    tol, r = real(work.number("tol")), lengths(gram)
    units = {
        i: [1 / r[i] if j == i else real(0) for j in range(n)] for i in range(n) if gram[i][i] > 0
    }  # V, and the u_i of it
    m = [sum((u[j] for u in units.values()), real(0)) / len(units) for j in range(n)]
    size = norm(gram, m)
    m = next(iter(units.values())) if less(size, tol) else [one / size for one in m]
    k = 1
    while k <= work.number("max_iter"):
        tangent = [real(0)] * n
        for u in units.values():
            a = clamped(inner(gram, m, u))
            angle = mpmath.acos(a)
            if not less(angle, tol) and not less(mpmath.pi - angle, tol):
                share = angle / mpmath.sin(angle) / len(units)
                tangent = [t + share * (u[j] - a * m[j]) for j, t in enumerate(tangent)]
        size = norm(gram, tangent)
        if less(size, tol):
            break
        far = mpmath.sin(size) / size
        m = [mpmath.cos(size) * one + far * t for one, t in zip(m, tangent, strict=True)]
        k += 1
    length = sum(r, real(0)) / n
    return [length * one for one in m]


@coefficients
def model_stock(_: Work, gram: Gram) -> Vector:
    """The point of the parents' span that is closest to the centre they were drawn around."""
    n = len(gram)
    if not finite(gram):
        return even(gram)
    cosines = []
    for i in range(n):
        for j in range(i + 1, n):
            gone = gram[i][i] == 0 or gram[j][j] == 0
            product = real(gram[i][i]) * real(gram[j][j])
            cosines.append(real(0) if gone else clamped(real(gram[i][j]) / mpmath.sqrt(product)))
    a = sum(cosines, real(0)) / len(cosines)
    s = 1 + (n - 1) * a
    return [real(0) if less(s, real(1e-6)) else a / s] * n


GRAM = {"nuslerp": nuslerp, "multislerp": multislerp, "karcher": karcher, "model_stock": model_stock}
