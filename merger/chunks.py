"""One chunk of one tensor: read and checked, widened, merged, narrowed.

A chunk is 2^19 elements times a factor, so it is whole 2^20-byte blocks in every floating type; inside, work goes by
2^16 elements, which stay in the processor's cache and are the spans that sums and selections count by. The factor
changes speed and memory, never a bit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np

from merger.kernels import B, Bits, Kernels, Wide
from merger.manifest import BLOCK, SIZES
from merger.plan import Compute, Convert, Copy, Step, elements
from merger.recipe import DTYPES, Recipe
from merger.reduce import SPAN, block_sum
from merger.seeds import lanes
from merger.select import RADIX, Counts, Search, Selection, tally
from merger.weights import Weights
from signing.errors import Malformed

CHUNK = 1 << 19

Sums = tuple[float, float, float]

# What is not finite is counted and refused by name, unless the recipe allows it: NumPy's warnings add nothing.
_QUIET = np.errstate(all="ignore")


@dataclass(frozen=True, slots=True)
class Span(Generic[B]):
    """Up to 2^16 elements from element `start` on: the base's and each parent's, in T."""

    start: int
    length: int
    base: B | None
    parents: list[B]


@dataclass(slots=True)
class Output:
    """A finished chunk: its bytes, and how many inputs and outputs in it were not finite."""

    data: bytes
    odd_inputs: int = 0
    odd_outputs: int = 0


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
        self._weights = weights
        self._through = DTYPES[recipe.dtype] if recipe.dtype else None
        self._kernels: dict[Wide, Kernels[B]] = {"F32": kernels("F32"), "F64": kernels("F64")}
        self._buffers = threading.local()

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
        match step:
            case Copy():
                blocks = self.chunk // CHUNK
                return Output(bytes(self._raw(step.source, step.name, number * blocks, blocks, 0)))
            case Convert():
                return self._converted(step, number)
            case Compute():
                return self._merged(step, number, scalars, selections)

    @_QUIET
    def sums(self, step: Compute, number: int) -> list[Sums]:
        """Return the block values of D, A and B (docs/arithmetic.md, slerp) of one chunk."""
        k = self._kernels[step.wide]
        found = []
        for span in self._spans(step, number):
            x, y = span.parents
            pairs = ((x, y), (x, x), (y, y))
            dot, first, second = (block_sum(k.products(a, b)) for a, b in pairs)
            found.append((dot, first, second))
        return found

    @_QUIET
    def digits(self, step: Compute, number: int, searches: Sequence[Search]) -> list[Counts]:
        """Count, per parent, the next digits of the magnitudes of one chunk's deltas."""
        counts = [np.zeros(RADIX, np.int64) for _ in searches]
        for magnitudes in self._magnitudes(step, number):
            for i, search in enumerate(searches):
                counts[i] += search.digits(magnitudes[i])
        return counts

    @_QUIET
    def tally(self, step: Compute, number: int, thresholds: Sequence[int]) -> list[list[tuple[int, int]]]:
        """Return, per parent and span, how many magnitudes are above the threshold and how many equal to it."""
        rows = [
            [tally(m, bound) for m, bound in zip(magnitudes, thresholds, strict=True)]
            for magnitudes in self._magnitudes(step, number)
        ]
        return [list(column) for column in zip(*rows, strict=True)]

    def _magnitudes(self, step: Compute, number: int) -> Iterator[list[Bits]]:
        k = self._kernels[step.wide]
        for span in self._spans(step, number):
            yield _magnitudes(k, span)

    def _converted(self, step: Convert, number: int) -> Output:
        k = self._kernels[step.wide]
        output = Output(b"")
        pieces = [
            self._narrowed(k, blocks[0], step, start, output)
            for start, blocks in self._widened(step, [step.source], number, output)
        ]
        output.data = b"".join(pieces)
        return output

    def _merged(self, step: Compute, number: int, scalars: Any, selections: Sequence[Selection]) -> Output:
        k = self._kernels[step.wide]
        output = Output(b"")
        pieces = []
        for span in self._spans(step, number, output):
            if step.keys:
                drawn = zip(step.keys, step.bounds, strict=True)
                kept = [k.below(lanes(key, span.start, span.length), bound) for key, bound in drawn]
            else:
                wanted = zip(selections, _magnitudes(k, span) if selections else [], strict=True)
                kept = [k.mask(selection.kept(m, span.start // SPAN)) for selection, m in wanted]
            merged = self.recipe.rules.merge(k, span.base, span.parents, kept, scalars)
            pieces.append(self._narrowed(k, merged, step, span.start, output))
        output.data = b"".join(pieces)
        return output

    def _spans(self, step: Compute, number: int, output: Output | None = None) -> Iterator[Span[B]]:
        models = list(dict.fromkeys(((step.base,) if step.base else ()) + step.parents))
        length = elements(step)
        for start, blocks in self._widened(step, models, number, output):
            by_model = dict(zip(models, blocks, strict=True))
            parents = [by_model[parent] for parent in step.parents]
            base = by_model[step.base] if step.base else None
            yield Span(start, min(SPAN, length - start), base, parents)

    def _widened(
        self, step: Compute | Convert, models: Sequence[str], number: int, output: Output | None
    ) -> Iterator[tuple[int, list[B]]]:
        k = self._kernels[step.wide]
        first, last = number * self.chunk, min((number + 1) * self.chunk, elements(step))
        raws = []
        for slot, model in enumerate(models):
            stored = self._weights[model].tensors[step.name].dtype
            width = SIZES[stored]
            blocks = -(-(last - first) * width // BLOCK)
            raws.append((stored, width, self._raw(model, step.name, first * width // BLOCK, blocks, slot)))
        for start in range(first, last, SPAN):
            stop = min(start + SPAN, last)
            widened = []
            for model, (stored, width, raw) in zip(models, raws, strict=True):
                x = k.widen(raw[(start - first) * width : (stop - first) * width], stored, self._through)
                if output is not None:
                    output.odd_inputs += self._odd(k, x, f"{step.name} of {model}", start)
                widened.append(x)
            yield start, widened

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

    def _raw(self, model: str, name: str, first: int, count: int, slot: int) -> memoryview:
        weights = self._weights[model]
        slots: dict[int, bytearray] = self._buffers.__dict__.setdefault("slots", {})
        need = weights.length(name, first, count)
        # A buffer that is too small is replaced, not grown: views of it may still be alive in this thread.
        if len(slots.get(slot, b"")) < need:
            slots[slot] = bytearray(need)
        return weights.read(name, first, count, slots.get(slot, bytearray()))


def _magnitudes(k: Kernels[B], span: Span[B]) -> list[Bits]:
    # Only methods that work on deltas keep the largest, and the recipe gives those a base.
    assert span.base is not None  # noqa: S101 - for the type checker; the recipe's schema guarantees it
    return [k.magnitude(k.sub(x, span.base)) for x in span.parents]
