"""Which parent put what into one weight: its chunk is derived again, and the element followed through it (`following`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from merger.chunks import Chunks
from merger.following import Following
from merger.kernels import narrowing
from merger.kernels.blocks import NumpyKernels
from merger.manifest import BLOCK, FLOATS, SIZES
from merger.measure import Measured
from merger.plan import Compute, Convert, Copy, Step, elements
from merger.reading import CHUNK
from merger.replay import patterns
from merger.sources import Source
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
    number, within = divmod(flat, chunks.chunk)
    if isinstance(step, Convert):
        data = bytes(chunks.output(step, number).data[within * width : (within + 1) * width])
        return Attribution(_holding(step, step.source, flat), None, (), number_of(data, step.dtype), data)
    made = chunks.output(step, number, measured.scalars, measured.selections).data
    data = bytes(made[within * width : (within + 1) * width])
    with np.errstate(all="ignore"):
        base, parts = _parts(chunks, step, measured, flat, number)
    return Attribution(None, base, parts, number_of(data, step.dtype), data)


def _holding(step: Step, source: Source, flat: int) -> str:
    """Return what holds an element of one input of a step, by its row where rows are gathered."""
    return source.holding(flat * step.shape[0] // elements(step) if step.shape else 0)


def number_of(data: bytes, dtype: str) -> float:
    """Return the number that the bytes of one stored element stand for."""
    return float(narrowing.widen(data, dtype)[0]) if dtype in FLOATS else int(patterns(data, dtype)[0])


def _parts(
    chunks: Chunks[Any], step: Compute, measured: Measured, flat: int, number: int
) -> tuple[float | None, tuple[Part, ...]]:
    span, kept, at = next(
        (span, kept, flat - start)
        for start, span, kept in chunks.spans(step, number, measured.selections)
        if start <= flat < start + len(span.parents[0])
    )
    count = len(step.parents)
    k = Following(NumpyKernels(step.wide), count + 2)
    base = None if span.base is None else k.input(span.base[at : at + 1], 0)
    parents = [k.input(x[at : at + 1], i) for i, x in enumerate(span.parents, 1)]
    masks = [k.mask(mask[at : at + 1]) for mask in kept]
    form = k.factors(chunks.recipe.rules.merge(k, base, parents, masks, measured.scalars))
    # One mask for all parents says the same of each; other numbers of masks say nothing of single parents.
    every = [bool(mask.value[0]) for mask in masks] * (count if len(masks) == 1 else 1)
    parts = []
    for i, parent in enumerate(parents):
        value = float(parent.value[0])
        delta = None if base is None else float(k.kernels.sub(parent.value, base.value)[0])
        mine = every[i] if len(every) == count else None
        factor = None if form is None else float(form[i + 1]) + 0.0
        parts.append(
            Part(
                position=step.positions[i],
                source=_holding(step, step.parents[i], flat),
                value=value,
                delta=delta,
                kept=mine,
                agreed=k.agreed[i] if len(k.agreed) == count and mine is not False else None,
                factor=factor,
                # A parent that put nothing in put +0 in.
                contribution=None if factor is None else factor * (value if delta is None else delta) + 0.0,
            )
        )
    return None if base is None else float(base.value[0]), tuple(parts)
