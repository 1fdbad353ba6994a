"""Which elements of an artifact's tensors are sketched: the same ones wherever the tensors have the same shapes.

They are drawn by the generator that masks are drawn with (`merger.seeds`), and spread over all tensors in proportion to the square root of
each one's size: by size alone a vocabulary would have them all. Names play no part in the choice, so that an artifact whose
tensors were renamed is still sketched in the same places.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from merger.seeds import words
from signing import canonical
from signing.digest import sha256_hex

# How many elements are drawn in all, and of each tensor at least.
ELEMENTS, LEAST = 8192, 8
# A large tensor is read in so many places of so many elements, and not from end to end.
PLACES, STRETCH = 2, 1 << 18

Shape = tuple[int, ...]


def family(shapes: Iterable[Shape]) -> str:
    """Return what names an architecture by the shapes of its tensors alone (64 hex digits)."""
    return sha256_hex(canonical.encode([list(shape) for shape in sorted(shapes)]))


def drawn(shapes: Iterable[Shape]) -> Mapping[Shape, NDArray[np.int64]]:
    """Return, for an architecture of these shapes, which elements of a tensor of each shape are drawn, in order."""
    every = list(shapes)
    own = family(every)
    whole = sum(math.isqrt(math.prod(shape)) for shape in every)
    return {
        shape: _elements(own, shape, max(LEAST, ELEMENTS * math.isqrt(math.prod(shape)) // max(whole, 1)))
        for shape in dict.fromkeys(every)
    }


def _elements(own: str, shape: Shape, count: int) -> NDArray[np.int64]:
    """Draw about `count` elements of a tensor of this shape, or all if it has no more, in order."""
    size = math.prod(shape)
    if size <= count:
        return np.arange(size)
    if size <= 4 * count:
        return np.sort(np.argsort(words(_key(own, shape, "elements"), size), kind="stable")[:count])
    stretches = -(-size // STRETCH)
    lots = words(_key(own, shape, "places"), stretches)
    # The few lowest, without sorting millions.
    low = np.flatnonzero(lots <= np.partition(lots, min(PLACES, stretches) - 1)[min(PLACES, stretches) - 1])
    chosen = low[np.argsort(lots[low], kind="stable")][:PLACES]
    within = min(size, len(chosen) * STRETCH)
    # The last stretch may be short: what would lie beyond its end is passed over, like what is drawn twice.
    at = (words(_key(own, shape, "elements"), 4 * count) % np.uint64(within)).astype(np.int64)
    elements = np.sort(chosen)[at // STRETCH] * STRETCH + at % STRETCH
    elements = elements[elements < size]
    _, first = np.unique(elements, return_index=True)
    return np.sort(elements[np.sort(first)[:count]])


def _key(own: str, shape: Shape, what: str) -> int:
    said = canonical.encode({"family": own, "shape": list(shape), "what": f"studbook/sketch/1/{what}"})
    return int.from_bytes(hashlib.sha256(said).digest()[:16], "little")
