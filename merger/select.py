"""The k largest of a tensor, exactly, by counting bit patterns: no sort, no copy, any number of blocks at a time.

docs/arithmetic.md, "The largest k". Magnitudes are unsigned bit patterns; the threshold is found digit by digit, 16
bits at a time, most significant first: two passes over fp32, four over fp64. Among equals the lowest index is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from merger.kernels import Bits, Wide

DIGIT = 16
RADIX = 1 << DIGIT
DIGITS = {"F32": 2, "F64": 4}

Counts = NDArray[np.int64]
Tallies = list[tuple[int, int]]
"""Per block of 2^16 elements, how many are above a threshold and how many equal to it."""


@dataclass(frozen=True, slots=True)
class Target:
    """One threshold to find: that of the `count` largest elements of ranked quantity number `quantity`."""

    quantity: int
    count: int


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
class Reach:
    """The largest elements of one tensor: all above the threshold, and the first `equals` that equal it."""

    threshold: int
    equals: int
    before: Sequence[int]
    """For every block of 2^16 elements, how many equals stand before it; then how many there are."""

    def within(self, magnitude: Bits, block: int) -> NDArray[np.bool_]:
        """Return which elements of block number `block` are among them."""
        found: NDArray[np.bool_] = magnitude > self.threshold
        left = self.equals - self.before[block]
        if left > 0:
            equal = np.flatnonzero(magnitude == self.threshold)
            found[equal[:left]] = True
        return found

    def bound(self, block: int) -> int | None:
        """Return from which magnitude on elements of a block are among them, if that alone says which."""
        left = self.equals - self.before[block]
        if left <= 0:
            # Of an empty tensor the threshold is the highest pattern there is, and nothing lies above that.
            return min(self.threshold + 1, (1 << 64) - 1)
        return self.threshold if left >= self.before[block + 1] - self.before[block] else None


def reach(threshold: int, left: int, tallies: Tallies) -> Reach:
    """Return the reach of a threshold whose elements are counted block by block, with up to `left` equals of it."""
    before = list(accumulate((equal for _, equal in tallies), initial=0))
    return Reach(threshold, min(left, before[-1]), before)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a cut keeps of one tensor: the elements that `outer` reaches, without those that `inner` does."""

    outer: Reach
    inner: Reach | None = None

    def bounds(self, block: int) -> tuple[int | None, ...]:
        """Return from which magnitude on elements of a block are kept, and from which on they are skipped."""
        return tuple(reach.bound(block) for reach in (self.outer, self.inner) if reach is not None)

    def kept(self, magnitude: Bits, block: int) -> NDArray[np.bool_]:
        """Return which elements of block number `block` are kept."""
        kept = self.outer.within(magnitude, block)
        return kept if self.inner is None else kept & ~self.inner.within(magnitude, block)


def tally(magnitude: Bits, threshold: int) -> tuple[int, int]:
    """Return how many elements of a block are above the threshold, and how many equal to it."""
    return int(np.count_nonzero(magnitude > threshold)), int(np.count_nonzero(magnitude == threshold))


def within(magnitude: Bits, low: int, high: int) -> tuple[int, Bits]:
    """Return how many magnitudes are at or above `high`, and those from `low` to below it, in order."""
    return int(np.count_nonzero(magnitude >= high)), magnitude[(magnitude >= low) & (magnitude < high)]
