"""A plan in words: what each tensor will be made of.

Pure, like the plan: nothing is read. Tensors that are made alike are one group, whatever their layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from merger.manifest import SIZES
from merger.parameters import CLIP
from merger.plan import Plan
from merger.slices import is_layer, layer_of
from merger.sources import Source
from merger.stack import Stack
from merger.steps import Compute, Convert, Copy, Step, elements


@dataclass(frozen=True, slots=True)
class From:
    """One input of a group: its role, the artifact, an adapter if one is applied, which layers are taken, whose rows."""

    role: str
    model: str
    adapter: str | None
    layers: str
    rows: Mapping[str, int] = field(default_factory=dict)
    """Where rows are gathered, how many of which artifact; those of "" are +0."""


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


def groups(plan: Plan) -> tuple[Group, ...]:
    """Return how a plan makes its tensors, in order of their first names."""
    found: dict[object, list[Step]] = {}
    for step in plan.steps:
        shape = tuple((role, one.model, _adapter(one), _shift(step, one)) for role, one in _inputs(step))
        found.setdefault((_template(step.name), type(step), step.dtype, shape), []).append(step)
    return tuple(_group(plan, steps) for steps in found.values())


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
        shares = source.rows.shares() if source.rows else {}
        lent = {"" if lender is None else lender[0]: count for lender, count in shares.items()}
        inputs.append(From(role, source.model, _adapter(source), taken, lent))
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
