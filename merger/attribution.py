"""Which parent put what into one weight: its chunk is derived again, and the element followed through it (`following`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from merger.chunks import Chunks
from merger.clip import merged
from merger.finite import Output
from merger.following import NUMBER, Following
from merger.kernels import narrowing
from merger.kernels.blocks import NumpyKernels
from merger.manifest import BLOCK, FLOATS, SIZES
from merger.measure import Measured
from merger.reading import CHUNK
from merger.replay import patterns
from merger.sources import Source
from merger.spans import Span
from merger.stack import Stack
from merger.steps import Compute, Convert, Copy, Step, elements
from signing.errors import Malformed

_PLACE = re.compile(r"(?P<tensor>.+)\[(?P<indices>[0-9, ]*)\]", re.DOTALL | re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """What one remaining parent has to do with the weight; None stands for what the method does not have.

    `contribution` is `factor` times delta, or times value without a base: exact numbers, before any rounding.
    """

    position: int
    source: str
    value: float
    delta: float | None
    kept: bool | None
    agreed: bool | None
    factor: float | None
    contribution: float | None


@dataclass(frozen=True, slots=True)
class Attribution:
    """One weight as it is derived: from one source as it stands, or from base and parents."""

    source: str | None
    base: float | None
    parts: tuple[Part, ...]
    result: float
    """As narrowed to the output type; the bit pattern of what is no floating-point number."""
    data: bytes
    """The stored bytes of the result."""


def place(text: str, shape: Sequence[int]) -> int:
    """Return the flat index that `TENSOR[i,j]` means in a tensor of this shape."""
    tensor, indices = parse(text)
    if len(indices) != len(shape):
        raise Malformed(f"{text} gives {len(indices)} indices, and {tensor} has the shape {list(shape)}")
    flat = 0
    for index, size in zip(indices, shape, strict=True):
        if index >= size:
            raise Malformed(f"{text}: index {index} lies outside the shape {list(shape)} of {tensor}")
        flat = flat * size + index
    return flat


def parse(text: str) -> tuple[str, list[int]]:
    """Return the tensor and the indices of `TENSOR[i,j]`; of a tensor without dimensions, `TENSOR[]`."""
    found = _PLACE.fullmatch(text)
    indices = (
        [one.strip() for one in found["indices"].split(",")] if found and found["indices"].strip() else []
    )
    if found is None or not all(one.isdigit() and len(one) < 20 for one in indices):
        raise Malformed(f"{text!r:.80} is no weight: write TENSOR[i,j] with one whole number per dimension")
    return found["tensor"], [int(one) for one in indices]


def attribute(chunks: Chunks[Any], step: Step, measured: Measured, flat: int) -> Attribution:
    """Derive the chunk that holds element `flat` of a tensor, and follow that element from its inputs to the result."""
    width = SIZES[step.dtype]
    if isinstance(step, Copy):
        # A copy's chunks are counted in blocks of bytes, whatever its type is.
        number, byte = divmod(flat * width, chunks.chunk // CHUNK * BLOCK)
        data = bytes(chunks.output(step, number).data[byte : byte + width])
        return Attribution(_holding(step, step.source, flat), None, (), number_of(data, step.dtype), data)
    number, within = divmod(flat, chunks.size(step))
    if isinstance(step, Convert):
        data = bytes(chunks.output(step, number).data[within * width : (within + 1) * width])
        return Attribution(_holding(step, step.source, flat), None, (), number_of(data, step.dtype), data)
    if isinstance(step, Compute) and step.moved is not None:
        data = bytes(chunks.output(step, number).data[within * width : (within + 1) * width])
        return Attribution(_origin(chunks, step, flat), None, (), number_of(data, step.dtype), data)
    made = chunks.output(step, number, measured.scalars, measured.selections).data
    data = bytes(made[within * width : (within + 1) * width])
    if isinstance(step, Stack):
        return Attribution(None, None, (_part(chunks, step, flat),), number_of(data, step.dtype), data)
    with np.errstate(all="ignore"):
        base, parts = _parts(chunks, step, measured, flat, number)
    return Attribution(None, base, parts, number_of(data, step.dtype), data)


def _origin(chunks: Chunks[Any], step: Compute, flat: int) -> str:
    """Say which element of the parent's tensor was moved to `flat`."""
    place = np.unravel_index(chunks.whole.origin(step, flat), step.shape)
    (source,) = step.parents
    return f"{source.tensor}[{','.join(map(str, place))}] of {source.model}"


def _holding(step: Step, source: Source, flat: int) -> str:
    """Return what holds an element of one input of a step, by its row where rows are gathered."""
    return source.holding(flat * step.shape[0] // elements(step) if step.shape else 0)


def number_of(data: bytes, dtype: str) -> float:
    """Return the number that the bytes of one stored element stand for."""
    return float(narrowing.widen(data, dtype)[0]) if dtype in FLOATS else int(patterns(data, dtype)[0])


def _part(chunks: Chunks[Any], step: Stack, flat: int) -> Part:
    """Return what the one adapter that an element of a stack comes from has to do with it."""
    part, x = chunks.part(step, flat)
    value = float(x[0])
    return Part(
        position=part.position,
        source=str(part.source),
        value=value,
        delta=None,
        kept=None,
        agreed=None,
        factor=part.factor,
        contribution=part.factor * value,
    )


def _span(
    chunks: Chunks[Any], step: Compute, measured: Measured, flat: int, number: int
) -> tuple[Span[Any], list[Any], int]:
    """Return the span that holds an element, its masks, and where in it the element is; a whole tensor is one span."""
    if step.whole:
        found = chunks.whole.arrays(step, Output(b""))
        base = None if found.base is None else found.base.reshape(-1)
        return Span(base, [x.reshape(-1) for x in found.parents]), [], flat
    return next(
        (span, kept, flat - start)
        for start, span, kept in chunks.spans(step, number, measured.selections)
        if start <= flat < start + len(span.parents[0])
    )


def _parts(
    chunks: Chunks[Any], step: Compute, measured: Measured, flat: int, number: int
) -> tuple[float | None, tuple[Part, ...]]:
    span, kept, at = _span(chunks, step, measured, flat, number)
    count = len(step.parents)
    plain = NumpyKernels(step.wide)
    k = Following(plain)
    base = None if span.base is None else span.base[at : at + 1]
    parents = [x[at : at + 1] for x in span.parents[:count]]
    masks = [mask[at : at + 1] for mask in kept]
    factors = None
    if not step.whole or chunks.recipe.rules.whole is None:
        y = merged(
            chunks.recipe.rules,
            step,
            k,
            None if base is None else k.constant(base),
            [
                *(k.parent(i, x) for i, x in enumerate(parents)),
                # Statistics, and what rows say, are numbers here: no part of the weight is theirs.
                *(k.constant(x[at : at + 1]) for x in span.given[count:]),
            ],
            [k.constant(mask) for mask in masks],
            measured.scalars,
        )
        # What the method adds of its own may be nothing at this element.
        if y.factors is not None and not _number(y.factors.get(NUMBER, 0.0)):
            factors = y.factors
    # One mask for all parents says the same of each; other numbers of masks say nothing of single parents.
    every = [bool(mask[0]) for mask in masks] * (count if len(masks) == 1 else 1)
    parts = []
    for i, x in enumerate(parents):
        value = float(x[0])
        delta = None if base is None else float(plain.sub(x, base)[0])
        mine = every[i] if len(every) == count else None
        factor = None if factors is None else _number(factors.get(i, 0.0))
        parts.append(
            Part(
                position=step.positions[i],
                source=_holding(step, step.parents[i], flat),
                value=value,
                delta=delta,
                kept=mine,
                agreed=bool(k.agreed[i][0]) if len(k.agreed) == count and mine is not False else None,
                factor=factor,
                # A parent that put nothing in put +0 in.
                contribution=None if factor is None else factor * (value if delta is None else delta) + 0.0,
            )
        )
    return None if base is None else float(base[0]), tuple(parts)


def _number(factor: Any) -> float:
    return (factor if isinstance(factor, float) else float(factor[0])) + 0.0
