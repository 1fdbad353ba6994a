"""Products of fp64 matrices in one order of sums, the same on every processor and with any number of threads.

docs/arithmetic.md, "Products": terms are added one by one with k rising. A library's matrix product adds in an order of
its own, and may round a product and a sum together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from merger.kernels import Compiler
from merger.kernels.outer import TERMS, outer

# The most rows of a matrix that methods multiply by or factor: beyond this, one tensor takes minutes and gigabytes.
MOST = 8192
# Elements summed at a time: the sum and one term stay in the processor's second cache over all k.
TILE = 1 << 15
# Columns of a tile: long runs for the processor, and still several rows that use them.
_WIDTH = 1 << 11


def outer_sum(
    down: NDArray[np.float64],
    across: NDArray[np.float64],
    summed: NDArray[np.float64],
    term: NDArray[np.float64],
    compiler: Compiler | None = None,
) -> None:
    """Write Σ_k down[k, i] · across[k, j] into `summed`, with k rising; `term` is room of the same shape.

    Their shapes are (k, rows), (k, columns) and (rows, columns), their rows without gaps between elements. The sum of no
    products is +0. A `compiler` makes loops of some terms each, which give the same bits.
    """
    if not len(down):
        summed.fill(0.0)
    elif compiler is not None:
        apart = [one.strides[0] // one.itemsize for one in (across, down, summed)]
        sizes = np.array([summed.shape[1], *apart], np.int64)
        for k in range(0, len(down), TERMS):
            some = down[k : k + TERMS]
            arrays = (sizes, some, across[k : k + TERMS], summed)
            run = compiler.compiled(outer(len(some), begun=k > 0), len(arrays))
            run(len(summed), *(array.ctypes.data for array in arrays))
        return
    for k, (column, row) in enumerate(zip(down, across, strict=True)):
        np.multiply(column[:, None], row, out=term if k else summed)
        if k:
            np.add(summed, term, out=summed)


def product(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return left · right of two fp64 matrices, in C order."""
    down = np.ascontiguousarray(left.T)
    made = np.empty((left.shape[0], right.shape[1]))
    width = max(1, min(_WIDTH, made.shape[1]))
    rows = TILE // width
    room = np.empty((2, TILE))
    for i in range(0, made.shape[0], rows):
        for j in range(0, made.shape[1], width):
            tile = made[i : i + rows, j : j + width]
            summed, term = (one[: tile.size].reshape(tile.shape) for one in room)
            outer_sum(down[:, i : i + rows], right[:, j : j + width], summed, term)
            tile[:] = summed
    return made
