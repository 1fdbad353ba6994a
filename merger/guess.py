"""Thresholds of the largest elements in one pass: guess from a sample where they lie, then count whether they do.

Magnitudes inside a narrow window around the guess are kept, those above it are counted. Where the wanted rank falls
into the window the threshold is exact; where it does not, the caller finds it digit by digit. A guess changes how often
a tensor is read, never a result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from merger.chunks import Chunks, Run
from merger.kernels import B, Bits
from merger.select import Reach, Tallies, Target, reach
from merger.steps import Compute, elements

# Chunks of a sample: enough for tensors whose rows differ, few beside the pass that they save.
FEWEST = 3
ONE_IN = 16
# The window reaches so far to both sides, as a share of the elements, but is chosen to hold no more than these; it is
# given up where twice as many turn up.
MARGIN = 0.01
MOST = 1 << 19


@dataclass(frozen=True, slots=True)
class _Window:
    quantity: int
    low: int
    high: int
    crowded: bool
    """Whether so many magnitudes lie inside that equal ones are kept as one with its count."""


@dataclass(frozen=True, slots=True)
class _Inside:
    """One span seen through a window: how many magnitudes are above it, which are inside, and how often each."""

    above: int
    values: Bits
    counts: NDArray[np.int64] | None
    """None where every value stands for itself."""

    def many(self, which: NDArray[np.bool_]) -> int:
        """Return how many magnitudes the marked values stand for."""
        return int(np.count_nonzero(which) if self.counts is None else self.counts[which].sum())


def guess(
    chunks: Chunks[B], step: Compute, wanted: Sequence[Target], run: Run
) -> tuple[list[Reach], list[Tallies]] | None:
    """Return what each target reaches with its tallies, or nothing where a window missed its rank or overflowed."""
    numbers = chunks.numbers(step)
    if len(numbers) <= FEWEST:
        return None
    windows = _windows(chunks, step, wanted, run)
    given = [(window.quantity, window.low, window.high) for window in windows]
    found: list[list[_Inside]] = [[] for _ in windows]
    held = 0

    def seen(number: int) -> list[list[_Inside]]:
        pairs = zip(windows, chunks.windowed(step, number, given), strict=True)
        return [[_inside(window, above, values) for above, values in spans] for window, spans in pairs]

    for part in run(seen, numbers):
        for column, spans in zip(found, part, strict=True):
            column.extend(spans)
            held += sum(len(one.values) for one in spans)
        if held > 2 * MOST * len(windows):
            return None
    results = [_reached(target, column) for target, column in zip(wanted, found, strict=True)]
    exact = [result for result in results if result is not None]
    return ([one for one, _ in exact], [tally for _, tally in exact]) if len(exact) == len(results) else None


def _windows(chunks: Chunks[B], step: Compute, wanted: Sequence[Target], run: Run) -> list[_Window]:
    numbers, size = chunks.numbers(step), elements(step)
    count = max(FEWEST, len(numbers) // ONE_IN)
    places = [numbers[i * len(numbers) // count] for i in range(count)]
    samples = _samples(run(lambda n: chunks.sampled(step, n), places))
    margin = min(MARGIN, MOST / 2 / size)
    windows = []
    for target in wanted:
        sample = samples[target.quantity]
        at = 1 - target.count / size
        low = sample[max(0, int((at - margin) * len(sample)))]
        high = sample[min(len(sample) - 1, int((at + margin) * len(sample)))]
        first, last = np.searchsorted(sample, low), np.searchsorted(sample, high, side="right")
        crowded = (last - first) / len(sample) * size > MOST
        windows.append(_Window(target.quantity, int(low), int(high) + 1, bool(crowded)))
    return windows


def _samples(parts: Iterable[Sequence[Bits]]) -> list[Bits]:
    """Return every quantity's sampled magnitudes in rising order."""
    columns = [list(column) for column in zip(*parts, strict=True)]
    found = []
    while columns:
        # One quantity after another is put together and sorted where it stands: the sample is all that takes room.
        sample = np.concatenate(columns.pop(0))
        sample.sort()
        found.append(sample)
    return found


def _inside(window: _Window, above: int, values: Bits) -> _Inside:
    if not window.crowded:
        return _Inside(above, values, None)
    distinct: Any
    distinct, counts = np.unique(values, return_counts=True)
    return _Inside(above, distinct, counts.astype(np.int64))


def _reached(target: Target, spans: Sequence[_Inside]) -> tuple[Reach, Tallies] | None:
    left = target.count - sum(one.above for one in spans)
    threshold = _ranked(spans, left)
    if threshold is None:
        return None
    tallies = [
        (one.above + one.many(one.values > threshold), one.many(one.values == threshold)) for one in spans
    ]
    return reach(threshold, target.count - sum(above for above, _ in tallies), tallies), tallies


def _ranked(spans: Sequence[_Inside], rank: int) -> int | None:
    """Return the magnitude that stands at a rank, counted from the largest inside, if it is inside."""
    values = np.concatenate([one.values for one in spans])
    weights = [one.counts for one in spans if one.counts is not None]
    if not weights:
        if not 0 < rank <= len(values):
            return None
        values.partition(len(values) - rank)
        return int(values[len(values) - rank])
    falling = np.argsort(values)[::-1]
    reached = np.cumsum(np.concatenate(weights)[falling])
    if not 0 < rank <= (reached[-1] if len(reached) else 0):
        return None
    return int(values[falling[np.searchsorted(reached, rank)]])
