"""Kernels: the dozen operations on blocks that every method is composed of.

A block is a run of consecutive elements of one tensor in the type T a merge computes in. Each operation is one rounded
IEEE 754 operation per element, chosen from those that give the same bits on every processor, thread count and block
size (docs/adr/0004-safe-operations.md). A mask is a block of integers as wide as T, all ones where an element is kept.
`blocks` is the reference, in NumPy; `device` is torch; `compiled` makes one loop of a whole pass. A law of the tests
holds them to equal bits.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

B = TypeVar("B")
Wide = Literal["F32", "F64"]
Bits = NDArray[np.uint32] | NDArray[np.uint64]


class Compiler(Protocol):
    """What makes machine code of a traced loop (`loops`), where a backend has that."""

    def half(self) -> bool:
        """Say whether loops may convert fp16 by themselves."""

    def compiled(self, text: str, pointers: int) -> Callable[..., int]:
        """Return the function of a loop: (count, addresses …) to whether anything in it is not finite."""


class Operations(Protocol[B]):
    """What methods are composed of: elementwise operations in one type T; `B` is what stands for a block."""

    wide: Wide

    def add(self, x: B, y: B) -> B:
        """Return x + y."""

    def sub(self, x: B, y: B) -> B:
        """Return x - y."""

    def scale(self, x: B, s: float) -> B:
        """Return x · round_T(s)."""

    def total(self, terms: Sequence[B]) -> B:
        """Return the terms' sum, left to right from the first."""

    def mul(self, x: B, y: B) -> B:
        """Return x · y."""

    def absolute(self, x: B) -> B:
        """Return |x|."""

    def fill(self, x: B, s: float) -> B:
        """Return round_T(s) for every element of x."""

    def keep(self, x: B, mask: B) -> B:
        """Return x where `mask` is set, else +0."""

    def choose(self, mask: B, x: B, y: B) -> B:
        """Return x where `mask` is set, else y."""

    def exceeds(self, x: B, y: B) -> B:
        """Return the mask of elements x > y."""

    def both(self, one: B, other: B) -> B:
        """Return the mask of elements that both masks keep."""

    def without(self, mask: B) -> B:
        """Return the mask of the elements that `mask` does not keep."""

    def agree(self, v: B, vote: B) -> B:
        """Return the mask of elements v > 0 where vote >= 0, and v < 0 elsewhere."""

    def mass(self, masks: Sequence[B], weights: Sequence[float]) -> B:
        """Return the sum over i of round_T(weights[i]) where masks[i] is set, else +0."""

    def ratio(self, n: B, m: B) -> B:
        """Return n / m, and +0 where m is 0."""

    def products(self, x: B, y: B) -> Any:
        """Return x · y, both widened to fp64 first."""

    def sizes(self, x: B) -> Any:
        """Return |x|, widened to fp64."""

    def ones(self, mask: B) -> Any:
        """Return 1 where `mask` is set, else 0, as fp64."""


class Kernels(Operations[B], Protocol[B]):
    """One backend: the operations on its blocks, and the way in and out of them."""

    compiler: Compiler | None
    """What compiles whole passes of this backend, if anything does."""

    def widen(self, raw: memoryview, stored: str, through: str | None) -> B:
        """Read little-endian elements of type `stored`, rounded once to `through` where given, as T."""

    def narrow(self, x: B, out: str) -> bytes:
        """Add +0.0, round once to type `out`, with that type's one NaN, as little-endian bytes."""

    def not_finite(self, x: B) -> list[int]:
        """Return the indices of elements that are NaN or infinite."""

    def below(self, lanes: NDArray[np.uint16], bound: int) -> B:
        """Return the mask of lanes that are smaller than `bound`, compared as unsigned 32-bit integers."""

    def mask(self, kept: NDArray[np.bool_]) -> B:
        """Return the mask of the elements that `kept` marks."""

    def magnitude(self, x: B) -> Bits:
        """Return the bit patterns of |x| as unsigned integers, any NaN as T's one NaN."""
