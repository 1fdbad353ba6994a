"""Blocks in NumPy: the reference backend, and the one a merge on a CPU uses."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from merger.kernels import Bits, Compiler, Wide, narrowing

Block = NDArray[Any]

_FLOAT: dict[str, Any] = {"F32": np.float32, "F64": np.float64}
_BITS: dict[str, Any] = {"F32": np.uint32, "F64": np.uint64}
_SIGNED: dict[str, Any] = {"F32": np.int32, "F64": np.int64}
_ABS: dict[str, Any] = {"F32": np.uint32(0x7FFFFFFF), "F64": np.uint64(0x7FFFFFFFFFFFFFFF)}
_NAN: dict[str, Any] = {"F32": np.uint32(0x7FC00000), "F64": np.uint64(0x7FF8000000000000)}
_INF: dict[str, Any] = {"F32": np.uint32(0x7F800000), "F64": np.uint64(0x7FF0000000000000)}


class NumpyKernels:
    """The operations of `Kernels` on NumPy arrays of fp32 or fp64."""

    compiler: Compiler | None = None

    def __init__(self, wide: Wide) -> None:
        self.wide: Wide = wide
        self._float = _FLOAT[wide]
        self._bits = _BITS[wide]
        self._signed = _SIGNED[wide]

    def widen(self, raw: memoryview, stored: str, through: str | None) -> Block:
        """Read little-endian elements of type `stored`, rounded once to `through` where given, as T."""
        wide: Block = narrowing.widen(raw, stored, through).astype(self._float, copy=False)
        return wide

    def narrow(self, x: Block, out: str) -> bytes:
        """Add +0.0, round once to type `out`, with that type's one NaN, as little-endian bytes."""
        return narrowing.narrow(x + self._float(0), out).tobytes()

    def not_finite(self, x: Block) -> list[int]:
        """Return the indices of elements that are NaN or infinite."""
        finite = np.isfinite(x)
        return [] if finite.all() else np.flatnonzero(~finite).tolist()

    def add(self, x: Block, y: Block) -> Block:
        """Return x + y."""
        return np.add(x, y)

    def sub(self, x: Block, y: Block) -> Block:
        """Return x - y."""
        return np.subtract(x, y)

    def scale(self, x: Block, s: float) -> Block:
        """Return x · round_T(s)."""
        scaled: Block = np.multiply(x, self._float(s))
        return scaled

    def total(self, terms: Sequence[Block]) -> Block:
        """Return the terms' sum, left to right from the first."""
        if len(terms) == 1:
            return terms[0]
        result = np.add(terms[0], terms[1])
        for term in terms[2:]:
            np.add(result, term, out=result)
        return result

    def mul(self, x: Block, y: Block) -> Block:
        """Return x · y."""
        return np.multiply(x, y)

    def absolute(self, x: Block) -> Block:
        """Return |x|."""
        return np.abs(x)

    def fill(self, x: Block, s: float) -> Block:
        """Return round_T(s) for every element of x."""
        return np.full_like(x, self._float(s))

    def choose(self, mask: Block, x: Block, y: Block) -> Block:
        """Return x where `mask` is set, else y."""
        chosen: Block = np.bitwise_or(
            np.bitwise_and(x.view(self._signed), mask), np.bitwise_and(y.view(self._signed), ~mask)
        ).view(self._float)
        return chosen

    def exceeds(self, x: Block, y: Block) -> Block:
        """Return the mask of elements x > y."""
        return self.mask(np.greater(x, y))

    def both(self, one: Block, other: Block) -> Block:
        """Return the mask of elements that both masks keep."""
        return np.bitwise_and(one, other)

    def without(self, mask: Block) -> Block:
        """Return the mask of the elements that `mask` does not keep."""
        return np.bitwise_not(mask)

    def keep(self, x: Block, mask: Block) -> Block:
        """Return x where `mask` is set, else +0."""
        # A multiplication by 0 would keep signs and NaN; the bitwise blend is as fast and drops both.
        kept: Block = np.bitwise_and(x.view(self._signed), mask).view(self._float)
        return kept

    def agree(self, v: Block, vote: Block) -> Block:
        """Return the mask of elements v > 0 where vote >= 0, and v < 0 elsewhere."""
        positive = np.greater_equal(vote, 0)
        return self.mask(np.logical_or(np.greater(v, 0) & positive, np.less(v, 0) & ~positive))

    def mass(self, masks: Sequence[Block], weights: Sequence[float]) -> Block:
        """Return the sum over i of round_T(weights[i]) where masks[i] is set, else +0."""
        terms = [
            np.bitwise_and(mask, self._float(w).view(self._signed)).view(self._float)
            for mask, w in zip(masks, weights, strict=True)
        ]
        return self.total(terms)

    def ratio(self, n: Block, m: Block) -> Block:
        """Return n / m, and +0 where m is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient = np.divide(n, m)
        return self.keep(quotient, self.mask(np.not_equal(m, 0)))

    def below(self, lanes: NDArray[np.uint16], bound: int) -> Block:
        """Return the mask of lanes that are smaller than `bound`, compared as unsigned 32-bit integers."""
        return self.mask(np.less(lanes.astype(np.uint32), np.uint32(bound)))

    def mask(self, kept: NDArray[np.bool_]) -> Block:
        """Return the mask of the elements that `kept` marks."""
        return np.negative(kept.view(np.int8), dtype=self._signed, casting="unsafe")

    def magnitude(self, x: Block) -> Bits:
        """Return the bit patterns of |x| as unsigned integers, any NaN as T's one NaN."""
        bits: Bits = np.bitwise_and(x.view(self._bits), _ABS[self.wide])
        nan = bits > _INF[self.wide]
        if nan.any():
            bits[nan] = _NAN[self.wide]
        return bits

    def products(self, x: Block, y: Block) -> NDArray[np.float64]:
        """Return x · y, both widened to fp64 first."""
        return np.multiply(x.astype(np.float64), y.astype(np.float64))

    def sizes(self, x: Block) -> NDArray[np.float64]:
        """Return |x|, widened to fp64."""
        return np.abs(x).astype(np.float64)

    def ones(self, mask: Block) -> NDArray[np.float64]:
        """Return 1 where `mask` is set, else 0, as fp64."""
        return np.negative(mask).astype(np.float64)
