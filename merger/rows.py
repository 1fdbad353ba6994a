"""What a method must know of whole rows: numbers in T for every element, or for every row, beside the inputs of a chunk.

docs/arithmetic.md, "Rows". A row is the run of a tensor's last dimension, so what follows from it is a function of
places in the inputs alone, and no witness of it is needed: whoever derives a chunk reads its rows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from merger.kernels import Wide, narrowing
from merger.kernels.blocks import NumpyKernels
from merger.method import RowFunction
from merger.passes import Raw
from merger.reading import Stretch
from merger.reduce import SPAN
from merger.steps import Compute

# Numbers per row are few and dear: passes over the same tensor find them here, as far as they fit into so many bytes.
HELD = 64 << 20
_FLOAT: dict[Wide, Any] = {"F32": np.float32, "F64": np.float64}


@dataclass(frozen=True, slots=True)
class RowBlocks:
    """What is known of the rows of `size` elements from element `begin` on: arrays of shape (rows, size) or (rows, 1)."""

    wide: Wide
    begin: int
    size: int
    arrays: Sequence[NDArray[Any]]

    def raws(self, start: int, stop: int) -> list[Raw]:
        """Return the numbers of the elements from `start` to before `stop`, a number of a row for each of its elements."""
        return [Raw(self.wide, self._part(one, start, stop)) for one in self.arrays]

    def _part(self, one: NDArray[Any], start: int, stop: int) -> memoryview:
        start, stop = start - self.begin, stop - self.begin
        if one.shape[1] == self.size:
            part = one.reshape(-1)[start:stop]
        else:
            first, last = start // self.size, -(-stop // self.size)
            counts = np.minimum(np.arange(first + 1, last + 1) * self.size, stop)
            part = np.repeat(one[first:last, 0], np.diff(counts, prepend=start))
        return part.view(np.uint8).data


class Rows:
    """The rows of one method under one recipe. Safe for many threads."""

    def __init__(self, known: RowFunction) -> None:
        self._known = known
        self._lock = Lock()
        self._held: OrderedDict[tuple[Any, ...], RowBlocks] = OrderedDict()
        self._bytes = 0

    def blocks(self, step: Compute, number: int, stretch: Stretch) -> RowBlocks:
        """Return what the method knows of the rows that chunk `number` of a step holds a part of."""
        key = (step.name, step.shape, number)
        with self._lock:
            found = self._held.get(key)
        return self._made(step, stretch, key) if found is None else found

    def _made(self, step: Compute, stretch: Stretch, key: tuple[Any, ...]) -> RowBlocks:
        # A few rows at a time stay in the processor's cache, and so does all that a method makes on the way.
        stride = max(1, SPAN // step.row) * step.row
        made = [
            self._some(step, stretch, start, min(start + stride, stretch.end))
            for start in range(stretch.begin, max(stretch.end, stretch.begin + 1), stride)
        ]
        joined = [np.concatenate(parts) for parts in zip(*made, strict=True)]
        blocks = RowBlocks(step.wide, stretch.begin, step.row, joined)
        if all(one.shape[1] < step.row for one in blocks.arrays):
            self._hold(key, blocks)
        return blocks

    def _some(self, step: Compute, stretch: Stretch, start: int, stop: int) -> list[NDArray[Any]]:
        found = {}
        for source, raw in zip(step.sources, stretch.raws(start, stop), strict=True):
            flat = narrowing.widen(raw.data, raw.stored, raw.through)
            found[source] = flat.astype(_FLOAT[step.wide], copy=False).reshape(-1, step.row)
        base = found[step.base] if step.base else None
        parents = [found[parent] for parent in step.parents]
        return self._known(NumpyKernels(step.wide), step.values, base, parents)

    def _hold(self, key: tuple[Any, ...], blocks: RowBlocks) -> None:
        with self._lock:
            if key not in self._held:
                self._held[key] = blocks
                self._bytes += _size(blocks)
            while self._bytes > HELD:
                self._bytes -= _size(self._held.popitem(last=False)[1])


def _size(blocks: RowBlocks) -> int:
    return sum(one.nbytes for one in blocks.arrays)
