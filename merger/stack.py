"""Stacks: tensors whose rows are those of several tensors side by side, and where each of their elements comes from.

docs/arithmetic.md, "Adapters into one": factors of adapters are stacked along their rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from merger.kernels import Wide
from merger.manifest import SIZES
from merger.method import Values
from merger.sources import Source


@dataclass(frozen=True, slots=True)
class Part:
    """One parent's factor in a stack: how many elements of each row are its own, and what they are multiplied by."""

    position: int
    source: Source
    width: int
    factor: float


@dataclass(frozen=True, slots=True)
class Strip:
    """Elements of one part, from `first` on without a gap: `rows` rows of `width`, the first of which begins at `at`."""

    part: Part
    first: int
    rows: int
    width: int
    at: int


@dataclass(frozen=True, slots=True)
class Stack:
    """Put factors of several adapters side by side: a row of the result is a row of every part, one after the other."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    wide: Wide
    parts: tuple[Part, ...]
    values: Values

    @property
    def positions(self) -> tuple[int, ...]:
        """Return which of the recipe's parents have a part, by position."""
        return tuple(part.position for part in self.parts)

    @property
    def width(self) -> int:
        """Return the number of elements in a row of the result."""
        return sum(part.width for part in self.parts)

    def strips(self, start: int, stop: int) -> Iterator[Strip]:
        """Yield where elements `start` to `stop` of the result come from: whole rows at once, and parts of rows."""
        while start < stop:
            row, column = divmod(start, self.width)
            whole = 0 if column else (stop - start) // self.width
            columns = self.width if whole else min(self.width - column, stop - start)
            begin = 0
            for part in self.parts:
                low, high = max(column, begin), min(column + columns, begin + part.width)
                if low < high:
                    first = row * part.width + low - begin
                    yield Strip(part, first, max(1, whole), high - low, start + low - column)
                begin += part.width
            start += max(1, whole) * columns

    def laid_out(self, start: int, stop: int, made: Callable[[Strip], bytes]) -> bytearray:
        """Return elements `start` to `stop` of the result, from what is `made` of each strip in the output type."""
        size = SIZES[self.dtype]
        target, kind = bytearray((stop - start) * size), np.dtype(f"V{size}")
        for strip in self.strips(start, stop):
            shape, strides = (strip.rows, strip.width), (self.width * size, size)
            into = np.ndarray(shape, kind, target, (strip.at - start) * size, strides)
            into[...] = np.frombuffer(made(strip), kind).reshape(shape)
        return target
