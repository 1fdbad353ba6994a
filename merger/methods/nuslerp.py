"""NuSLERP: spherical interpolation by weights, between two models or between their task vectors.

Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985, section 3.3; docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from merger.gram import BY, Gram, arc, below, by_row, by_tensor, finite, merge, reals, row_factors, sums
from merger.kernels import Kernels
from merger.method import Method, Values
from merger.parameters import WEIGHT

# Of 1 - cos²: what is closer to a straight line than this has no great circle through it.
STRAIGHT = 1e-16


def resolve(values: Values, totals: Sequence[float]) -> list[float]:
    """Return the two factors from the weights and the Gram sums; none where every row has its own."""
    return [] if by_row(values) else _factors(_share(values), totals)


def rows(
    k: Kernels[NDArray[Any]], values: Values, base: NDArray[Any] | None, parents: Sequence[NDArray[Any]]
) -> list[NDArray[Any]]:
    """Return the two factors of every row."""
    t = _share(values)
    return row_factors(k, base, parents, lambda totals: _factors(t, totals))


def _factors(t: float, totals: Sequence[float]) -> list[float]:
    if finite(totals):
        with reals() as real:
            gram = Gram(totals, 2)
            cosine = gram.cosine(0, 1)
            if all(gram.lengths) and below(real.mpf(STRAIGHT), 1 - cosine**2):
                return arc(cosine, t)
    return [1 - t, t]


def copies(values: Values) -> int | None:
    """Return the one parent that remains where the other has weight 0."""
    if len(values.parents) == 1:
        return 0
    _share(values)
    return None


def _share(values: Values) -> float:
    """Return t, the second parent's share of the weights."""
    return values.shares()[1]


METHOD = Method(
    id="nuslerp",
    summary="spherical interpolation by weights between two models or task vectors",
    parameters=(WEIGHT, BY),
    resolve=resolve,
    merge=merge,
    base="either",
    parents=(2, 2),
    rows=rows,
    rowed=by_row,
    sums=sums,
    summed=by_tensor,
    copies=copies,
)
