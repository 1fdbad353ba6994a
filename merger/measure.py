"""What a tensor's merge must know before its first element: sums over it, and which of its deltas are the largest.

docs/arithmetic.md, "Sums over a tensor" and "The largest k". Each pass reads the inputs again, checked again; `run` is
`map` or a thread pool's, and the results are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol, TypeVar

import numpy as np

from merger.chunks import Chunks, Sums
from merger.kernels import B
from merger.plan import FLOATS, Compute, Plan, elements
from merger.reduce import total
from merger.select import RADIX, Counts, Search, Selection

R = TypeVar("R")
Tallies = list[tuple[int, int]]


class Run(Protocol):
    """Apply a function to chunk numbers, results in order: `map`, or a pool's."""

    def __call__(self, work: Callable[[int], R], numbers: Iterable[int], /) -> Iterator[R]:
        """Yield `work(n)` for every n of `numbers`, in order."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One tensor's scalars, the selections of its parents, and the witnesses of both."""

    scalars: Any
    sums: Sequence[Sums] = ()
    selections: Sequence[Selection] = ()
    tallies: Sequence[Tallies] = ()


@dataclass(slots=True)
class ModelScope:
    """The thresholds that `scope: model` found, one per parent, and how many equals are left to keep."""

    thresholds: list[int]
    left: list[int]


def measure(chunks: Chunks[B], step: Compute, run: Run, scope: ModelScope | None = None) -> Measured:
    """Measure one tensor. With `scope`, tensors must come in their order: each takes its share of the equals."""
    rules = chunks.recipe.rules
    numbers = chunks.numbers(step)
    if rules.measures:
        sums = [values for part in run(lambda n: chunks.sums(step, n), numbers) for values in part]
        totals = tuple(total([values[i] for values in sums]) for i in range(3))
        return Measured(rules.resolve(step.values, totals), sums)
    if not step.counts:
        return Measured(step.scalars)
    if scope is None:
        searches = [Search(step.wide, count) for count in step.counts]
        while not searches[0].done:
            _narrow(searches, _count(chunks, step, searches, run))
        scope = ModelScope([s.prefix for s in searches], [s.keep for s in searches])
    tallies: list[Tallies] = [[] for _ in scope.thresholds]
    for part in run(lambda n: chunks.tally(step, n, scope.thresholds), numbers):
        for tally, spans in zip(tallies, part, strict=True):
            tally.extend(spans)
    selections = []
    for i, tally in enumerate(tallies):
        equals = min(scope.left[i], sum(equal for _, equal in tally))
        before = list(accumulate((equal for _, equal in tally), initial=0))
        selections.append(Selection(scope.thresholds[i], equals, before))
        scope.left[i] -= equals
    return Measured(step.scalars, (), selections, tallies)


def model_scope(chunks: Chunks[B], plan: Plan, run: Run) -> ModelScope:
    """Find, per parent, the threshold of the largest k over the concatenation of all floating tensors."""
    steps = [step for step in plan.steps if isinstance(step, Compute)]
    if not steps:
        return ModelScope([], [])
    # Tensors that are copied from the base have deltas of zero, which count although nobody reads them.
    zeros = sum(elements(s) for s in plan.steps if s.dtype in FLOATS and not isinstance(s, Compute))
    counts = plan.model_counts()
    searches = [Search(steps[0].wide, counts[position]) for position in steps[0].positions]
    while not searches[0].done:
        totals = [_zeros() for _ in searches]
        for step in steps:
            for i, found in enumerate(_count(chunks, step, searches, run)):
                totals[i] += found
        for search, found in zip(searches, totals, strict=True):
            found[0] += zeros if search.prefix == 0 else 0
        _narrow(searches, totals)
    return ModelScope([s.prefix for s in searches], [s.keep for s in searches])


def _count(chunks: Chunks[B], step: Compute, searches: Sequence[Search], run: Run) -> list[Counts]:
    totals = [_zeros() for _ in searches]
    for part in run(lambda n: chunks.digits(step, n, searches), chunks.numbers(step)):
        for i, found in enumerate(part):
            totals[i] += found
    return totals


def _narrow(searches: Sequence[Search], counts: Sequence[Counts]) -> None:
    for search, found in zip(searches, counts, strict=True):
        search.step(found)


def _zeros() -> Counts:
    return np.zeros(RADIX, np.int64)
