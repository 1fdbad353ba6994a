"""Arcee Fusion: take from another model what stands out, weighed by how far its rows are from the base's.

Arcee AI's mergekit, `arcee_fusion`, https://github.com/arcee-ai/mergekit, with exact order statistics in the place of
sampled ones; the fence is Tukey's, "Exploratory Data Analysis" (1977), section 2D, put at the median;
docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from merger.deltas import kept_deltas
from merger.divergence import divergence
from merger.kernels import B, Kernels, Operations
from merger.method import Cut, Method, Values


def rows(
    _k: Kernels[NDArray[Any]], _: Values, base: NDArray[Any] | None, parents: Sequence[NDArray[Any]]
) -> list[NDArray[Any]]:
    """Return K of every row: how far the parent's distribution is from the base's."""
    (x,) = parents
    return [] if base is None else [divergence(x, base)]


def ranks(k: Operations[B], base: B, given: Sequence[B]) -> list[B]:
    """Return the importance I = |d| · K."""
    x, divergences = given
    return [k.mul(k.absolute(k.sub(x, base)), divergences)]


def cuts(_: Values, size: int) -> list[Cut]:
    """Return that what lies 1.5 interquartile ranges above the median is kept."""
    low, middle, high = (size - (size - 1) * quarter // 4 if size else 0 for quarter in (1, 2, 3))
    return [Cut(0, quartiles=(low, middle, high))]


def resolve(_: Values, __: object) -> None:
    """Return nothing: what is kept is taken as it is."""


def merge(k: Operations[B], base: B, given: Sequence[B], kept: Sequence[B], _how: None) -> B:
    """Return y = b + d where the importance reaches the fence."""
    (v,) = kept_deltas(k, base, given[:1], kept)
    return k.add(base, v)


METHOD = Method(
    id="arcee_fusion",
    summary="base plus the changes of another model that stand out, weighed by the divergence of their rows",
    parameters=(),
    resolve=resolve,
    merge=merge,
    base="needed",
    parents=(1, 1),
    rows=rows,
    ranks=ranks,
    cuts=cuts,
)
