"""MagMax: of all task vectors take, element by element, the largest.

Marczak et al., https://arxiv.org/abs/2407.06322; docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence

from merger.deltas import deltas, largest_term
from merger.kernels import B, Operations
from merger.method import Method, Values
from merger.parameters import LAMBDA


def resolve(values: Values, _: object) -> float:
    """Return lambda."""
    return values.one("lambda")


def merge(k: Operations[B], base: B, parents: Sequence[B], _kept: object, scale: float) -> B:
    """Return y = b + lambda · the d_i of largest magnitude."""
    return k.add(base, k.scale(largest_term(k, deltas(k, base, parents)), scale))


METHOD = Method(
    id="magmax",
    summary="base plus, element by element, the largest of the task vectors",
    parameters=(LAMBDA,),
    resolve=resolve,
    merge=merge,
    base="needed",
)
