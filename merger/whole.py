"""Tensors that are made in one piece, in NumPy: merged or summed over as whole arrays, or with their elements moved."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from merger.clip import merged
from merger.finite import Finite, Output
from merger.kernels.blocks import NumpyKernels
from merger.manifest import FLOATS, SIZES
from merger.method import Arrays, Method
from merger.reading import Reading
from merger.reduce import SPAN, block_sum
from merger.sources import Source
from merger.steps import Compute, elements


class Whole:
    """What a method makes of whole tensors. Safe for many threads."""

    def __init__(self, rules: Method, reading: Reading, finite: Finite) -> None:
        self._rules = rules
        self._reading = reading
        self._finite = finite

    def arrays(self, step: Compute, output: Output) -> Arrays:
        """Return all that a step is made of, in T."""
        found = {source: self._array(step, source, output) for source in step.sources}
        return Arrays(
            step.name,
            found[step.base] if step.base else None,
            [found[parent] for parent in step.parents],
            [found[one] for one in step.statistics],
            self._axes(step),
        )

    def merged(self, step: Compute, scalars: Any, output: Output) -> NDArray[Any]:
        """Return the elements of a merged tensor, in T."""
        given = self.arrays(step, output)
        if self._rules.whole is not None:
            return self._rules.whole(scalars, given).reshape(-1)
        base = None if given.base is None else given.base.reshape(-1)
        blocks = [x.reshape(-1) for x in (*given.parents, *given.statistics)]
        return merged(self._rules, step, NumpyKernels(step.wide), base, blocks, [], scalars)

    def moved(self, step: Compute, data: bytes | bytearray, output: Output) -> bytes:
        """Return what a copy would write, with its elements moved."""
        bits = np.frombuffer(data, f"<u{SIZES[step.dtype]}").reshape(step.shape)
        return self._reordered(step, bits, output).tobytes()

    def origin(self, step: Compute, flat: int) -> int:
        """Return which element of the parent's tensor is moved to `flat`."""
        places = np.arange(elements(step)).reshape(step.shape)
        return int(self._reordered(step, places, Output(b"")).reshape(-1)[flat])

    def sums(self, step: Compute) -> dict[str, list[float]]:
        """Return the block values of the sums of the method's terms, by name."""
        if elements(step):
            given = self.arrays(step, Output(b""))
        else:
            # Of no elements only the names are wanted, whatever the shape.
            given = Arrays(step.name, np.empty((0, 0)), [np.empty((0, 0))] * len(step.parents), [])
        terms = self._rules.terms(given) if self._rules.terms else {}
        return {
            name: [block_sum(term.reshape(-1)[at : at + SPAN]) for at in range(0, term.size, SPAN)]
            for name, term in terms.items()
        }

    def _reordered(self, step: Compute, what: NDArray[Any], output: Output) -> NDArray[Any]:
        found = [self._array(step, one, output) for one in step.statistics]
        given = Arrays(step.name, None, [what], found, self._axes(step))
        if self._rules.whole is None:
            raise TypeError(f"{self._rules.id} moves no elements")
        return self._rules.whole(step.scalars, given)

    def _axes(self, step: Compute) -> list[int]:
        needed = self._rules.statistics
        by_axis = step.statistics if needed is not None and needed.by_axis else ()
        return [int(one.tensor.rpartition(".")[2]) for one in by_axis]

    def _array(self, step: Compute, source: Source, output: Output) -> NDArray[Any]:
        k = NumpyKernels(step.wide)
        tensor, pieces = self._reading.whole(step, source)
        if tensor.dtype in FLOATS:
            array: NDArray[Any] = np.empty(tensor.shape, np.float32 if step.wide == "F32" else np.float64)
        else:
            array = np.empty(tensor.shape, np.int64)
        flat = array.reshape(-1)
        for start, raw in pieces:
            whole = tensor.dtype not in FLOATS
            x = (
                np.frombuffer(raw.data, "<i8")
                if whole
                else self._finite.widened(k, raw, source, start, output)
            )
            flat[start : start + len(x)] = x
        return array
