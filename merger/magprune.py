"""MAGPRUNE: drop elements of each task vector at random, and the smaller of a row more often than the larger.

Deep, Bhardwaj and Poria, "DELLA-Merging", https://arxiv.org/abs/2406.11617, section 3.1; docs/arithmetic.md, "By rank".
The paper's probability to drop an element, p_min + r · epsilon / n, is here one to keep it, from density - epsilon for
the smallest element of a row to density + epsilon for its largest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from merger.deltas import deltas, lengths
from merger.kernels import B, Kernels, Operations
from merger.method import Values
from merger.numbers import LANES
from merger.parameters import Parameter
from signing.errors import Malformed

EPSILON = Parameter(
    "epsilon",
    default="0.15",
    low="0",
    high="1",
    per_parent=True,
    help="how much less and more than density a row's smallest and largest element are kept",
)


def checked(values: Values) -> None:
    """Refuse a density and an epsilon that leave some rank no share from 1/65536 to 1; no parent is simply the result."""
    for parent in values.parents:
        density, epsilon = Fraction(parent["density"]), Fraction(parent["epsilon"])
        said = f"density {parent['density']} and epsilon {parent['epsilon']}"
        if density == 1:
            continue
        if density + epsilon > 1:
            raise Malformed(
                f"{said} keep the largest elements more often than always; their sum is at most 1"
            )
        if int((density - epsilon) * LANES) < 1:
            raise Malformed(
                f"{said} keep fewer than one in {LANES} of the smallest elements; density - epsilon is at least {1 / LANES}"
            )


def bounds(
    k: Kernels[NDArray[Any]], values: Values, base: NDArray[Any] | None, parents: Sequence[NDArray[Any]]
) -> list[NDArray[Any]]:
    """Return t of every element for each parent, or of every row where all of its elements have one t."""
    found = []
    for own, x in zip(values.parents, parents, strict=True):
        lowest, steps = lane_steps(own["density"], own["epsilon"], x.shape[1])
        if not len(steps):
            found.append(np.full((len(x), 1), lowest, x.dtype))
            continue
        ranked = lowest + np.searchsorted(steps, np.arange(x.shape[1]), side="right")
        made = np.empty_like(x)
        order = _rising(k.magnitude(k.sub(x, base) if base is not None else x))
        np.put_along_axis(made, order, ranked.astype(x.dtype)[None, :], axis=1)
        found.append(made)
    return found


@lru_cache(maxsize=64)
def lane_steps(density: str, epsilon: str, size: int) -> tuple[int, NDArray[np.int64]]:
    """Return t of the lowest of `size` ranks, and for every whole number that t reaches above it, from which rank on.

    t(r) = floor(65536 (density - epsilon) + 131072 epsilon r / (size - 1)), exactly.
    """
    middle, rise = LANES * Fraction(density), 2 * LANES * Fraction(epsilon)
    if middle == LANES or size == 1:
        return int(middle), np.empty(0, np.int64)
    low = middle - rise / 2
    first, last = int(low), int(low + rise)
    whole = lcm(low.denominator, rise.denominator)
    a, e = int(low * whole), int(rise * whole)
    # t reaches s where low + rise · r / (size - 1) >= s: from the first r at or above (s - low) (size - 1) / rise on.
    starts = [-((s * whole - a) * (size - 1) // -e) for s in range(first + 1, last + 1)]
    return first, np.array(starts, np.int64)


@dataclass(frozen=True, slots=True)
class Pruned:
    """Whether what is kept is divided by the share that its rank is kept with, and how it is merged then."""

    shares: bool
    how: Any


def shared(values: Values, how: Any) -> Pruned:
    """Return how pruned task vectors are merged, from how other sparse task vectors are."""
    return Pruned(values.shared["rescale"] == "density", how)


def candidates(k: Operations[B], base: B, given: Sequence[B], shares: bool) -> list[B]:
    """Return d_i, or e_i d_i with e_i = 65536 / t, of parents that are followed by their t in `given`."""
    count = len(given) // 2
    whole = deltas(k, base, given[:count])
    if not shares:
        return whole
    return [k.mul(k.ratio(k.fill(t, LANES), t), d) for t, d in zip(given[count:], whole, strict=True)]


def norms(k: Operations[B], base: B, given: Sequence[B], kept: Sequence[B]) -> dict[str, Any]:
    """Return the terms of each task vector's l1 norm, whole and as far as it is kept."""
    return lengths(k, base, given[: len(kept)], kept)


def _rising(magnitudes: NDArray[Any]) -> NDArray[np.int64]:
    """Return the columns of each row by rising magnitude, equals by rising column."""
    if magnitudes.dtype == np.uint64:
        return np.argsort(magnitudes, axis=1, kind="stable")
    # A pattern and its column make one number that no other equals: any sort comes to the same, and plain ones are fast.
    keys = np.left_shift(magnitudes, 32, dtype=np.uint64)
    np.bitwise_or(keys, np.arange(magnitudes.shape[1], dtype=np.uint64), out=keys)
    keys.sort(axis=1)
    columns: NDArray[np.int64] = np.bitwise_and(keys, 0xFFFFFFFF).astype(np.int64)
    return columns
