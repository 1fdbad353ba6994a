"""Shares: how much of a merged tensor comes from which parent, counted while it is merged.

docs/arithmetic.md, "Shares". Per parent: how many of its elements the mask kept, how many had the elected sign, and the
energy of what it put in, the sum of (f_i d_i)^2 with the factors that `following` finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from merger.clip import merged
from merger.following import NUMBER, Following
from merger.kernels import B, Operations
from merger.kernels.loops import LANES
from merger.method import Method
from merger.reduce import SPAN, block_sum, total
from merger.steps import Compute


@dataclass(frozen=True, slots=True)
class Shares:
    """What was counted of one block or tensor, parent by parent; empty where the method knows no such thing."""

    kept: tuple[int, ...]
    agreed: tuple[int, ...]
    energy: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Parts(Generic[B]):
    """A merged block, and per parent the masks that are counted and the fp64 terms of its energy."""

    merged: B
    kept: Sequence[B]
    agreed: Sequence[B]
    terms: Sequence[Any]


def parts(
    rules: Method,
    step: Compute,
    k: Operations[B],
    base: B | None,
    given: Sequence[B],
    kept: Sequence[B],
    scalars: Any,
) -> Parts[B]:
    """Merge one block of a step's tensor and return with it what its shares are counted of.

    `given` are the parents, and what else the method has of each element.
    """
    following, count = Following(k), len(step.parents)
    y = merged(
        rules,
        step,
        following,
        None if base is None else following.constant(base),
        [
            *(following.parent(place, x) for place, x in enumerate(given[:count])),
            *(following.constant(x) for x in given[count:]),
        ],
        [following.constant(mask) for mask in kept],
        scalars,
    )
    # One mask for all parents says the same of each.
    each = list(kept) * (count if len(kept) == 1 else 1)
    agreed = following.agreed if len(following.agreed) == count else []
    terms = []
    if y.factors is not None and NUMBER not in y.factors:
        for place, x in enumerate(given[:count]):
            moved = x if base is None else k.sub(x, base)
            factor = y.factors.get(place, 0.0)
            put = k.scale(moved, factor) if isinstance(factor, float) else k.mul(moved, factor)
            terms.append(k.products(put, put))
    return Parts(y.value, each if len(each) == count else [], agreed, terms)


def block_energies(terms: NDArray[np.float64]) -> list[float]:
    """Return the sums of squares, block by block of 2^16, and 0 for no elements.

    In a block, lane l takes elements l, l + 512, … in order, and lanes are halved; docs/arithmetic.md, "Shares". The lanes,
    not the tree of other sums, let a merge add while it reads straight on.
    """
    found = []
    for at in range(0, max(1, len(terms)), SPAN):
        block = terms[at : at + SPAN]
        whole = np.zeros(-(-len(block) // LANES) * LANES)
        whole[: len(block)] = block
        sums = np.zeros(LANES)
        for row in whole.reshape(-1, LANES):
            np.add(sums, row, out=sums)
        found.append(block_sum(sums))
    return found


def joined(found: Sequence[Shares]) -> Shares | None:
    """Return the shares of a tensor from those of its blocks in order; nothing where there are none."""
    if not found:
        return None
    return Shares(
        tuple(map(sum, zip(*(one.kept for one in found), strict=True))),
        tuple(map(sum, zip(*(one.agreed for one in found), strict=True))),
        tuple(map(total, zip(*(one.energy for one in found), strict=True))),
    )
