"""Compare two derivations of the same artifact: the same bytes, or which tensors differ, by how much and where.

A verdict is `Same` or `Differs`; there is no "close enough". The distance in units in the last place is given because
it tells a wrong rounding from a wrong merge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from merger.manifest import BLOCK, FLOATS, SIZES, Manifest, Tensor, utf8
from merger.weights import Weights

_BITS: dict[int, np.dtype[Any]] = {
    1: np.dtype("u1"),
    2: np.dtype("<u2"),
    4: np.dtype("<u4"),
    8: np.dtype("<u8"),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One tensor that differs: the first differing flat index, and the largest distance in ulps.

    `first` is None where the two cannot be compared element by element (type, shape or presence differs); `ulp` is
    None there and for types that are not floating point. Both are None where only digests are at hand.
    """

    tensor: str
    first: int | None
    ulp: int | None


@dataclass(frozen=True, slots=True)
class Same:
    """Every file of the two is the same."""


@dataclass(frozen=True, slots=True)
class Differs:
    """What differs: tensors with their distance, and names of other files."""

    tensors: tuple[Difference, ...]
    files: tuple[str, ...]

    def names(self) -> tuple[str, ...]:
        """Return the names of all that differs, tensors first."""
        return tuple(d.tensor for d in self.tensors) + self.files


def compare(one: Manifest, other: Manifest, weights: tuple[Weights, Weights] | None = None) -> Same | Differs:
    """Compare two artifacts by their manifests; `weights`, both opened, tell how far and where tensors differ."""
    mine = {tensor.name: tensor for tensor in one.tensors}
    theirs = {tensor.name: tensor for tensor in other.tensors}
    names = utf8({*mine, *theirs})
    odd = [name for name in names if _digest(mine.get(name)) != _digest(theirs.get(name))]
    tensors = tuple(_difference(name, mine.get(name), theirs.get(name), weights) for name in odd)
    digests = [{file.name: file.sha256 for file in manifest.files} for manifest in (one, other)]
    files = tuple(
        name for name in utf8({*digests[0], *digests[1]}) if digests[0].get(name) != digests[1].get(name)
    )
    return Differs(tensors, files) if tensors or files else Same()


def _digest(tensor: Tensor | None) -> tuple[str, tuple[int, ...], str] | None:
    return None if tensor is None else (tensor.dtype, tensor.shape, tensor.digest)


def _difference(
    name: str, mine: Tensor | None, theirs: Tensor | None, weights: tuple[Weights, Weights] | None
) -> Difference:
    if mine is None or theirs is None or weights is None:
        return Difference(name, None, None)
    if (mine.dtype, mine.shape) != (theirs.dtype, theirs.shape):
        return Difference(name, None, None)
    first: int | None = None
    furthest = 0
    for odd, apart in distances(mine, *weights):
        if len(odd):
            first = int(odd[0]) if first is None else first
            furthest = max(furthest, int(apart.max()))
    return Difference(name, first, furthest if mine.dtype in FLOATS else None)


def distances(
    tensor: Tensor, one: Weights, other: Weights
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.uint64]]]:
    """Yield, block by block, the flat indices at which two stored tensors differ, and how many ulps apart they are."""
    buffers = bytearray(BLOCK), bytearray(BLOCK)
    for block in range(tensor.blocks):
        pair = zip((one, other), buffers, strict=True)
        x, y = (patterns(w.read(tensor.name, block, 1, buffer), tensor.dtype) for w, buffer in pair)
        odd = np.flatnonzero(x != y)
        yield odd + block * BLOCK // SIZES[tensor.dtype], apart(x[odd], y[odd])


def patterns(data: bytes | memoryview, dtype: str) -> NDArray[Any]:
    """Return the bit patterns of stored elements as unsigned integers."""
    return np.frombuffer(data, _BITS[SIZES[dtype]])


def apart(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.uint64]:
    """Return how many units in the last place lie between the numbers of two arrays of bit patterns."""
    a, b = ordered(one), ordered(other)
    distance: NDArray[np.uint64] = np.maximum(a, b) - np.minimum(a, b)
    return distance


def ordered(bits: NDArray[Any]) -> NDArray[np.uint64]:
    """Map bit patterns to unsigned integers in the order of the numbers they stand for: neighbours are one apart."""
    sign = 1 << (bits.dtype.itemsize * 8 - 1)
    ordered: NDArray[np.uint64] = np.where(bits >= sign, ~bits, bits | bits.dtype.type(sign)).astype(
        np.uint64
    )
    return ordered
