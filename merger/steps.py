"""What is done to make one output tensor: copy it, convert it, merge it, or put parts of several side by side.

A plan (`plan`) holds one step per tensor; whoever executes, samples, explains or attributes goes by these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from merger.kernels import Wide
from merger.method import Cut, Values
from merger.sources import Source
from merger.stack import Stack


@dataclass(frozen=True, slots=True)
class Copy:
    """Write the bytes of one artifact's tensor as they are."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    source: Source


@dataclass(frozen=True, slots=True)
class Convert:
    """Write one artifact's tensor in another type, or rounded to the recipe's `dtype` on the way."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    source: Source
    wide: Wide


@dataclass(frozen=True, slots=True)
class Compute:
    """Merge a tensor: base and remaining parents, their parameters, what their masks keep."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    wide: Wide
    base: Source | None
    parents: tuple[Source, ...]
    positions: tuple[int, ...]
    """Which of the recipe's parents remain, by position."""
    values: Values
    scalars: Any = None
    """What the method makes of the values; None where it needs sums over the tensor first."""
    keys: tuple[int, ...] = ()
    """Philox keys of the remaining parents' random masks."""
    bounds: tuple[int, ...] = ()
    """Below which lane an element is kept by each random mask, where that is one number for the tensor."""
    cuts: tuple[Cut, ...] = ()
    """What is kept of each ranked quantity, where the largest elements of the tensor are kept."""
    sums: bool = False
    """Whether the scalars wait for sums over the tensor."""
    clip: str | None = None
    """How many times the parents' furthest an element may be moved, where that is limited."""
    rows: bool = False
    """Whether something must be known of whole rows."""
    statistics: tuple[Source, ...] = ()
    """One for each of the parents, or for each axis that has one, where the method needs them; never rounded to `dtype`."""
    whole: bool = False
    """Whether the tensor is made in one piece, by the method's `whole` or of its `terms`."""
    moved: Copy | Convert | None = None
    """What a copy would write, where the method only re-orders it."""

    @property
    def row(self) -> int:
        """Return how many elements must be read together."""
        return max(1, self.shape[-1]) if self.rows and self.shape else 1

    @property
    def given(self) -> tuple[Source, ...]:
        """Return what a method is given beside the base: the parents in order, then their statistics."""
        return self.parents + self.statistics

    @property
    def sources(self) -> tuple[Source, ...]:
        """Return every input once: the base, then what else the method is given, in order."""
        return tuple(dict.fromkeys(((self.base,) if self.base else ()) + self.given))


Step = Copy | Convert | Compute | Stack


def elements(step: Step) -> int:
    """Return the number of elements of a step's tensor."""
    return math.prod(step.shape)
