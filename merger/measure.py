"""What must be known of a whole tensor before it can be merged: thresholds of its largest elements, sums over it.

Passes over the tensor's chunks, run by any number of threads in any order: counts add up exactly, and block values of
sums are put in order before they are added (docs/arithmetic.md), so the results are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from merger.chunks import Chunks, Run
from merger.guess import guess
from merger.kernels import B, Wide
from merger.kernels.blocks import NumpyKernels
from merger.manifest import FLOATS
from merger.method import Cut
from merger.plan import Plan
from merger.reduce import SPAN, total
from merger.select import RADIX, Counts, Reach, Search, Selection, Tallies, Target, reach
from merger.steps import Compute, elements

_FLOAT: Mapping[Wide, Any] = {"F32": np.float32, "F64": np.float64}
_BITS: Mapping[Wide, Any] = {"F32": np.uint32, "F64": np.uint64}


@dataclass(frozen=True, slots=True)
class Measured:
    """One tensor's scalars, what is kept of its ranked quantities, and the witnesses of both."""

    scalars: Any
    sums: Mapping[str, Sequence[float]] = field(default_factory=dict)
    selections: Sequence[Selection] = ()
    reaches: Sequence[Reach] = ()
    tallies: Sequence[Tallies] = ()


@dataclass(slots=True)
class ModelScope:
    """The thresholds that `scope: model` found, one per target, and how many equals are left to keep."""

    thresholds: list[int]
    left: list[int]


def targets(cuts: Sequence[Cut]) -> list[Target]:
    """Return the thresholds that cuts need: for each cut that of all it reaches, then that of what it skips, if any."""
    found = []
    for quantity, cut in enumerate(cuts):
        if cut.quartiles is not None:
            found += [Target(quantity, count) for count in cut.quartiles]
            continue
        found += [Target(quantity, cut.skip + cut.keep)] if cut.above is None else []
        found += [Target(quantity, cut.skip)] if cut.skip else []
    return found


def measure(chunks: Chunks[B], step: Compute, run: Run, scope: ModelScope | None = None) -> Measured:
    """Measure one tensor. With `scope`, tensors must come in their order: each takes its share of the equals."""
    rules = chunks.recipe.rules
    wanted = targets(step.cuts)
    reaches, tallies = _reaches(chunks, step, wanted, run, scope) if wanted else ([], [])
    selections = selected(step, reaches)
    if not step.sums:
        return Measured(step.scalars, {}, selections, reaches, tallies)
    sums: dict[str, list[float]] = {}
    # An empty tensor has no chunk to ask for the names of its sums, which are +0: chunk 0 of it holds nothing.
    for part in run(lambda n: chunks.sums(step, n, selections), chunks.numbers(step) or range(1)):
        for name, values in part.items():
            sums.setdefault(name, []).extend(values)
    scalars = rules.resolve(step.values, [total(values) for values in sums.values()])
    return Measured(scalars, sums, selections, reaches, tallies)


def model_scope(chunks: Chunks[B], plan: Plan, run: Run) -> ModelScope:
    """Find, per target, the threshold of the largest elements over the concatenation of all floating tensors."""
    steps = [step for step in plan.steps if isinstance(step, Compute)]
    if not steps:
        return ModelScope([], [])
    # Tensors that are copied from the base have deltas of zero, which count although nobody reads them.
    zeros = sum(elements(s) for s in plan.steps if s.dtype in FLOATS and not isinstance(s, Compute))
    wanted = targets(plan.model_cuts(steps[0]))
    searches = [Search(steps[0].wide, target.count) for target in wanted]
    while not searches[0].done:
        totals = [_zeros() for _ in searches]
        for step in steps:
            for i, found in enumerate(_count(chunks, step, wanted, searches, run)):
                totals[i] += found
        for search, found in zip(searches, totals, strict=True):
            found[0] += zeros if search.prefix == 0 else 0
        _narrow(searches, totals)
    return ModelScope([s.prefix for s in searches], [s.keep for s in searches])


def _reaches(
    chunks: Chunks[B], step: Compute, wanted: Sequence[Target], run: Run, scope: ModelScope | None
) -> tuple[list[Reach], list[Tallies]]:
    numbers = chunks.numbers(step)
    guessed = guess(chunks, step, wanted, run) if scope is None else None
    if guessed is not None:
        return guessed
    if scope is None:
        searches = [Search(step.wide, target.count) for target in wanted]
        while not searches[0].done:
            _narrow(searches, _count(chunks, step, wanted, searches, run))
        scope = ModelScope([s.prefix for s in searches], [s.keep for s in searches])
    bounds = [(target.quantity, bound) for target, bound in zip(wanted, scope.thresholds, strict=True)]
    tallies: list[Tallies] = [[] for _ in wanted]
    for part in run(lambda n: chunks.tally(step, n, bounds), numbers):
        for tally, spans in zip(tallies, part, strict=True):
            tally.extend(spans)
    reaches = [reach(*one) for one in zip(scope.thresholds, scope.left, tallies, strict=True)]
    scope.left = [left - one.equals for left, one in zip(scope.left, reaches, strict=True)]
    return reaches, tallies


def selected(step: Compute, reaches: Sequence[Reach]) -> list[Selection]:
    """Return what each cut of a tensor keeps, from the reaches of its targets in their order."""
    rest = iter(reaches)
    found = []
    for cut in step.cuts:
        if cut.quartiles is not None:
            low, middle, high = (next(rest).threshold for _ in cut.quartiles)
            found.append(Selection(_beyond(_fence(step.wide, low, middle, high) - 1, step)))
        elif cut.above is not None:
            found.append(Selection(_beyond(_pattern(step.wide, cut.above), step)))
        else:
            found.append(Selection(next(rest), next(rest) if cut.skip else None))
    return found


def _beyond(threshold: int, step: Compute) -> Reach:
    return Reach(threshold, 0, [0] * (len(range(0, elements(step), SPAN)) + 1))


def _pattern(wide: Wide, magnitude: float) -> int:
    k = NumpyKernels(wide)
    with np.errstate(over="ignore"):
        return int(k.magnitude(k.fill(np.zeros(1, _FLOAT[wide]), magnitude))[0])


def _fence(wide: Wide, low: int, middle: int, high: int) -> int:
    """Return the bits from which on a magnitude is no less than m + 1.5 (h - l), computed in T."""
    k = NumpyKernels(wide)
    found = [np.array([bits], _BITS[wide]).view(_FLOAT[wide]) for bits in (low, middle, high)]
    with np.errstate(all="ignore"):
        return int(k.magnitude(k.add(found[1], k.scale(k.sub(found[2], found[0]), 1.5)))[0])


def _count(
    chunks: Chunks[B], step: Compute, wanted: Sequence[Target], searches: Sequence[Search], run: Run
) -> list[Counts]:
    pairs = [(target.quantity, search) for target, search in zip(wanted, searches, strict=True)]
    totals = [_zeros() for _ in searches]
    for part in run(lambda n: chunks.digits(step, n, pairs), chunks.numbers(step)):
        for i, found in enumerate(part):
            totals[i] += found
    return totals


def _narrow(searches: Sequence[Search], counts: Sequence[Counts]) -> None:
    for search, found in zip(searches, counts, strict=True):
        search.step(found)


def _zeros() -> Counts:
    return np.zeros(RADIX, np.int64)
