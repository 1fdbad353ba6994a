"""Sums over a tensor that do not depend on threads, block sizes or processors.

docs/arithmetic.md, "Sums over a tensor": blocks of 2^16 elements by absolute index, a halving tree inside each, block
values added in order. The block values are the witness of a sum: anyone can recompute one of them, and re-add them all.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SPAN = 1 << 16


def block_sum(values: NDArray[np.float64]) -> float:
    """Return the halving-tree sum of up to 2^16 fp64 values, padded with +0."""
    level = values
    if len(values) < SPAN:
        level = np.zeros(SPAN)
        level[: len(values)] = values
    half = SPAN // 2
    while half:
        level = np.add(level[:half], level[half:])
        half //= 2
    return float(level[0])


def row_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of each row of fp64 `values`, shape (rows, n): every row is a sequence of its own."""
    found = np.zeros(len(values))
    for start in range(0, values.shape[1], SPAN):
        block = values[:, start : start + SPAN]
        # Halvings of a block that only add its padding change nothing but the sign of zeros.
        width = 1 << (block.shape[1] - 1).bit_length()
        level = np.zeros((len(values), width))
        level[:, : block.shape[1]] = block
        if width < SPAN:
            np.add(level, 0.0, out=level)
        half = width // 2
        while half:
            level = np.add(level[:, :half], level[:, half:])
            half //= 2
        found = np.add(found, level[:, 0]) if start else level[:, 0]
    return found


def total(witness: Sequence[float]) -> float:
    """Add block values in order; the empty sum is +0."""
    if not witness:
        return 0.0
    result = witness[0]
    for value in witness[1:]:
        result += value
    return result
