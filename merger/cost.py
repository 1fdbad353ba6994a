"""What executing a plan takes: bytes read, written and held, passes, and about how long.

Pure, like the plan: nothing is read, and how fast a machine is comes from whoever measured it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from merger.effective import IN_WORK
from merger.effective import KEPT as FACTORS
from merger.execute import AHEAD
from merger.gathering import HELD as KEPT
from merger.gathering import reads as gathers
from merger.guess import FEWEST, MOST
from merger.manifest import BLOCK, SIZES, Manifest, Tensor
from merger.measure import targets
from merger.plan import Plan
from merger.reading import CHUNK
from merger.reduce import SPAN
from merger.rows import HELD
from merger.select import DIGITS
from merger.sources import Source
from merger.stack import Stack
from merger.steps import Compute, Copy, Step, elements
from signing.errors import Malformed

# Blocks of a span that kernels hold at a time for each input, where no compiled pass does the work: seen, not proven.
_BLOCKS = 12
# What one entry of a witness takes as Python holds it: a float or a pair of counts, and its place in a list.
_ENTRY = 200
# By so much the smallest bound is rounded up when it is named, since two runs of a program hold not quite the same.
_STEP = 10_000_000

Span = tuple[int, int]
"""The fewest and the most, where a guess decides how often inputs are read."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What executing a plan takes: bytes read and passes as (fewest, most), bytes written, bytes of memory."""

    reads: Span
    passes: Span
    """How often an input is read. The most is reached where the threshold of the largest elements is not guessed."""
    moves: Span
    """Bytes of numbers in the type they are computed in, that all passes take in and give out."""
    writes: int
    memory: int
    """What threads hold to work with; the program itself comes on top."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What one thread of a machine does, in bytes a second."""

    sha256: float
    blake3: float
    copy: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """About how many seconds a merge takes, and what of processor time that is made of, each as (fewest, most)."""

    seconds: tuple[float, float]
    parts: Mapping[str, tuple[float, float]]


Tensors = Mapping[tuple[str, str], Tensor]


def cost(plan: Plan, manifests: Mapping[str, Manifest], *, threads: int = 2, factor: int = 1) -> Cost:
    """Return what executing a plan takes."""
    tensors = _tensors(manifests)
    chunk, scope = CHUNK * factor, plan.recipe.parameters.get("scope") == "model"
    reads, moves, passes = [0, 0], [0, 0], [1, 1]
    for step in plan.steps:
        inputs = _inputs(step, tensors)
        once = _read(step, chunk, tensors)
        wide = 0 if isinstance(step, Copy) else SIZES[step.wide] * (len(inputs) + 1)
        for i, count in enumerate(_passes(step, chunk, model_scope=scope)):
            reads[i] += once[i] * count
            moves[i] += elements(step) * wide * count
            passes[i] = max(passes[i], count)
    writes = sum(elements(step) * SIZES[step.dtype] for step in plan.steps)
    each, held = _memory(plan, tensors, factor)
    return Cost(
        (reads[0], reads[1]), (passes[0], passes[1]), (moves[0], moves[1]), writes, threads * each + held
    )


def fitted(
    plan: Plan, manifests: Mapping[str, Manifest], memory: int, program: int, *, threads: int, factor: int
) -> tuple[int, int]:
    """Return the most threads up to `threads`, then the largest reads up to `factor`, that `memory` bytes allow.

    `program` is what the process holds without them. Raises `Malformed` with the smallest memory that would do.
    """
    tensors = _tensors(manifests)
    found = []
    for size in range(1, factor + 1):
        each, held = _memory(plan, tensors, size)
        room = (memory - program - held) // each if each else threads
        found.append((min(threads, room), size))
    best = max(found)
    if best[0] < 1:
        each, held = _memory(plan, tensors, 1)
        least = -(-(program + held + each) // _STEP) * _STEP
        raise Malformed(
            f"{memory / 1e6:.0f} MB of memory are too little: with 1 thread and the smallest reads it takes {least // 10**6}M, of which the program itself has {program / 1e6:.0f} MB"
        )
    return best


def estimate(takes: Cost, rates: Rates, *, threads: int, cores: int) -> Estimate:
    """Return about how long executing takes, from what a thread does a second; `cores` work at a time."""
    parts = {
        "read": _each(takes.reads, rates.copy),
        "check": _each(_sum(takes.reads, takes.writes), rates.blake3),
        "compute": _each(takes.moves, rates.copy),
        "hash": _each((takes.writes, takes.writes), rates.sha256),
        "write": _each((takes.writes, takes.writes), rates.copy),
    }
    # One loop takes results in order, hashes and writes them, while threads work on the next.
    workers = min(threads + 1, cores)
    seconds = []
    for i in range(2):
        alone = parts["hash"][i] + parts["write"][i]
        seconds.append(max(alone, sum(part[i] for part in parts.values()) / workers))
    return Estimate((seconds[0], seconds[1]), parts)


def _sum(size: Span, more: int) -> Span:
    return size[0] + more, size[1] + more


def _each(size: Span, rate: float) -> tuple[float, float]:
    return size[0] / rate, size[1] / rate


def _tensors(manifests: Mapping[str, Manifest]) -> Tensors:
    return {(model, t.name): t for model, manifest in manifests.items() for t in manifest.tensors}


def _memory(plan: Plan, tensors: Tensors, factor: int) -> tuple[int, int]:
    """Return the bytes that each thread holds at most, and those that all of them share."""
    chunk, each, shared, witnesses = CHUNK * factor, 0, 0, 0
    factors = []
    for step in plan.steps:
        inputs = _inputs(step, tensors)
        each = max(each, _held(plan, step, inputs, chunk))
        factors.append(sum(one.product.size for one in set(_sources(step)) if one.product))
        window = len(_ranked(step)) * min(2 * MOST, elements(step)) * 8
        rows = min(HELD, elements(step) * 8) if isinstance(step, Compute) and step.rows else 0
        lenders = {lender for one in _sources(step) if one.rows for lender in one.rows.lenders}
        lent = min(KEPT * BLOCK, sum(tensors[lender].size for lender in lenders))
        shared = max(shared, window + rows + lent)
        witnesses += -(-elements(step) // SPAN) * _witnesses(step) * _ENTRY
    held = min(sum(factors), max(FACTORS, sum(sorted(factors)[-IN_WORK:])))
    return each, held + shared + witnesses


def _held(plan: Plan, step: Step, inputs: Sequence[Tensor], chunk: int) -> int:
    """Return what one thread holds of a step: a chunk of every input, or all of them, and its results that wait."""
    results = (AHEAD + 1) * SIZES[step.dtype]
    if isinstance(step, Compute) and step.whole:
        room = plan.recipe.rules.room
        arrays = sum(tensor.elements for tensor in inputs) + elements(step)
        work = room(step.shape) if room else 0
        return arrays * SIZES[step.wide] + work + elements(step) * results
    widths = sum(SIZES[tensor.dtype] for tensor in inputs)
    size = min(chunk, elements(step)) * (widths + results)
    if not isinstance(step, Compute):
        return size
    size += min(SPAN, elements(step)) * len(inputs) * _BLOCKS * SIZES[step.wide]
    return size + _rows(step, chunk, widths)


def _rows(step: Compute, chunk: int, widths: int) -> int:
    """Return how many bytes a thread needs for whole rows: of the two that a chunk cuts, and of what is made of all."""
    if not step.rows:
        return 0
    most = min(elements(step), chunk + 2 * step.row)
    made = len(step.parents) * SIZES[step.wide]
    # On the way a method holds some dozen fp64 numbers for each element of a few rows.
    way = 96 * min(elements(step), max(SPAN, step.row))
    return (most - min(chunk, elements(step))) * widths + most * made + way


def _read(step: Step, chunk: int, tensors: Tensors) -> Span:
    """Return how many bytes one pass reads: chunks with the rest of the rows that they cut, and rows as they are gathered."""
    sources = list(dict.fromkeys(_sources(step)))
    straight = [tensors[one.model, one.tensor] for one in sources if one.rows is None]
    size = sum(tensor.size for tensor in straight)
    if isinstance(step, Compute) and step.rows:
        again = sum(step.row for edge in range(chunk, elements(step), chunk) if edge % step.row)
        size += again * sum(SIZES[tensor.dtype] for tensor in straight)
    gathered = [gathers(one.rows, tensors, chunk) for one in sources if one.rows is not None]
    return size + sum(fewest for fewest, _ in gathered), size + sum(most for _, most in gathered)


def _witnesses(step: Step) -> int:
    """Return how many entries the witnesses of a step have for each span, at most."""
    if not isinstance(step, Compute):
        return 0
    count = len(step.parents)
    return len(targets(step.cuts)) + (count * (count + 1) // 2 + 2 * count if step.sums else 0)


def _sources(step: Step) -> Sequence[Source]:
    if isinstance(step, Stack):
        return [part.source for part in step.parts]
    return step.sources if isinstance(step, Compute) else (step.source,)


def _inputs(step: Step, tensors: Tensors) -> list[Tensor]:
    return [tensors[one.model, one.tensor] for one in dict.fromkeys(_sources(step))]


def _passes(step: Step, chunk: int, *, model_scope: bool) -> Span:
    if not isinstance(step, Compute):
        return 1, 1
    once = 1 + int(step.sums)
    if not _ranked(step):
        return once, once
    counting = DIGITS[step.wide] + 1
    if model_scope or elements(step) <= FEWEST * chunk:
        return once + counting, once + counting
    return once + 1, once + 1 + counting


def _ranked(step: Step) -> Sequence[object]:
    """Return the thresholds that have to be found."""
    return targets(step.cuts) if isinstance(step, Compute) else []
