"""The k largest of a tensor, exactly, by counting bit patterns: no sort, no copy, any number of blocks at a time.

docs/arithmetic.md, "The largest k". Magnitudes are unsigned bit patterns; the threshold is found digit by digit, 16
bits at a time, most significant first: two passes over fp32, four over fp64. Among equals the lowest index is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from merger.kernels import Bits, Wide

DIGIT = 16
RADIX = 1 << DIGIT
DIGITS = {"F32": 2, "F64": 4}

Counts = NDArray[np.int64]


@dataclass(slots=True)
class Search:
    """A search for the k-th largest magnitude: count a pass with `digits`, then narrow by `step`."""

    wide: Wide
    keep: int
    """How many elements are still to be found among those that share `prefix`."""
    prefix: int = 0
    """The threshold's leading digits found so far."""
    found: int = 0
    """How many digits that is."""

    @property
    def done(self) -> bool:
        """Say whether every digit is known: then `prefix` is the threshold and `keep` the equals to keep."""
        return self.found == DIGITS[self.wide]

    def digits(self, magnitude: Bits) -> Counts:
        """Count one block's next digits among the elements that share the prefix."""
        shift = DIGIT * (DIGITS[self.wide] - 1 - self.found)
        leading = np.right_shift(magnitude, magnitude.dtype.type(shift))
        if self.found:
            mine = np.right_shift(leading, leading.dtype.type(DIGIT)) == self.prefix
            leading = np.bitwise_and(leading[mine], leading.dtype.type(RADIX - 1))
        return np.bincount(leading.astype(np.int64), minlength=RADIX)

    def step(self, counts: Counts) -> None:
        """Fix the next digit from the counts of all blocks."""
        # How many elements stand at this digit or above it, for every digit from the top.
        above = np.cumsum(counts[::-1])
        at = int(np.searchsorted(above, self.keep))
        digit = RADIX - 1 - at
        self.keep -= int(above[at] - counts[digit])
        self.prefix = self.prefix << DIGIT | digit
        self.found += 1


@dataclass(frozen=True, slots=True)
class Selection:
    """Which elements of one tensor are kept: all above the threshold, and the first `equals` that equal it."""

    threshold: int
    equals: int
    before: Sequence[int]
    """For every block of 2^16 elements, how many equals stand before it."""

    def kept(self, magnitude: Bits, block: int) -> NDArray[np.bool_]:
        """Return which elements of block number `block` are kept."""
        kept: NDArray[np.bool_] = magnitude > self.threshold
        left = self.equals - self.before[block]
        if left > 0:
            equal = np.flatnonzero(magnitude == self.threshold)
            kept[equal[:left]] = True
        return kept


def tally(magnitude: Bits, threshold: int) -> tuple[int, int]:
    """Return how many elements of a block are above the threshold, and how many equal to it."""
    return int(np.count_nonzero(magnitude > threshold)), int(np.count_nonzero(magnitude == threshold))
