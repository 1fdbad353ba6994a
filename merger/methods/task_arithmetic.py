"""Task arithmetic: add weighted task vectors to the base; a negative weight unlearns.

Ilharco et al., https://arxiv.org/abs/2212.04089, section 2; docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence

from merger.deltas import Weighted, deltas, weighted
from merger.kernels import B, Operations
from merger.method import Method, Values
from merger.parameters import LAMBDA, NORMALIZE, WEIGHT


def resolve(values: Values, _: object) -> Weighted:
    """Return the weights of the remaining parents and lambda."""
    return Weighted(values.weights(), values.one("lambda"))


def merge(k: Operations[B], base: B, parents: Sequence[B], _kept: object, how: Weighted) -> B:
    """Return y = b + lambda · sum of w_i d_i."""
    return weighted(k, base, deltas(k, base, parents), how)


METHOD = Method(
    id="task_arithmetic",
    summary="base plus weighted task vectors",
    parameters=(WEIGHT, LAMBDA, NORMALIZE),
    resolve=resolve,
    merge=merge,
    base="needed",
)
