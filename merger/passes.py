"""Compiled passes over the spans of one tensor: merge, rank or sum them in one loop from stored bytes.

Each returns nothing where a loop may not speak: an input or output that is not finite, or a last span that is short of
the whole block a sum wants. Then the caller asks the kernels, operation by operation, which is what the laws hold these
loops equal to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from merger.kernels import Bits, Compiler, Wide, narrowing
from merger.kernels.draws import halving, philox, window
from merger.kernels.loops import LANES, Input, Loop
from merger.manifest import SIZES
from merger.method import Method
from merger.reduce import SPAN
from merger.seeds import STEP
from merger.shares import Shares
from merger.steps import Compute
from merger.tracing import PARTIAL, Tracing

_WORD = (1 << 64) - 1
# Inputs, masks and outputs of one loop: beyond these the kernels do the work, since a call takes 1024 and compiling is slow.
MOST_ARRAYS = 100
_RANK: dict[str, Any] = {"F32": np.uint32, "F64": np.uint64}
_ARRAY: dict[str, Any] = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32, "F64": np.float64}


@dataclass(frozen=True, slots=True)
class Raw:
    """The stored bytes of one input's span, with their type."""

    stored: str
    data: memoryview
    through: str | None = None
    """The type that every element is rounded to before it is widened, if any."""


@dataclass(frozen=True, slots=True)
class Masks:
    """What a span's masks keep: random lanes with their bounds, or the bounds of ranked magnitudes."""

    lanes: Sequence[NDArray[np.uint16]]
    bounds: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A compiled loop, its numbers in T, and what its outputs are."""

    run: Callable[..., int]
    numbers: NDArray[Any]
    outputs: tuple[Any, ...] = ()


class Passes:
    """The loops of one method under one recipe, each made when a tensor first needs it. Safe for many threads."""

    def __init__(self, rules: Method, compiler: Compiler) -> None:
        self._tracing = Tracing(rules)
        self._compiler = compiler
        self._made: dict[tuple[str, ...], _Ready] = {}
        self._loops: dict[str, Callable[..., int]] = {}
        self._rooms = threading.local()

    def merged(
        self, step: Compute, scalars: Any, raws: Sequence[Raw], masks: Masks, into: memoryview
    ) -> list[Shares] | None:
        """Write whole spans, merged and narrowed, into `into`, and return the shares of each, or say that it could not."""
        count = _count(raws)
        if count % SPAN or not count or not self._fits(step, raws):
            return None
        written = step.dtype if self._writes(step) else step.wide
        ready = self._ready(
            "merge", step, raws, lambda given: self._tracing.merging(step, scalars, given, written)
        )
        target = np.frombuffer(into, np.uint8)
        if written != step.dtype:
            target = self._room("wide", count, _ARRAY[written])
        kept, agreed, terms = ready.outputs
        blocks = count // SPAN
        energy = self._room("energy", terms * blocks * LANES, np.float64).reshape(terms, blocks * LANES)
        energy.fill(0.0)
        counts = np.empty(kept + agreed, np.int32)
        outputs = [target, *energy, *([counts] if len(counts) else [])]
        rows = count // LANES if terms or len(counts) else count
        if self._run(ready, rows, step.wide, raws, masks, outputs):
            return None
        if written != step.dtype:
            narrowed = narrowing.narrow(target, step.dtype).tobytes()
            into[:] = narrowed
            if not np.isfinite(narrowing.widen(narrowed, step.dtype)).all():
                return None
        lanes = energy.reshape(terms * blocks, LANES)
        self._halved(lanes)
        sums = lanes[:, 0].reshape(terms, blocks).T.tolist() if terms else [[]] * blocks
        found = counts.tolist()
        none = Shares((0,) * kept, (0,) * agreed, ())
        return [
            Shares(tuple(found[:kept]), tuple(found[kept:]), tuple(sums[0])),
            *(replace(none, energy=tuple(one)) for one in sums[1:]),
        ]

    def _halved(self, rows: NDArray[np.float64]) -> None:
        """Add each row's upper half onto its lower half, down to its first value."""
        if rows.size:
            self._loop(halving(rows.shape[1]), 1)(len(rows), rows.ctypes.data)

    def straight(self, step: Compute, inputs: Sequence[Any]) -> bool:
        """Say whether spans may be merged many at a time: nothing is drawn or cut in them, and a loop takes all inputs."""
        return not (step.keys or step.cuts) and self._fits(step, inputs)

    def _fits(self, step: Compute, inputs: Sequence[Any]) -> bool:
        return len(inputs) + len(step.keys) + len(step.parents) <= MOST_ARRAYS

    def ranked(self, step: Compute, raws: Sequence[Raw]) -> list[NDArray[Any]] | None:
        """Return the bit patterns of one span's ranked magnitudes, quantity by quantity, until this thread asks again."""
        if len(raws) + len(step.cuts) > MOST_ARRAYS:
            return None
        ready = self._ready("rank", step, raws, lambda given: (self._tracing.ranking(step, given), ()))
        found = [self._room(f"rank {i}", _count(raws), _RANK[step.wide]) for i in range(len(step.cuts))]
        odd = self._run(ready, _count(raws), step.wide, raws, Masks((), ()), found)
        return None if odd else found

    def summed(self, step: Compute, raws: Sequence[Raw], masks: Masks) -> dict[str, float] | None:
        """Return one whole span's block values of the method's sums, by name."""
        # Sums are one for each pair of parents at most, of which some may be one input; more take seconds to compile.
        count = max(len(raws), len(step.parents))
        if _count(raws) != SPAN or count * (count + 1) // 2 + len(step.keys) > MOST_ARRAYS:
            return None
        ready = self._ready("sum", step, raws, lambda given: self._tracing.summing(step, given))
        partial = self._room("partial", len(ready.outputs) * PARTIAL, np.float64).reshape(-1, PARTIAL)
        if self._run(ready, PARTIAL, step.wide, raws, masks, list(partial)):
            return None
        self._halved(partial)
        return dict(zip(ready.outputs, partial[:, 0].tolist(), strict=True))

    def lanes(self, keys: Sequence[int], start: int, count: int) -> list[NDArray[np.uint16]]:
        """Return the 16-bit lanes of random masks, as `merger.seeds.lanes` does, until this thread asks again."""
        return [self._drawn(i, key, start, count) for i, key in enumerate(keys)]

    def _drawn(self, place: int, key: int, start: int, count: int) -> NDArray[np.uint16]:
        counters = -(-count // STEP)
        given = np.array([start // STEP, key & _WORD, key >> 64], np.uint64)
        words = self._room(f"lanes {place}", counters * 4, np.uint64)
        self._loop(philox(), 2)(counters, given.ctypes.data, words.ctypes.data)
        return words.view(np.uint16)[:count]

    def windowed(self, magnitudes: Bits, low: int, high: int) -> tuple[int, Bits]:
        """Return how many magnitudes are at or above `high`, and those from `low` to below it, in order."""
        wide: Wide = "F32" if magnitudes.dtype.itemsize == 4 else "F64"
        given = np.array([low, high], magnitudes.dtype)
        inside, found = self._room("inside", len(magnitudes), magnitudes.dtype.type), np.empty(2, np.int64)
        arrays = (magnitudes, given, inside, found)
        run = self._loop(window(wide), len(arrays))
        run(len(magnitudes), *(array.ctypes.data for array in arrays))
        return int(found[0]), inside[: found[1]].copy()

    def _loop(self, text: str, pointers: int) -> Callable[..., int]:
        """Return the compiled form of a loop, without waiting for whoever compiles another."""
        found = self._loops.get(text)
        if found is None:
            found = self._loops[text] = self._compiler.compiled(text, pointers)
        return found

    def _room(self, name: str, count: int, type_: Any) -> NDArray[Any]:
        """Return this thread's array of a name: pages of fresh memory cost as much to touch as the work in them."""
        held: dict[tuple[str, Any], NDArray[Any]] = self._rooms.__dict__.setdefault("held", {})
        found = held.get((name, type_))
        if found is None or len(found) < count:
            found = held[name, type_] = np.empty(max(count, SPAN), type_)
        return found[:count]

    def _writes(self, step: Compute) -> bool:
        """Say whether a loop narrows to the step's type by itself, in one rounding."""
        if step.wide == "F64":
            return step.dtype == "F64"
        return step.dtype in ("BF16", "F32") or (step.dtype == "F16" and self._compiler.half())

    def _read(self, raw: Raw, wide: Wide) -> Input:
        """Return how a loop reads an input: as stored, or as T where it has to be rounded before."""
        through = None if raw.through == raw.stored else raw.through
        hard = raw.stored == "F64" and through is not None
        soft = "F16" in (raw.stored, through) and not self._compiler.half()
        return Input(wide) if hard or soft else Input(raw.stored, through)

    def _ready(
        self,
        what: str,
        step: Compute,
        raws: Sequence[Raw],
        make: Callable[[Sequence[Input]], tuple[Loop, tuple[Any, ...]]],
    ) -> _Ready:
        key = (what, step.name, *(raw.stored for raw in raws))
        found = self._made.get(key)
        if found is None:
            made, outputs = make([self._read(raw, step.wide) for raw in raws])
            numbers = np.array(made.numbers, np.float64).astype(_ARRAY[step.wide])
            found = _Ready(self._compiler.compiled(made.text, made.pointers), numbers, outputs)
            self._made[key] = found
        return found

    def _run(
        self,
        ready: _Ready,
        count: int,
        wide: Wide,
        raws: Sequence[Raw],
        masks: Masks,
        outputs: Sequence[NDArray[Any]],
    ) -> bool:
        inputs = [self._array(raw, wide) for raw in raws]
        arrays = [*inputs, *masks.lanes, np.array(masks.bounds, np.uint64), ready.numbers, *outputs]
        return bool(ready.run(count, *(array.ctypes.data for array in arrays)))

    def _array(self, raw: Raw, wide: Wide) -> NDArray[Any]:
        through = None if raw.through == raw.stored else raw.through
        if self._read(raw, wide) == Input(raw.stored, through):
            return np.frombuffer(raw.data, np.uint8)
        return narrowing.widen(raw.data, raw.stored, raw.through).astype(_ARRAY[wide], copy=False)


def _count(raws: Sequence[Raw]) -> int:
    return len(raws[0].data) // SIZES[raws[0].stored]
