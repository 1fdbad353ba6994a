"""Chunks of tensors read into reused buffers, every byte checked, adapters applied, rows gathered.

A chunk is 2^19 elements times a factor, so it is whole 2^20-byte blocks in every floating type. The factor changes speed
and memory, never a bit.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence

from merger.effective import Held
from merger.gathering import Gathering
from merger.manifest import BLOCK, SIZES
from merger.passes import Raw
from merger.plan import Compute, Convert, elements
from merger.reduce import SPAN
from merger.sources import Source
from merger.weights import Weights

CHUNK = 1 << 19


class Reading:
    """The inputs of a merge, read by chunk. Safe for many threads, each of which has buffers of its own."""

    def __init__(self, weights: Mapping[str, Weights], chunk: int) -> None:
        self._weights = weights
        self._chunk = chunk
        self._factors = Held(weights)
        self._gathering = Gathering(weights)
        self._buffers = threading.local()

    def blocks(self, source: Source, first: int, count: int) -> memoryview:
        """Return `count` blocks of a tensor from block `first` on, in memory of their own."""
        if source.rows is not None:
            return self._gathering.read(source, first * BLOCK, (first + count) * BLOCK)
        weights = self._weights[source.model]
        need = weights.length(source.tensor, first, count)
        return weights.read(source.tensor, first, count, bytearray(need))

    def spans(
        self, step: Compute | Convert, sources: Sequence[Source], number: int
    ) -> Iterator[tuple[int, list[Raw]]]:
        """Yield one chunk's spans as they are stored and checked; an empty tensor is one empty span."""
        first, last = number * self._chunk, min((number + 1) * self._chunk, elements(step))
        found = []
        for slot, source in enumerate(sources):
            stored = self._weights[source.model].tensors[source.tensor].dtype
            width = SIZES[stored]
            if source.rows is not None:
                raw = self._gathering.read(source, first * width, last * width)
            else:
                blocks = -(-(last - first) * width // BLOCK)
                raw = self._into(source, first * width // BLOCK, blocks, slot)
            found.append((stored, width, raw))
        for start in range(first, max(last, first + 1), SPAN):
            stop = min(start + SPAN, last)
            raws = [Raw(s, raw[(start - first) * w : (stop - first) * w]) for s, w, raw in found]
            pairs = zip(sources, raws, strict=True)
            yield start, [self._effective(step, source, raw, start) for source, raw in pairs]

    def _effective(self, step: Compute | Convert, source: Source, raw: Raw, start: int) -> Raw:
        """Return what an adapter makes of a span, where one is applied: stored in T, whatever the model's type is."""
        if source.product is None:
            return raw
        factors = self._factors.factors(step.name, source.product)
        return Raw(step.wide, factors.effective(raw.data, raw.stored, start, step.wide))

    def _into(self, source: Source, first: int, count: int, slot: int) -> memoryview:
        """Read blocks into this thread's buffer number `slot`, which the next reading fills anew."""
        weights, name = self._weights[source.model], source.tensor
        slots: dict[int, bytearray] = self._buffers.__dict__.setdefault("slots", {})
        need = weights.length(name, first, count)
        # A buffer that is too small is replaced, not grown: views of it may still be alive in this thread.
        if len(slots.get(slot, b"")) < need:
            slots[slot] = bytearray(need)
        return weights.read(name, first, count, slots.get(slot, bytearray()))
