"""A plan in words and numbers: what each tensor will be made of, and what making it takes.

Pure, like the plan: nothing is read. Tensors that are made alike are one group, whatever their layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from merger.execute import AHEAD
from merger.guess import FEWEST, MOST
from merger.manifest import SIZES, Manifest, Tensor
from merger.measure import targets
from merger.method import CLIP
from merger.plan import Compute, Convert, Copy, Plan, Step, elements
from merger.reading import CHUNK
from merger.reduce import SPAN
from merger.select import DIGITS
from merger.slices import is_layer, layer_of
from merger.sources import Source
from merger.stack import Stack


@dataclass(frozen=True, slots=True)
class From:
    """One input of a group: its role, the artifact, an adapter if one is applied, and which layers are taken."""

    role: str
    model: str
    adapter: str | None
    layers: str


@dataclass(frozen=True, slots=True)
class Group:
    """Tensors that are made alike: their names with layers folded, the operation, inputs and parameters."""

    tensors: str
    count: int
    operation: str
    dtype: str
    inputs: tuple[From, ...]
    parameters: Mapping[str, str]
    size: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What executing a plan takes: bytes and passes as (fewest, most), bytes written, bytes of buffers."""

    reads: tuple[int, int]
    passes: tuple[int, int]
    """How often an input is read. The most is reached where the threshold of the largest elements is not guessed."""
    writes: int
    memory: int
    """Buffers alone; the program itself comes on top."""


def groups(plan: Plan) -> tuple[Group, ...]:
    """Return how a plan makes its tensors, in order of their first names."""
    found: dict[object, list[Step]] = {}
    for step in plan.steps:
        shape = tuple((role, one.model, _adapter(one), _shift(step, one)) for role, one in _inputs(step))
        found.setdefault((_template(step.name), type(step), step.dtype, shape), []).append(step)
    return tuple(_group(plan, steps) for steps in found.values())


def cost(plan: Plan, manifests: Mapping[str, Manifest], *, threads: int = 2, factor: int = 1) -> Cost:
    """Return what executing a plan takes."""
    tensors = {(model, t.name): t for model, manifest in manifests.items() for t in manifest.tensors}
    chunk, scope = CHUNK * factor, plan.recipe.parameters.get("scope") == "model"
    reads, passes, buffers, kept = [0, 0], [1, 1], 0, 0
    for step in plan.steps:
        sources = list(dict.fromkeys(source for _, source in _inputs(step)))
        inputs = [tensors[one.model, one.tensor] for one in sources]
        fewest, most = _passes(step, chunk, model_scope=scope)
        once = _read(step, chunk, inputs)
        reads = [reads[0] + once * fewest, reads[1] + once * most]
        passes = [max(passes[0], fewest), max(passes[1], most)]
        buffers = max(buffers, threads * _buffer(plan, step, inputs, chunk))
        factors = sum(one.product.size for one in sources if one.product)
        window = len(_ranked(step)) * min(2 * MOST, elements(step)) * 8
        kept = max(kept, factors + window)
    writes = sum(elements(step) * SIZES[step.dtype] for step in plan.steps)
    return Cost((reads[0], reads[1]), (passes[0], passes[1]), writes, buffers + kept)


def _buffer(plan: Plan, step: Step, inputs: Sequence[Tensor], chunk: int) -> int:
    """Return what one thread holds of a step: a chunk of every input, or all of them, and its results that wait."""
    results = (AHEAD + 1) * SIZES[step.dtype]
    if isinstance(step, Compute) and step.whole:
        room = plan.recipe.rules.room
        arrays = sum(tensor.elements for tensor in inputs) + elements(step)
        work = room(step.shape) if room else 0
        return arrays * SIZES[step.wide] + work + elements(step) * results
    widths = sum(SIZES[tensor.dtype] for tensor in inputs)
    rows = _rows(step, chunk, widths) if isinstance(step, Compute) and step.rows else 0
    return min(chunk, elements(step)) * (widths + results) + rows


def _passes(step: Step, chunk: int, *, model_scope: bool) -> tuple[int, int]:
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


def _read(step: Step, chunk: int, inputs: Sequence[Tensor]) -> int:
    """Return how many bytes one pass reads: chunks are read with the rest of the rows that they cut."""
    size = sum(tensor.size for tensor in inputs)
    if not isinstance(step, Compute) or not step.rows:
        return size
    again = sum(step.row for edge in range(chunk, elements(step), chunk) if edge % step.row)
    return size + again * sum(SIZES[tensor.dtype] for tensor in inputs)


def _rows(step: Compute, chunk: int, widths: int) -> int:
    """Return how many bytes a thread needs for whole rows: of the two that a chunk cuts, and of what is made of all."""
    most = min(elements(step), chunk + 2 * step.row)
    made = len(step.parents) * SIZES[step.wide]
    # On the way a method holds some dozen fp64 numbers for each element of a few rows.
    way = 96 * min(elements(step), max(SPAN, step.row))
    return (most - min(chunk, elements(step))) * widths + most * made + way


def _inputs(step: Step) -> Iterator[tuple[str, Source]]:
    if isinstance(step, Stack):
        yield from ((f"parent {part.position + 1}", part.source) for part in step.parts)
        return
    if not isinstance(step, Compute):
        yield "", step.source
        return
    if step.base is not None:
        yield "base", step.base
    for position, source in zip(step.positions, step.parents, strict=True):
        yield f"parent {position + 1}", source
    for position, source in zip(step.positions, step.statistics, strict=False):
        yield f"statistics of parent {position + 1}", source


def _adapter(source: Source) -> str | None:
    return source.product.adapter if source.product else None


def _shift(step: Step, source: Source) -> int | None:
    mine, theirs = layer_of(step.name), layer_of(source.tensor)
    return None if mine is None or theirs is None else theirs - mine


def _template(name: str) -> tuple[str, str]:
    words = name.split(".")
    at = next((i for i, word in enumerate(words) if is_layer(word)), None)
    return (name, "") if at is None else (".".join(words[:at]), ".".join(words[at + 1 :]))


def _group(plan: Plan, steps: Sequence[Step]) -> Group:
    ordered = sorted(steps, key=lambda step: layer_of(step.name) or 0)
    first = ordered[0]
    layers = [layer for step in ordered if (layer := layer_of(step.name)) is not None]
    head, tail = _template(first.name)
    name = ".".join(part for part in (head, f"{{{_ranges(layers)}}}", tail) if part) if layers else first.name
    inputs = []
    for role, source in _inputs(first):
        shift = _shift(first, source)
        taken = "" if shift is None else _ranges([layer + shift for layer in layers])
        inputs.append(From(role, source.model, _adapter(source), taken))
    operation = (
        "copy"
        if isinstance(first, Copy)
        else "round"
        if isinstance(first, Convert)
        else f"{plan.recipe.method} without statistics"
        if isinstance(first, Compute) and plan.recipe.rules.statistics and not first.statistics
        else plan.recipe.method
    )
    size = sum(elements(step) * SIZES[step.dtype] for step in steps)
    return Group(name, len(steps), operation, first.dtype, tuple(inputs), _parameters(ordered), size)


def _parameters(steps: Sequence[Step]) -> dict[str, str]:
    """Return each parameter's values over the steps, folded."""
    found: dict[str, list[str]] = {}
    for step in steps:
        if isinstance(step, Compute | Stack):
            if isinstance(step, Compute) and step.clip is not None:
                found.setdefault(CLIP.name, []).append(step.clip)
            for name, value in step.values.shared.items():
                found.setdefault(name, []).append(str(value).lower())
            for position, parent in zip(step.positions, step.values.parents, strict=True):
                for name, value in parent.items():
                    found.setdefault(f"parent {position + 1} {name}", []).append(value)
    return {name: _folded(values) for name, values in found.items()}


def _folded(values: Sequence[str]) -> str:
    """Write values that follow each other once for each run, and of many the first, the second and the last."""
    runs = [value for i, value in enumerate(values) if i == 0 or value != values[i - 1]]
    return ", ".join(runs) if len(runs) <= 3 else f"{runs[0]}, {runs[1]}, …, {runs[-1]}"


def _ranges(numbers: Sequence[int]) -> str:
    """Write numbers in rising order with ranges: 0-3,7."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in found)
