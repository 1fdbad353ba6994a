"""SLERP: walk from one model to another along the great circle through both.

Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985, section 3.3; docs/arithmetic.md, "Methods".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from merger.gram import arc, reals
from merger.kernels import B, Operations
from merger.method import Method, Values
from merger.parameters import Parameter

STRAIGHT = 0.9995


@dataclass(frozen=True, slots=True)
class Scalars:
    """The two factors."""

    first: float
    second: float


def sums(k: Operations[B], _base: object, parents: Sequence[B], _kept: object) -> dict[str, Any]:
    """Return the terms of D, A and B."""
    x, y = parents
    return {"dot": k.products(x, y), "first": k.products(x, x), "second": k.products(y, y)}


def resolve(values: Values, totals: Sequence[float]) -> Scalars:
    """Return s0 and s1 from t and the sums D = Σ xy, A = Σ x² and B = Σ y² over the tensor."""
    t = values.one("t")
    dot, first, second = totals
    straight = Scalars(1 - t, t)
    if first == 0 or second == 0:
        return straight
    cosine = min(1.0, max(-1.0, dot / (math.sqrt(first) * math.sqrt(second))))
    # Of overflowing sums, max makes -1: only a real angle leaves the straight line.
    if not abs(cosine) <= STRAIGHT:
        return straight
    with reals() as real:
        return Scalars(*arc(real.mpf(cosine), t))


def merge(k: Operations[B], _base: object, parents: Sequence[B], _kept: object, how: Scalars) -> B:
    """Return s0 · x + s1 · y."""
    x, y = parents
    return k.add(k.scale(x, how.first), k.scale(y, how.second))


def copies(values: Values) -> int | None:
    """Return the end that t = 0 or t = 1 stands at."""
    return {0.0: 0, 1.0: 1}.get(values.one("t"))


METHOD = Method(
    id="slerp",
    summary="spherical interpolation between two models",
    parameters=(Parameter("t", low="0", high="1", help="0 is the first model, 1 the second"),),
    resolve=resolve,
    merge=merge,
    parents=(2, 2),
    sums=sums,
    copies=copies,
)
