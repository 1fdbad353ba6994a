"""SCE: select where the task vectors differ most, calculate weights from their energy there, erase minority signs.

Wan et al., https://arxiv.org/abs/2408.07990; docs/arithmetic.md, "Methods".
"""

import math
from collections.abc import Sequence
from typing import Any

from merger.deltas import Election, deltas, elected, kept_deltas
from merger.kernels import B, Operations
from merger.method import Cut, Method, Values
from merger.numbers import kept_count
from merger.parameters import Parameter


def ranks(k: Operations[B], base: B, parents: Sequence[B]) -> list[B]:
    """Return the one quantity that elements are selected by: the task vectors' variance times their number."""
    found = deltas(k, base, parents)
    total = k.total(found)
    mean = k.ratio(total, k.fill(total, len(found)))
    errors = [k.sub(d, mean) for d in found]
    return [k.total([k.mul(e, e) for e in errors])]


def cuts(values: Values, size: int) -> list[Cut]:
    """Return that `select_topk` of the elements are selected."""
    return [Cut(kept_count(str(values.shared["select_topk"]), size))]


def sums(k: Operations[B], base: B, parents: Sequence[B], kept: Sequence[B]) -> dict[str, Any]:
    """Return the terms of S_i, the energy of each task vector where elements are selected."""
    selected = kept_deltas(k, base, parents, list(kept) * len(parents))
    return {f"energy {i}": k.products(v, v) for i, v in enumerate(selected)}


def resolve(_: Values, totals: Sequence[float]) -> Election:
    """Return w_i = S_i / S; all alike where nothing has energy, or an infinite one."""
    whole = totals[0]
    for energy in totals[1:]:
        whole += energy
    known = whole != 0 and math.isfinite(whole)
    weights = [energy / whole if known else 1 / len(totals) for energy in totals]
    return Election(weights, None, 1.0, "unweighted", "weights")


def merge(k: Operations[B], base: B, parents: Sequence[B], kept: Sequence[B], how: Election) -> B:
    """Return y = b + the weighted mean of the selected v_i that have the elected sign."""
    return elected(k, base, parents, list(kept) * len(parents), how)


METHOD = Method(
    id="sce",
    summary="base plus task vectors where they differ most, weighted by their energy there",
    parameters=(
        Parameter("select_topk", default="1", above="0", high="1", help="share of elements selected"),
    ),
    resolve=resolve,
    merge=merge,
    base="needed",
    parents=(2, None),
    ranks=ranks,
    cuts=cuts,
    sums=sums,
)
