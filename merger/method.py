"""What a merge method is: its parameters with their ranges, and the functions it consists of.

Everything else follows from a `Method`: the recipe's schema, the dialect's, the plan, every backend, the laws, and
`studbook methods`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from merger.kernels import Kernels, Operations
from merger.manifest import FLOATS
from merger.parameters import Parameter
from signing.errors import Malformed


@dataclass(frozen=True, slots=True)
class Values:
    """One tensor's parameters: decimals per remaining parent, and the decimals, flags and words for all."""

    parents: Sequence[Mapping[str, str]]
    shared: Mapping[str, str | bool]

    def each(self, name: str) -> list[float]:
        """Return a per-parent parameter as fp64, in recipe order."""
        return [float(parent[name]) for parent in self.parents]

    def one(self, name: str) -> float:
        """Return a parameter that all parents share as fp64."""
        return float(self.shared[name])

    def alone(self) -> int | None:
        """Return the place of the one parent that remains, None where more do."""
        return 0 if len(self.parents) == 1 else None

    def weights(self, flag: str = "normalize") -> list[float]:
        """Return the weights, divided by their sum where the recipe sets a flag."""
        return self.shares() if self.shared.get(flag) else self.each("weight")

    def shares(self) -> list[float]:
        """Return the weights divided by their sum."""
        weights = self.each("weight")
        total = weights[0]
        for weight in weights[1:]:
            total += weight
        if total == 0:
            raise Malformed(
                f"weights {', '.join(p['weight'] for p in self.parents)} sum to 0 and cannot be normalized"
            )
        return [weight / total for weight in weights]


@dataclass(frozen=True, slots=True)
class Cut:
    """Which elements of one ranked quantity are kept: of all by falling magnitude, `keep` after the first `skip`.

    Or, however many they are, all whose magnitude is larger than `above`; or all whose magnitude is an outlier or at its
    edge: at least m + 1.5 (h - l), where l, m and h are the smallest magnitudes of the `quartiles` largest elements.
    """

    keep: int
    skip: int = 0
    above: float | None = None
    quartiles: tuple[int, int, int] | None = None


RowFunction = Callable[
    [Kernels[NDArray[Any]], Values, NDArray[Any] | None, Sequence[NDArray[Any]]], list[NDArray[Any]]
]


@dataclass(frozen=True, slots=True)
class Arrays:
    """What a whole tensor is made of: NumPy arrays in T, each in its own shape, parents and statistics in recipe order."""

    name: str
    base: Any
    """None where there is none."""
    parents: Sequence[NDArray[Any]]
    statistics: Sequence[NDArray[Any]]
    axes: Sequence[int] = ()
    """Which axis of the tensor each of the statistics is about, where they are by axis."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What statistics of every parent's model a method needs (docs/arithmetic.md, "Statistics")."""

    kind: str
    """The word in their `statistics.json`."""
    shape: Callable[[tuple[int, ...]], tuple[int, ...]]
    """A tensor's shape to that of its statistics; raises `Malformed` for a tensor that can have none.

    Where they are by axis, the shape of one axis alone, such as (4096,), to that of its statistics.
    """
    every: bool = True
    """Whether every computed tensor needs them; where not, those without any are what `merge` makes of the parents alone."""
    by_axis: bool = False
    """Whether they are of single axes, called `NAME.0`, `NAME.1`, …, and a tensor without any is its one parent's."""
    stored: tuple[str, ...] = FLOATS
    """The types that they may be stored in."""


@dataclass(frozen=True, slots=True)
class Method:
    """A merge method: what it takes and what it computes.

    A tensor goes through the members in this order: `rows` are looked at whole, masks are drawn or elements ranked and cut,
    sums are taken over what they leave, `resolve` makes scalars of parameters and sums, `merge` computes. All others that
    touch blocks are compositions of kernels whose course depends on no element, so that a compiling backend can follow
    them once for all elements. What `rows` returns follows the parents wherever they are given to one of these.
    """

    id: str
    summary: str
    parameters: tuple[Parameter, ...]
    resolve: Callable[[Values, Sequence[float]], Any]
    """The tensor's parameters, and the totals of `sums` in their order, to the scalars `merge` needs."""
    merge: Callable[[Operations[Any], Any, Sequence[Any], Sequence[Any], Any], Any]
    """(kernels, base block or None, parent blocks, masks of kept elements, scalars) to the merged block.

    Here as in `ranks` and `sums`, blocks of statistics, one per parent, follow those of the parents.
    """
    base: Literal["needed", "none", "either"] = "none"
    merges: Literal["models", "adapters"] = "models"
    """What its parents and its result are. Of adapters, `merge` is given one parent's factor at a time and what it is
    scaled by, `resolve` returns the parents' weights, and a base is the model they are for, of which nothing is used."""
    parents: tuple[int, int | None] = (1, None)
    """The fewest and the most parents it merges."""
    draws: bool = False
    """Whether each parent has a random mask: of its `density`, or below what `rows` return for it."""
    rows: RowFunction | None = None
    """(NumPy kernels, values, base and parents as whole rows of one shape) to blocks in T: a number per element or row."""
    rowed: Callable[[Values], bool] | None = None
    """For which values there are `rows`, where not for all."""
    ranks: Callable[[Operations[Any], Any, Sequence[Any]], list[Any]] | None = None
    """(kernels, base, parents) to the quantities by whose magnitude elements are kept: one mask for each of them."""
    cuts: Callable[[Values, int], Sequence[Cut]] | None = None
    """What of each quantity is kept, of so many elements."""
    sums: Callable[[Operations[Any], Any, Sequence[Any], Sequence[Any]], Mapping[str, Any]] | None = None
    """(kernels, base, parents, masks) to fp64 terms by name, each summed over the tensor; the names are the witness's."""
    summed: Callable[[Values], bool] | None = None
    """For which values `sums` are taken, where not for all; for others `resolve` is given no totals."""
    copies: Callable[[Values], int | None] | None = None
    """Which parent the result simply is for these values, if any."""
    statistics: Statistics | None = None
    """What it needs to know of every parent's model beside its weights."""
    whole: Callable[[Any, Arrays], NDArray[Any]] | None = None
    """(scalars, arrays) to the merged tensor in T, for what cannot be merged element by element; instead of `merge`.

    In NumPy alone, by operations that give the same bits everywhere: no backend has a way of its own.
    """
    room: Callable[[tuple[int, ...]], int] | None = None
    """A tensor's shape to the bytes that `whole` or `terms` works in beside its arrays and its result."""
    moves: bool = False
    """Whether `whole` only re-orders elements: it is given the bits that a copy would write, and no number is computed."""
    terms: Callable[[Arrays], Mapping[str, NDArray[np.float64]]] | None = None
    """Arrays to fp64 terms by name, each summed over the tensor, for terms that are not one for each element of the inputs.

    Instead of `sums`, and in NumPy alone, as `whole`; the tensor is then read in one piece.
    """
    covers: Callable[[str, tuple[int, ...]], bool] | None = None
    """Which tensors it merges, by name and shape, where not all: the others are the first parent's as they are.

    Raises `Malformed` for a tensor that it cannot merge.
    """

    @property
    def clips(self) -> bool:
        """Tell whether its recipes may have `clip`: where each element is made of those in its own place."""
        return self.whole is None and self.merges == "models"

    @property
    def wanted(self) -> str:
        """Say in words how many parents it merges."""
        few, many = self.parents
        plural = "" if (many or few) == 1 else "s"
        return (
            f"exactly {few} parent{plural}"
            if few == many
            else f"{few} to {many} parents"
            if many
            else f"at least {few} parent{plural}"
        )
