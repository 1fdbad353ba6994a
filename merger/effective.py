"""Effective tensors: what an adapter makes of a model's tensor, a span at a time, in the order docs/arithmetic.md gives.

"Adapters", Values: the products of A and B are added rank by rank in fp64 (`product`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Lock, local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from merger.adapters import Product
from merger.kernels import Compiler, Wide, narrowing
from merger.product import TILE, outer_sum
from merger.weights import Weights

# Factors of tensors that are done are forgotten beyond this; those of the tensors in work stay, whatever they take: the last
# pieces of one are merged beside the first of the next, while a third is measured ahead.
KEPT = 16 << 20
IN_WORK = 3
_ROOM = local()
_TYPES: dict[Wide, Any] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}


@dataclass(frozen=True, slots=True)
class Factors:
    """A product's two sides in fp64, rank by rank: what varies along the rows of the tensor, and along its columns."""

    factor: float
    down: NDArray[np.float64]
    across: NDArray[np.float64]
    compiler: Compiler | None = None

    def effective(self, raw: memoryview, stored: str, start: int, wide: Wide) -> memoryview:
        """Return the effective elements from `start` on as bytes of type `wide`; `raw` holds the model's."""
        x = narrowing.widen(raw, stored)
        made = np.empty(len(x), _TYPES[wide])
        delta = _scratch()[2].view(_TYPES[wide])
        for at, summed in self._summed(start, len(x)):
            here = slice(at, at + len(summed))
            np.multiply(summed, self.factor, out=summed)
            np.copyto(delta[: len(summed)], summed, casting="same_kind")
            # Of two fp32 numbers, the fp64 sum rounded to fp32 is the fp32 sum: 53 >= 2 · 24 + 2 bits (Figueroa, "When is
            # double rounding innocuous?", 1995). Where either is fp64, NumPy adds in fp64.
            np.add(x[here], delta[: len(summed)], out=made[here], casting="same_kind")
        return made.view(np.uint8).data

    def _summed(self, start: int, count: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield acc of `count` elements in order, each before the next: rectangles of whole rows, and parts of rows."""
        columns = self.across.shape[1]
        at = 0
        while at < count:
            row, column = divmod(start + at, columns)
            width = min(columns - column, count - at, TILE)
            rows = max(1, min(count - at, TILE) // columns) if width == columns else 1
            summed, term = (one[: rows * width] for one in _scratch()[:2])
            outer_sum(
                self.down[:, row : row + rows],
                self.across[:, column : column + width],
                summed.reshape(rows, width),
                term.reshape(rows, width),
                self.compiler,
            )
            yield at, summed
            at += rows * width


def _scratch() -> NDArray[np.float64]:
    """Return this thread's room for a sum, a term of it, and what it is rounded to: fresh memory costs as much as sums."""
    if not hasattr(_ROOM, "scratch"):
        _ROOM.scratch = np.empty((3, TILE))
    found: NDArray[np.float64] = _ROOM.scratch
    return found


class Held:
    """The factors of the tensors in work, read and checked once. Safe for many threads."""

    def __init__(self, weights: Mapping[str, Weights], compiler: Compiler | None = None) -> None:
        self._weights = weights
        self._compiler = compiler
        self._lock = Lock()
        self._found: OrderedDict[str, dict[Product, Factors]] = OrderedDict()

    def factors(self, tensor: str, product: Product) -> Factors:
        """Return the factors of a product that output `tensor` needs."""
        with self._lock:
            found = self._found.setdefault(tensor, {})
            self._found.move_to_end(tensor)
            if product not in found:
                found[product] = self._read(product)
                self._forget()
            return found[product]

    def _forget(self) -> None:
        held = [sum(product.size for product in one) for one in self._found.values()]
        while len(held) > IN_WORK and sum(held) > KEPT:
            self._found.popitem(last=False)
            held.pop(0)

    def _read(self, product: Product) -> Factors:
        a, b = (self._values(product.adapter, tensor.name) for tensor in (product.a, product.b))
        along = np.ascontiguousarray(b.reshape(-1, product.rank).T)
        across = a.reshape(product.rank, -1)
        down, over = (across, along) if product.transposed else (along, across)
        return Factors(product.factor, down, over, self._compiler)

    def _values(self, adapter: str, name: str) -> NDArray[np.float64]:
        weights = self._weights[adapter]
        tensor = weights.tensors[name]
        raw = weights.read(name, 0, tensor.blocks, bytearray(tensor.size))
        return narrowing.widen(raw, tensor.dtype).astype(np.float64, copy=False)
