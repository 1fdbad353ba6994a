"""RAM+, tensor by tensor: as RAM, but what only one task vector changes is stretched the more of it others share.

Yuan et al., https://arxiv.org/abs/2601.13572; docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence
from typing import Any

from merger.deltas import EPSILON, active, deltas, kept_deltas, shared
from merger.kernels import B, Operations
from merger.method import Method, Values
from merger.parameters import Parameter


def sums(k: Operations[B], _base: object, _parents: object, kept: Sequence[B]) -> dict[str, Any]:
    """Return the terms of H_i and U_i: how many elements others change with a task vector, and how many it does alone."""
    _, several = shared(k, kept)
    single = k.without(several)
    found = {}
    for i, mask in enumerate(kept):
        found[f"shared {i}"] = k.ones(k.both(mask, several))
        found[f"unique {i}"] = k.ones(k.both(mask, single))
    return found


def resolve(values: Values, totals: Sequence[float]) -> list[float]:
    """Return f_i = 1 + r · min(H_i / U_i, alpha), and 1 where a task vector changes nothing alone."""
    rate, most = values.one("r"), values.one("alpha")
    pairs = zip(totals[::2], totals[1::2], strict=True)
    return [1 + rate * min(common / alone, most) if alone else 1.0 for common, alone in pairs]


def merge(k: Operations[B], base: B, parents: Sequence[B], kept: Sequence[B], factors: list[float]) -> B:
    """Return y = b + (the mean of d_i where several exceed epsilon, elsewhere f_i d_i)."""
    sparse = kept_deltas(k, base, parents, kept)
    count, several = shared(k, kept)
    mean = k.ratio(k.total(sparse), count)
    own = k.total([k.scale(v, f) for v, f in zip(sparse, factors, strict=True)])
    return k.add(base, k.choose(several, mean, own))


METHOD = Method(
    id="ramplus_tl",
    summary="base plus the mean of shared changes and stretched changes of one task vector alone",
    parameters=(
        EPSILON,
        Parameter("r", default="0.1", low="0", help="how much unshared changes are stretched"),
        Parameter("alpha", default="0.2", low="0", help="the most that sharing counts"),
    ),
    resolve=resolve,
    merge=merge,
    base="needed",
    ranks=deltas,
    cuts=active,
    sums=sums,
)
