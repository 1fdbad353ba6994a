"""One chunk of one tensor: read and checked, widened, merged, narrowed.

Inside a chunk, work goes by spans of 2^16 elements, which stay in the processor's cache and are what sums and
selections count by. A span is one compiled pass where a pass may speak, and a composition of kernels elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from merger.kernels import B, Bits, Kernels, Wide
from merger.manifest import BLOCK, SIZES
from merger.passes import Masks, Passes, Raw
from merger.plan import Compute, Convert, Copy, Step, elements
from merger.reading import CHUNK, Reading
from merger.recipe import DTYPES, Recipe
from merger.reduce import SPAN, block_sum
from merger.seeds import lanes
from merger.select import RADIX, Counts, Search, Selection, tally, within
from merger.sources import Source
from merger.stack import Part, Stack, Stretch
from merger.weights import Weights
from signing.errors import Malformed

# Of how many ranked magnitudes one is enough for a sample.
SAMPLED = 8

R = TypeVar("R")

# What is not finite is counted and refused by name, unless the recipe allows it: NumPy's warnings add nothing.
_QUIET = np.errstate(all="ignore")


@dataclass(frozen=True, slots=True)
class Span(Generic[B]):
    """Up to 2^16 elements in T: the base's and each parent's."""

    base: B | None
    parents: list[B]


@dataclass(slots=True)
class Output:
    """A finished chunk: its bytes, and how many inputs and outputs in it were not finite."""

    data: bytes | memoryview
    odd_inputs: int = 0
    odd_outputs: int = 0


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
        self._through = DTYPES[recipe.dtype] if recipe.dtype else None
        self._kernels: dict[Wide, Kernels[B]] = {"F32": kernels("F32"), "F64": kernels("F64")}
        compiler = self._kernels["F32"].compiler
        self._passes = Passes(recipe.rules, self._through, compiler) if compiler else None
        self._reading = Reading(weights, self.chunk)

    def numbers(self, step: Step) -> range:
        """Return the numbers of the step's chunks; a copy's chunks are counted in bytes."""
        if isinstance(step, Copy):
            size = elements(step) * SIZES[step.dtype]
            return range(-(-size // (BLOCK * (self.chunk // CHUNK))))
        return range(-(-elements(step) // self.chunk))

    @_QUIET
    def output(
        self, step: Step, number: int, scalars: Any = None, selections: Sequence[Selection] = ()
    ) -> Output:
        """Return one finished chunk of the step."""
        output = Output(b"")
        match step:
            case Copy():
                blocks = self.chunk // CHUNK
                output.data = self._reading.blocks(step.source, number * blocks, blocks)
            case Convert():
                k = self._kernels[step.wide]
                pieces = []
                for start, raws in self._reading.spans(step, [step.source], number):
                    x = self._finite(k, raws[0], step.source, start, output)
                    pieces.append(self._narrowed(k, x, step, start, output))
                output.data = b"".join(pieces)
            case Compute():
                width = SIZES[step.dtype]
                first = number * self.chunk
                target = memoryview(bytearray(min(self.chunk, elements(step) - first) * width))
                for start, raws in self._reading.spans(step, step.sources, number):
                    into = target[(start - first) * width : (start - first + SPAN) * width]
                    self._merged(step, start, raws, scalars, selections, output, into)
                output.data = target
            case Stack():
                first = number * self.chunk
                last = min(first + self.chunk, elements(step))
                output.data = memoryview(self._stacked(step, first, last, output))
        return output

    def part(self, step: Stack, flat: int) -> tuple[Part, B]:
        """Return the part of a stack that holds an element of the result, and that element in T."""
        (stretch,) = step.stretches(flat, flat + 1)
        return stretch.part, self._part(step, stretch, Output(b""))

    @_QUIET
    def sums(
        self, step: Compute, number: int, selections: Sequence[Selection] = ()
    ) -> dict[str, list[float]]:
        """Return the block values of each of the method's sums over one chunk, by name."""
        found: dict[str, list[float]] = {}
        for start, raws in self._reading.spans(step, step.sources, number):
            drawn = self._lanes(step, start, raws)
            masks = self._masks(step, start, drawn, selections)
            values = self._passes.summed(step, raws, masks) if self._passes and masks else None
            if values is None:
                k, span = self._kernels[step.wide], self._span(step, raws)
                kept = self._kept(k, step, start, span, drawn, selections)
                sums = self.recipe.rules.sums
                terms = sums(k, span.base, span.parents, kept) if sums else {}
                values = {name: block_sum(term) for name, term in terms.items()}
            for name, value in values.items():
                found.setdefault(name, []).extend([value] if len(raws[0].data) else [])
        return found

    @_QUIET
    def digits(self, step: Compute, number: int, searches: Sequence[tuple[int, Search]]) -> list[Counts]:
        """Count, per search of a ranked quantity, the next digits of its magnitudes in one chunk."""
        counts = [np.zeros(RADIX, np.int64) for _ in searches]
        for _, raws in self._reading.spans(step, step.sources, number):
            magnitudes = self._ranked(step, raws)
            for i, (quantity, search) in enumerate(searches):
                counts[i] += search.digits(magnitudes[quantity])
        return counts

    @_QUIET
    def tally(
        self, step: Compute, number: int, bounds: Sequence[tuple[int, int]]
    ) -> list[list[tuple[int, int]]]:
        """Return, per threshold of a ranked quantity and span, how many magnitudes are above it and how many equal."""
        columns: list[list[tuple[int, int]]] = [[] for _ in bounds]
        for _, raws in self._reading.spans(step, step.sources, number):
            magnitudes = self._ranked(step, raws)
            for column, (quantity, bound) in zip(columns, bounds, strict=True):
                column.append(tally(magnitudes[quantity], bound))
        return columns

    @_QUIET
    def sampled(self, step: Compute, number: int) -> list[Bits]:
        """Return every eighth ranked magnitude of one chunk, quantity by quantity."""
        spans = [
            [one[::SAMPLED].copy() for one in self._ranked(step, raws)]
            for _, raws in self._reading.spans(step, step.sources, number)
        ]
        return [np.concatenate(found) for found in zip(*spans, strict=True)]

    @_QUIET
    def windowed(
        self, step: Compute, number: int, windows: Sequence[tuple[int, int, int]]
    ) -> list[list[tuple[int, Bits]]]:
        """Return, per (quantity, low, high) and span, how many magnitudes are at or above high, and those between."""
        columns: list[list[tuple[int, Bits]]] = [[] for _ in windows]
        for _, raws in self._reading.spans(step, step.sources, number):
            magnitudes = self._ranked(step, raws)
            for column, (quantity, low, high) in zip(columns, windows, strict=True):
                one = magnitudes[quantity]
                column.append(
                    self._passes.windowed(one, low, high) if self._passes else within(one, low, high)
                )
        return columns

    def spans(
        self, step: Compute, number: int, selections: Sequence[Selection] = ()
    ) -> Iterator[tuple[int, Span[B], list[B]]]:
        """Yield what the method is given of one chunk: first element, inputs in T, masks of kept elements, by span."""
        k = self._kernels[step.wide]
        for start, raws in self._reading.spans(step, step.sources, number):
            span = self._span(step, raws)
            yield start, span, self._kept(k, step, start, span, self._lanes(step, start, raws), selections)

    def _merged(
        self,
        step: Compute,
        start: int,
        raws: Sequence[Raw],
        scalars: Any,
        selections: Sequence[Selection],
        output: Output,
        into: memoryview,
    ) -> None:
        drawn = self._lanes(step, start, raws)
        masks = self._masks(step, start, drawn, selections)
        if self._passes and masks and self._passes.merged(step, scalars, raws, masks, into):
            return
        k = self._kernels[step.wide]
        blocks = {
            source: self._finite(k, raw, source, start, output)
            for source, raw in zip(step.sources, raws, strict=True)
        }
        span = _span(step, blocks)
        kept = self._kept(k, step, start, span, drawn, selections)
        merged = self.recipe.rules.merge(k, span.base, span.parents, kept, scalars)
        into[:] = self._narrowed(k, merged, step, start, output)

    def _stacked(self, step: Stack, start: int, stop: int, output: Output) -> bytearray:
        """Return elements `start` to `stop` of a stack, narrowed."""
        k, merge = self._kernels[step.wide], self.recipe.rules.merge

        def made(stretch: Stretch) -> bytes:
            x = self._part(step, stretch, output)
            return k.narrow(merge(k, None, [x], (), stretch.part.factor), step.dtype)

        data = step.laid_out(start, stop, made)
        written = k.widen(memoryview(data), step.dtype, None)
        output.odd_outputs += self._odd(k, written, f"{step.name} as merged", start)
        return data

    def _part(self, step: Stack, stretch: Stretch, output: Output) -> B:
        source = stretch.part.source
        raw = self._reading.stretch(source, stretch.first, stretch.rows * stretch.width)
        return self._finite(self._kernels[step.wide], raw, source, stretch.first, output)

    def _ranked(self, step: Compute, raws: Sequence[Raw]) -> Sequence[Bits]:
        found = self._passes.ranked(step, raws) if self._passes else None
        return self._magnitudes(self._kernels[step.wide], self._span(step, raws)) if found is None else found

    def _magnitudes(self, k: Kernels[B], span: Span[B]) -> list[Bits]:
        ranks = self.recipe.rules.ranks
        return [k.magnitude(x) for x in ranks(k, span.base, span.parents)] if ranks else []

    def _lanes(self, step: Compute, start: int, raws: Sequence[Raw]) -> list[NDArray[np.uint16]]:
        count = len(raws[0].data) // SIZES[raws[0].stored]
        draw = self._passes.lanes if self._passes else lanes
        return [draw(key, start, count) for key in step.keys]

    def _masks(
        self,
        step: Compute,
        start: int,
        drawn: Sequence[NDArray[np.uint16]],
        selections: Sequence[Selection],
    ) -> Masks | None:
        """Return what a compiled pass keeps by, or nothing where only some of a span's equals are kept."""
        if step.keys:
            return Masks(drawn, step.bounds)
        bounds = [bound for selection in selections for bound in selection.bounds(start // SPAN)]
        return None if None in bounds else Masks((), [bound for bound in bounds if bound is not None])

    def _kept(
        self,
        k: Kernels[B],
        step: Compute,
        start: int,
        span: Span[B],
        drawn: Sequence[NDArray[np.uint16]],
        selections: Sequence[Selection],
    ) -> list[B]:
        if step.keys:
            return [k.below(lane, bound) for lane, bound in zip(drawn, step.bounds, strict=True)]
        if not selections:
            return []
        ranked = zip(selections, self._magnitudes(k, span), strict=True)
        return [k.mask(selection.kept(m, start // SPAN)) for selection, m in ranked]

    def _span(self, step: Compute, raws: Sequence[Raw]) -> Span[B]:
        k = self._kernels[step.wide]
        blocks = [k.widen(raw.data, raw.stored, self._through) for raw in raws]
        return _span(step, dict(zip(step.sources, blocks, strict=True)))

    def _finite(self, k: Kernels[B], raw: Raw, source: Source, start: int, output: Output) -> B:
        x = k.widen(raw.data, raw.stored, self._through)
        output.odd_inputs += self._odd(k, x, str(source), start)
        return x

    def _narrowed(
        self, k: Kernels[B], merged: B, step: Compute | Convert, start: int, output: Output
    ) -> bytes:
        data = k.narrow(merged, step.dtype)
        # The narrowed value decides: a finite fp32 may overflow fp16, and an fp64 anything.
        written = k.widen(memoryview(data), step.dtype, None)
        output.odd_outputs += self._odd(k, written, f"{step.name} as merged", start)
        return data

    def _odd(self, k: Kernels[B], x: B, what: str, start: int) -> int:
        odd = k.not_finite(x)
        if odd and not self.recipe.allow_nonfinite:
            raise Malformed(
                f"{what}: element {start + odd[0]} is NaN or infinite; set allow_nonfinite: true to merge it all the same"
            )
        return len(odd)


def _span(step: Compute, blocks: Mapping[Source, B]) -> Span[B]:
    return Span(blocks[step.base] if step.base else None, [blocks[parent] for parent in step.parents])
