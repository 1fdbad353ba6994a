"""Chunks of tensors read into reused buffers, every byte checked, adapters applied, rows gathered.

A chunk is 2^19 elements times a factor, so it is whole 2^20-byte blocks in every floating type. The factor changes speed
and memory, never a bit. Where rows are needed whole, a chunk is read with the rest of the rows that it cuts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from merger.effective import Held
from merger.gathering import Gathering
from merger.kernels import Compiler
from merger.manifest import BLOCK, SIZES, Tensor, block_digests
from merger.passes import Raw
from merger.reduce import SPAN
from merger.sources import Source
from merger.steps import Compute, Convert, elements
from merger.weights import Weights

CHUNK = 1 << 19


Part = Callable[[int, int], Raw]
"""Returns one input from one element to before another."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One chunk's inputs, read: its own elements from `first` to before `last`, and whole rows from `begin` to before `end`."""

    first: int
    last: int
    begin: int
    end: int
    raws: Callable[[int, int], list[Raw]]
    """Returns the inputs from one element to before another, as they are stored and checked."""

    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield where each of the chunk's spans begins and ends; an empty tensor is one empty span."""
        for start in range(self.first, max(self.last, self.first + 1), SPAN):
            yield start, min(start + SPAN, self.last)

    def pieces(self) -> Iterator[tuple[int, int]]:
        """Yield where all whole spans begin and end, as one piece, and then what is left of the chunk."""
        whole = self.last - (self.last - self.first) % SPAN
        if whole > self.first:
            yield self.first, whole
        if whole < self.last or whole == self.first:
            yield whole, self.last


class Reading:
    """The inputs of a merge, read by chunk. Safe for many threads, each of which has buffers of its own."""

    def __init__(
        self, weights: Mapping[str, Weights], chunk: int, through: str | None, compiler: Compiler | None
    ) -> None:
        self._weights = weights
        self._chunk = chunk
        self._through = through
        self._factors = Held(weights, compiler)
        self._gathering = Gathering(weights)
        self._buffers = threading.local()

    def blocks(
        self, source: Source, first: int, count: int, room: Callable[[int], memoryview]
    ) -> tuple[memoryview, bytes]:
        """Return `count` blocks of a tensor from block `first` on, read into `room(length)`, and their digests."""
        if source.rows is not None:
            gathered = self._gathering.read(source, first * BLOCK, (first + count) * BLOCK)
            return gathered, block_digests(gathered)
        weights, name = self._weights[source.model], source.tensor
        view = weights.read(name, first, count, room(weights.length(name, first, count)))
        return view, weights.digests(name, first, count)

    def strip(self, source: Source, first: int, count: int) -> Raw:
        """Return `count` elements of a tensor from element `first` on, until this thread reads again."""
        stored = self._weights[source.model].tensors[source.tensor].dtype
        begin, end = first * SIZES[stored], (first + count) * SIZES[stored]
        block = begin // BLOCK
        raw = self._into(source, block, -(-end // BLOCK) - block, 0)
        return Raw(stored, raw[begin - block * BLOCK : end - block * BLOCK], self._through)

    def stretch(
        self, step: Compute | Convert, sources: Sequence[Source], number: int, row: int = 1
    ) -> Stretch:
        """Read one chunk of some inputs, with all of the rows of `row` elements that it holds a part of."""
        first, last = number * self._chunk, min((number + 1) * self._chunk, elements(step))
        begin, end = first - first % row, last + -last % row
        parts = [self._part(step, source, begin, end, slot) for slot, source in enumerate(sources)]

        def raws(start: int, stop: int) -> list[Raw]:
            return [part(start, stop) for part in parts]

        if row == 1:
            return Stretch(first, last, begin, end, raws)
        # Looked at twice, for the rows and for the merge: what an adapter makes of them is made once.
        made = [_cut(raw, begin) for raw in raws(begin, end)]
        return Stretch(first, last, begin, end, lambda start, stop: [part(start, stop) for part in made])

    def _part(self, step: Compute | Convert, source: Source, begin: int, end: int, slot: int) -> Part:
        stored = self._weights[source.model].tensors[source.tensor].dtype
        width = SIZES[stored]
        if source.rows is not None:
            data, at = self._gathering.read(source, begin * width, end * width), begin * width
        else:
            block = begin * width // BLOCK
            data, at = self._into(source, block, -(-end * width // BLOCK) - block, slot), block * BLOCK

        def part(start: int, stop: int) -> Raw:
            return self._raw(step, source, stored, data[start * width - at : stop * width - at], start)

        return part

    def whole(self, step: Compute, source: Source) -> tuple[Tensor, Iterator[tuple[int, Raw]]]:
        """Return an input as it is stored, and its pieces in order, each with its first element, checked."""
        tensor = self._weights[source.model].tensors[source.tensor]
        blocks = self._chunk * SIZES[tensor.dtype] // BLOCK

        def pieces() -> Iterator[tuple[int, Raw]]:
            for number, start in enumerate(range(0, tensor.elements, self._chunk)):
                raw = self._into(source, number * blocks, blocks, 0)
                yield start, self._raw(step, source, tensor.dtype, raw, start)

        return tensor, pieces()

    def _raw(self, step: Compute | Convert, source: Source, stored: str, data: memoryview, start: int) -> Raw:
        """Return elements as they are read; where an adapter is applied, stored in T, whatever the model's type is."""
        if isinstance(step, Compute) and source in step.statistics:
            return Raw(stored, data, None)
        if source.product is None:
            return Raw(stored, data, self._through)
        factors = self._factors.factors(step.name, source.product)
        return Raw(step.wide, factors.effective(data, stored, start, step.wide), self._through)

    def _into(self, source: Source, first: int, count: int, slot: int) -> memoryview:
        """Read blocks into this thread's buffer number `slot`, which the next reading fills anew."""
        weights, name = self._weights[source.model], source.tensor
        slots: dict[int, bytearray] = self._buffers.__dict__.setdefault("slots", {})
        need = weights.length(name, first, count)
        # A buffer that is too small is replaced, not grown: views of it may still be alive in this thread.
        if len(slots.get(slot, b"")) < need:
            slots[slot] = bytearray(need)
        return weights.read(name, first, count, slots.get(slot, bytearray()))


def _cut(raw: Raw, begin: int) -> Part:
    """Return what cuts parts out of an input that was read from element `begin` on."""
    width = SIZES[raw.stored]
    return lambda start, stop: replace(raw, data=raw.data[(start - begin) * width : (stop - begin) * width])
