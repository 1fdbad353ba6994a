"""SLERP: walk from one model to another along the great circle through both.

Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985, section 3.3; docs/arithmetic.md, "Methods".
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import mpmath

from merger.kernels import B, Kernels
from merger.methods import Method, Parameter, Values

STRAIGHT = 0.9995
# mpmath's own context and its cached constants belong to every thread of the process: a precision set there may
# change in the middle of an evaluation.
_EXACT = mpmath.MPContext()
_EXACT.prec = 128
_ALONE = threading.Lock()


@dataclass(frozen=True, slots=True)
class Scalars:
    """The two factors."""

    first: float
    second: float


def resolve(values: Values, sums: tuple[float, float, float]) -> Scalars:
    """Return s0 and s1 from t and the sums D = Σ xy, A = Σ x² and B = Σ y² over the tensor."""
    t = values.one("t")
    dot, first, second = sums
    straight = Scalars(1 - t, t)
    if first == 0 or second == 0:
        return straight
    cosine = min(1.0, max(-1.0, dot / (math.sqrt(first) * math.sqrt(second))))
    # Of overflowing sums, max makes -1: only a real angle leaves the straight line.
    if not abs(cosine) <= STRAIGHT:
        return straight
    with _ALONE:
        angle = _EXACT.acos(_EXACT.mpf(cosine))
        whole = _EXACT.sin(angle)
        return Scalars(
            _nearest(_EXACT.sin((1 - _EXACT.mpf(t)) * angle) / whole),
            _nearest(_EXACT.sin(_EXACT.mpf(t) * angle) / whole),
        )


def merge(k: Kernels[B], _base: object, parents: Sequence[B], _kept: object, how: Scalars) -> B:
    """Return s0 · x + s1 · y."""
    x, y = parents
    return k.add(k.scale(x, how.first), k.scale(y, how.second))


def copies(values: Values) -> int | None:
    """Return the end that t = 0 or t = 1 stands at."""
    return {0.0: 0, 1.0: 1}.get(values.one("t"))


def _nearest(value: mpmath.mpf) -> float:
    # mpmath documents this tuple as the exact number; a fraction converts to fp64 in one rounding.
    sign, mantissa, exponent, _ = value._mpf_
    return float((-1) ** sign * int(mantissa) * Fraction(2) ** exponent)


METHOD = Method(
    id="slerp",
    summary="spherical interpolation between two models",
    parameters=(Parameter("t", low="0", high="1", help="0 is the first model, 1 the second"),),
    resolve=resolve,
    merge=merge,
    measures=True,
    parents=2,
    copies=copies,
)
