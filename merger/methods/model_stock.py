"""Model Stock: move from the base towards the average of its fine-tunes, as far as their angles tell.

Jang et al., https://arxiv.org/abs/2403.19522, equation 2 and its generalization to N models, t = N cos / (1 + (N - 1)
cos); docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from numpy.typing import NDArray

from merger.gram import BY, Gram, below, by_row, by_tensor, finite, merge, nearest, reals, row_factors, sums
from merger.kernels import Kernels
from merger.method import Method, Values

# Of 1 + (N - 1) cos: task vectors that cancel out, such as two opposite ones, leave nothing to estimate t from.
SINGULAR = 1e-6


def resolve(values: Values, totals: Sequence[float]) -> list[float]:
    """Return the one factor t / N of every task vector from the Gram sums; none where every row has its own."""
    return [] if by_row(values) else _factors(len(values.parents), totals)


def rows(
    k: Kernels[NDArray[Any]], _: Values, base: NDArray[Any] | None, parents: Sequence[NDArray[Any]]
) -> list[NDArray[Any]]:
    """Return the factors of every row, the paper's filter."""
    return row_factors(k, base, parents, lambda totals: _factors(len(parents), totals))


def _factors(count: int, totals: Sequence[float]) -> list[float]:
    if not finite(totals):
        return [1 / count] * count
    with reals() as real:
        gram = Gram(totals, count)
        cosines = [gram.cosine(i, j) for i, j in combinations(range(count), 2)]
        mean = real.fsum(cosines) / len(cosines)
        whole = 1 + (count - 1) * mean
        factor = 0.0 if below(whole, real.mpf(SINGULAR)) else nearest(mean / whole)
    return [factor] * count


METHOD = Method(
    id="model_stock",
    summary="base plus the average task vector, as far as the angles between task vectors tell",
    parameters=(BY,),
    resolve=resolve,
    merge=merge,
    base="needed",
    parents=(2, None),
    rows=rows,
    rowed=by_row,
    sums=sums,
    summed=by_tensor,
)
