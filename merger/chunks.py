"""One chunk of one tensor: read and checked, widened, merged, narrowed.

Inside a chunk, work goes by spans (`spans`), which are what sums and selections count by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from merger.finite import Finite, Output
from merger.kernels import B, Bits, Kernels, Wide
from merger.kernels.blocks import NumpyKernels
from merger.manifest import BLOCK, SIZES, block_digests
from merger.passes import Passes, Raw
from merger.reading import CHUNK, Reading
from merger.recipe import DTYPES, Recipe
from merger.rows import Rows
from merger.select import RADIX, Counts, Search, Selection, tally
from merger.spans import Span, Spans
from merger.stack import Part, Stack, Strip
from merger.steps import Compute, Convert, Copy, Step, elements
from merger.weights import Weights
from merger.whole import Whole

# Of how many ranked magnitudes one is enough for a sample.
SAMPLED = 16

R = TypeVar("R")

# What is not finite is counted and refused by name, unless the recipe allows it: NumPy's warnings add nothing.
_QUIET = np.errstate(all="ignore")


class Run(Protocol):
    """Apply a function to chunk numbers, results in order: `map`, or a pool's."""

    def __call__(self, work: Callable[[int], R], numbers: Iterable[int], /) -> Iterator[R]:
        """Yield `work(n)` for every n of `numbers`, in order."""


class Chunks(Generic[B]):
    """Everything a thread needs to work on any chunk of any step."""

    def __init__(
        self,
        recipe: Recipe,
        weights: Mapping[str, Weights],
        kernels: Callable[[Wide], Kernels[B]],
        factor: int = 1,
    ) -> None:
        self.recipe = recipe
        self.chunk = CHUNK * factor
        self._kernels: dict[Wide, Kernels[B]] = {"F32": kernels("F32"), "F64": kernels("F64")}
        compiler = self._kernels["F32"].compiler
        through = DTYPES[recipe.dtype] if recipe.dtype else None
        self._reading = Reading(weights, self.chunk, through, compiler)
        self._finite = Finite(recipe.allow_nonfinite)
        passes = Passes(recipe.rules, compiler) if compiler else None
        self._spans = Spans(recipe.rules, self._kernels, passes, self._finite)
        self._rows = Rows(recipe.rules.rows) if recipe.rules.rows else None
        self._spare: SimpleQueue[bytearray] = SimpleQueue()
        self.whole = Whole(recipe.rules, self._reading, self._finite)

    def numbers(self, step: Step) -> range:
        """Return the numbers of the step's chunks; a copy's chunks are counted in bytes."""
        if isinstance(step, Copy):
            size = elements(step) * SIZES[step.dtype]
            return range(-(-size // (BLOCK * (self.chunk // CHUNK))))
        return range(-(-elements(step) // self.size(step)))

    def size(self, step: Convert | Compute | Stack) -> int:
        """Return how many elements a chunk of the step has; the last may have fewer."""
        return max(1, elements(step)) if isinstance(step, Compute) and step.whole else self.chunk

    @_QUIET
    def output(
        self, step: Step, number: int, scalars: Any = None, selections: Sequence[Selection] = ()
    ) -> Output:
        """Return one finished chunk of the step."""
        output = Output(b"")
        match step:
            case Copy():
                blocks = self.chunk // CHUNK
                output.data, output.digests = self._reading.blocks(
                    step.source, number * blocks, blocks, self._room
                )
                return output
            case Convert():
                k = self._kernels[step.wide]
                pieces = []
                stretch = self._reading.stretch(step, [step.source], number)
                for start, stop in stretch.spans():
                    (raw,) = stretch.raws(start, stop)
                    x = self._finite.widened(k, raw, step.source, start, output)
                    pieces.append(self._finite.narrowed(k, x, step, start, output))
                output.data = b"".join(pieces)
            case Compute(moved=Copy() | Convert() as taken):
                data = bytearray()
                for piece in (self.output(taken, n) for n in self.numbers(taken)):
                    data += piece.data
                    output.odd_inputs += piece.odd_inputs
                    output.odd_outputs += piece.odd_outputs
                output.data = self.whole.moved(step, data, output)
            case Compute(whole=True):
                made = self.whole.merged(step, scalars, output)
                output.data = self._finite.narrowed(NumpyKernels(step.wide), made, step, 0, output)
            case Compute():
                width = SIZES[step.dtype]
                first = number * self.chunk
                target = self._room(min(self.chunk, elements(step) - first) * width)
                for start, raws in self._given(step, number, straight=self._spans.straight(step)):
                    count = len(raws[0].data) // SIZES[raws[0].stored]
                    into = target[(start - first) * width : (start - first + count) * width]
                    self._spans.merged(step, start, raws, scalars, selections, output, into)
                output.data = target
            case Stack():
                first = number * self.chunk
                last = min(first + self.chunk, elements(step))
                output.data = memoryview(self._stacked(step, first, last, output))
        output.digests = block_digests(output.data)
        return output

    def part(self, step: Stack, flat: int) -> tuple[Part, B]:
        """Return the part of a stack that holds an element of the result, and that element in T."""
        (strip,) = step.strips(flat, flat + 1)
        return strip.part, self._strip(step, strip, Output(b""))

    def free(self, output: Output) -> None:
        """Take back the memory of a chunk that nobody reads any more: fresh memory costs as much as merging."""
        if isinstance(output.data, memoryview) and isinstance(output.data.obj, bytearray):
            self._spare.put(output.data.obj)
            output.data = b""

    def _room(self, size: int) -> memoryview:
        """Return memory for the bytes of a chunk, freed or fresh."""
        try:
            found = self._spare.get_nowait()
        except Empty:
            found = bytearray()
        return memoryview(found if len(found) >= size else bytearray(size))[:size]

    @_QUIET
    def sums(
        self, step: Compute, number: int, selections: Sequence[Selection] = ()
    ) -> dict[str, list[float]]:
        """Return the block values of each of the method's sums over one chunk, by name."""
        if self.recipe.rules.terms is not None:
            return self.whole.sums(step)
        found: dict[str, list[float]] = {}
        for start, raws in self._given(step, number):
            values = self._spans.summed(step, start, raws, selections)
            for name, value in values.items():
                found.setdefault(name, []).extend([value] if len(raws[0].data) else [])
        return found

    @_QUIET
    def digits(self, step: Compute, number: int, searches: Sequence[tuple[int, Search]]) -> list[Counts]:
        """Count, per search of a ranked quantity, the next digits of its magnitudes in one chunk."""
        counts = [np.zeros(RADIX, np.int64) for _ in searches]
        for _, raws in self._given(step, number):
            magnitudes = self._spans.ranked(step, raws)
            for i, (quantity, search) in enumerate(searches):
                counts[i] += search.digits(magnitudes[quantity])
        return counts

    @_QUIET
    def tally(
        self, step: Compute, number: int, bounds: Sequence[tuple[int, int]]
    ) -> list[list[tuple[int, int]]]:
        """Return, per threshold of a ranked quantity and span, how many magnitudes are above it and how many equal."""
        columns: list[list[tuple[int, int]]] = [[] for _ in bounds]
        for _, raws in self._given(step, number):
            magnitudes = self._spans.ranked(step, raws)
            for column, (quantity, bound) in zip(columns, bounds, strict=True):
                column.append(tally(magnitudes[quantity], bound))
        return columns

    @_QUIET
    def sampled(self, step: Compute, number: int) -> list[Bits]:
        """Return every 16th ranked magnitude of one chunk, quantity by quantity."""
        spans = [
            [one[::SAMPLED].copy() for one in self._spans.ranked(step, raws)]
            for _, raws in self._given(step, number)
        ]
        return [np.concatenate(found) for found in zip(*spans, strict=True)]

    @_QUIET
    def windowed(
        self, step: Compute, number: int, windows: Sequence[tuple[int, int, int]]
    ) -> list[list[tuple[int, Bits]]]:
        """Return, per (quantity, low, high) and span, how many magnitudes are at or above high, and those between."""
        columns: list[list[tuple[int, Bits]]] = [[] for _ in windows]
        for _, raws in self._given(step, number):
            magnitudes = self._spans.ranked(step, raws)
            for column, (quantity, low, high) in zip(columns, windows, strict=True):
                one = magnitudes[quantity]
                column.append(self._spans.windowed(one, low, high))
        return columns

    def spans(
        self, step: Compute, number: int, selections: Sequence[Selection] = ()
    ) -> Iterator[tuple[int, Span[B], list[B]]]:
        """Yield what the method is given of one chunk: first element, inputs in T, masks of kept elements, by span."""
        for start, raws in self._given(step, number):
            yield start, *self._spans.inputs(step, start, raws, selections)

    def _given(
        self, step: Compute, number: int, *, straight: bool = False
    ) -> Iterator[tuple[int, list[Raw]]]:
        """Yield one chunk's spans, or its spans in one piece: inputs as stored, and after them what was made of whole rows."""
        stretch = self._reading.stretch(step, step.sources, number, step.row)
        rows = self._rows.blocks(step, number, stretch) if self._rows and step.rows else None
        for start, stop in stretch.pieces() if straight else stretch.spans():
            yield start, stretch.raws(start, stop) + (rows.raws(start, stop) if rows else [])

    def _stacked(self, step: Stack, start: int, stop: int, output: Output) -> bytearray:
        """Return elements `start` to `stop` of a stack, narrowed."""
        k, merge = self._kernels[step.wide], self.recipe.rules.merge

        def made(strip: Strip) -> bytes:
            x = self._strip(step, strip, output)
            return k.narrow(merge(k, None, [x], (), strip.part.factor), step.dtype)

        data = step.laid_out(start, stop, made)
        self._finite.written(k, memoryview(data), step, start, output)
        return data

    def _strip(self, step: Stack, strip: Strip, output: Output) -> B:
        source = strip.part.source
        raw = self._reading.strip(source, strip.first, strip.rows * strip.width)
        return self._finite.widened(self._kernels[step.wide], raw, source, strip.first, output)
