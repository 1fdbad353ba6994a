"""Rows of models' tensors gathered in the order of a row map, out of blocks that were checked when they were read.

docs/arithmetic.md, "Vocabularies". Memory is bounded however a map jumps; what follows in a model is read once.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from threading import Lock

import numpy as np

from merger.manifest import BLOCK, SIZES, Tensor
from merger.sources import Gather, Source
from merger.weights import Weights

# Blocks kept: of a vocabulary in another order every chunk wants rows from everywhere.
HELD = 256


def reads(gather: Gather, tensors: Mapping[tuple[str, str], Tensor], chunk: int) -> tuple[int, int]:
    """Return the bytes read for a gathered input in chunks of so many elements: where every block is kept, where none is."""
    lent = [tensors[lender] for lender in gather.lenders]
    columns = math.prod(lent[0].shape[1:])
    width = columns * SIZES[lent[0].dtype]
    rows = np.flatnonzero(gather.whose >= 0)
    if not rows.size or not width:
        return 0, 0
    begin = gather.rows[rows] * width
    ends = [
        (begin // BLOCK, rows * columns // chunk),
        ((begin + width - 1) // BLOCK, ((rows + 1) * columns - 1) // chunk),
    ]
    every = [np.stack([gather.whose[rows], block, number]) for block, _ in ends for _, number in ends]
    wanted = np.unique(np.concatenate(every, 1), axis=1)
    sizes = np.array([tensor.size for tensor in lent])
    once, again = (
        int(np.minimum(BLOCK, sizes[whose] - block * BLOCK).sum())
        for whose, block, *_ in (np.unique(wanted[:2], axis=1), wanted)
    )
    return once, again


class Gathering:
    """The gathered inputs of a merge, as if each were one tensor on disk. Safe for many threads."""

    def __init__(self, weights: Mapping[str, Weights]) -> None:
        self._weights = weights
        self._lock = Lock()
        self._blocks: OrderedDict[tuple[str, str, int], memoryview] = OrderedDict()

    def read(self, source: Source, first: int, last: int) -> memoryview:
        """Return bytes `first` to `last` of a gathered input, without those beyond its end."""
        tensor = self._weights[source.model].tensors[source.tensor]
        width = math.prod(tensor.shape[1:]) * SIZES[tensor.dtype]
        if source.rows is None or not width:
            return memoryview(b"")
        begin, end = first // width, min(-(-last // width), len(source.rows.rows))
        found = memoryview(bytearray((end - begin) * width))
        for row, count, lender, place in self._runs(source, begin, end):
            into = found[(row - begin) * width : (row - begin + count) * width]
            self._copy(lender, place * width, into)
        return found[first - begin * width : last - begin * width]

    def _runs(self, source: Source, begin: int, end: int) -> Iterator[tuple[int, int, tuple[str, str], int]]:
        """Yield rows that follow each other in one tensor: first row, how many, the tensor, its first row. +0 is left out."""
        if source.rows is None or begin >= end:
            return
        whose, rows = source.rows.whose[begin:end], source.rows.rows[begin:end]
        breaks = (np.diff(whose) != 0) | (np.diff(rows) != 1)
        starts = [0, *(np.flatnonzero(breaks) + 1).tolist(), end - begin]
        for start, stop in pairwise(starts):
            if whose[start] >= 0:
                yield begin + start, stop - start, source.rows.lenders[whose[start]], int(rows[start])

    def _copy(self, lender: tuple[str, str], start: int, into: memoryview) -> None:
        at = 0
        while at < len(into):
            number, within = divmod(start + at, BLOCK)
            piece = self._block(lender, number)[within : within + len(into) - at]
            into[at : at + len(piece)] = piece
            at += len(piece)

    def _block(self, lender: tuple[str, str], number: int) -> memoryview:
        """Return one checked block of a tensor, from memory if it is there."""
        model, tensor = lender
        key = model, tensor, number
        with self._lock:
            if key in self._blocks:
                self._blocks.move_to_end(key)
                return self._blocks[key]
        weights = self._weights[model]
        # Outside the lock: two threads may read a block twice, which costs time and changes nothing.
        found = weights.read(tensor, number, 1, bytearray(weights.length(tensor, number, 1)))
        with self._lock:
            self._blocks[key] = found
            while len(self._blocks) > HELD:
                self._blocks.popitem(last=False)
        return found
