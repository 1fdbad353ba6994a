"""RAM: keep what only one task vector changes, average what several change.

Yuan et al., https://arxiv.org/abs/2601.13572; docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence

from merger.deltas import EPSILON, active, deltas, kept_deltas, shared
from merger.kernels import B, Operations
from merger.method import Method


def resolve(_values: object, _totals: object) -> None:
    """Return nothing: the masks hold all that an element needs."""


def merge(k: Operations[B], base: B, parents: Sequence[B], kept: Sequence[B], _how: None) -> B:
    """Return y = b + the mean of the d_i that exceed epsilon."""
    count, _ = shared(k, kept)
    return k.add(base, k.ratio(k.total(kept_deltas(k, base, parents, kept)), count))


METHOD = Method(
    id="ram",
    summary="base plus, element by element, the mean of the task vectors that change it",
    parameters=(EPSILON,),
    resolve=resolve,
    merge=merge,
    base="needed",
    ranks=deltas,
    cuts=active,
)
