"""Merges of unknown masks: is every weight one of the finitely many values that some mask allows?

A merge that drops task vectors at random (DARE, Yu et al., https://arxiv.org/abs/2311.03099, section 3.2) gives each
element one of 2^n values for n parents, whatever the generator and its seed were. Weights that are among them speak for
the recipe, weights that are not against it; and how often the mask that explains a weight keeps a parent is the density
that was really applied. Pure: chunks in, counts out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from merger.chunks import Chunks
from merger.clip import merged
from merger.deltas import Election, Weighted, lengths
from merger.kernels import Kernels
from merger.kernels.blocks import NumpyKernels
from merger.method import Method
from merger.numbers import LANES
from merger.replay import ordered, patterns
from merger.spans import Span
from merger.steps import Compute
from signing.errors import Malformed

# Every further parent doubles the values an element may have, and the time to try them.
MOST = 8
# How far a weight may lie from an allowed value, in ulps of the output: other engines round in another order.
NEAR = 1

# How many allowed values are held at a time, so that memory does not grow with the number of masks.
CELLS = 1 << 20


@dataclass(frozen=True, slots=True)
class Explained:
    """Of so many elements, how many some mask explains; per parent, how many tell whether they keep it, and do."""

    elements: int
    explained: int
    told: tuple[int, ...]
    kept: tuple[int, ...]

    def __add__(self, other: Explained) -> Explained:
        """Return the counts of both."""
        told = tuple(a + b for a, b in zip(self.told, other.told, strict=True))
        kept = tuple(a + b for a, b in zip(self.kept, other.kept, strict=True))
        return Explained(self.elements + other.elements, self.explained + other.explained, told, kept)

    @property
    def share(self) -> float:
        """Return which share of the elements some mask explains."""
        return self.explained / self.elements if self.elements else 1.0

    def density(self, parent: int) -> float | None:
        """Return how often a parent is kept where its mask can be told, if it can be told anywhere."""
        return self.kept[parent] / self.told[parent] if self.told[parent] else None


def rescales(rules: Method, step: Compute) -> Mapping[str, Any]:
    """Return the scalars that the recipe means for a tensor, by how what is kept is rescaled.

    `65536/t` is arithmetic 1's, the density really drawn; `1/density` is the paper's, and what other engines apply; `1`
    is to leave what is kept as it is.
    """
    if not step.keys:
        raise Malformed(f"{step.name}: its method draws no random masks, so there are none to look for")
    if len(step.parents) > MOST:
        raise Malformed(
            f"{step.name}: {len(step.parents)} parents have 2^{len(step.parents)} masks; at most {MOST} parents are tried"
        )
    if step.sums and rules.sums is not lengths:
        raise Malformed(f"{step.name}: its factors are sums over the very masks that are not known")
    if step.values.shared.get("rescale") == "none":
        return {"1": step.scalars}
    if step.sums:
        # How much of its l1 norm a task vector keeps depends on the mask; over a tensor it comes to the density.
        norms = [norm for parent in step.values.parents for norm in (1.0, float(parent["density"]))]
        return {"1/density": rules.resolve(step.values, norms)}
    if step.rows:
        # Each element's share follows from its rank, and how another engine rescales by it nobody has defined.
        return {f"{LANES}/t": step.scalars}
    found = {f"{LANES}/t": step.scalars}
    drawn = [t / LANES for t in step.bounds]
    written = [float(parent["density"]) for parent in step.values.parents]
    if drawn != written:
        ratios = [d / w for d, w in zip(drawn, written, strict=True)]
        match step.scalars:
            case Weighted(factors=factors):
                found["1/density"] = replace(step.scalars, factors=_times(factors, ratios))
            case Election(rescale=list(factors)):
                found["1/density"] = replace(step.scalars, rescale=_times(factors, ratios))
            case _:
                # How another method would rescale by its density nobody has defined.
                pass
    return found


def explain(chunks: Chunks[Any], step: Compute, number: int, scalars: Any, stored: memoryview) -> Explained:
    """Count the elements of one chunk that some mask explains; `stored` are the chunk's bytes in the foreign merge."""
    k: Kernels[Any] = NumpyKernels(step.wide)
    total = Explained(0, 0, (0,) * len(step.parents), (0,) * len(step.parents))
    there = patterns(stored, step.dtype)
    most, at = CELLS >> len(step.parents), 0
    with np.errstate(all="ignore"):
        for _, span, _ in chunks.spans(step, number):
            size = len(span.parents[0])
            for low in range(0, size, most):
                part = slice(low, min(low + most, size))
                base = None if span.base is None else span.base[part]
                parents, rows = ([one[part] for one in many] for many in (span.parents, span.rows))
                piece = Span(base, parents, rows)
                total += _explained(chunks, k, step, piece, scalars, there[at:][part])
            at += size
    return total


def _explained(
    chunks: Chunks[Any], k: Kernels[Any], step: Compute, span: Span[Any], scalars: Any, there: NDArray[Any]
) -> Explained:
    count, size = len(step.parents), len(there)
    allowed = np.empty((1 << count, size), np.uint64)
    for which in range(1 << count):
        masks = [k.mask(np.full(size, bool(which >> i & 1))) for i in range(count)]
        y = merged(chunks.recipe.rules, step, k, span.base, span.given, masks, scalars)
        allowed[which] = ordered(patterns(k.narrow(y, step.dtype), step.dtype))
    stored = ordered(there)
    near = np.maximum(allowed, stored) - np.minimum(allowed, stored) <= NEAR
    explained = near.any(axis=0)
    order = np.argsort(allowed, axis=0)
    ranked = np.take_along_axis(allowed, order, axis=0)
    close = ranked[1:] - ranked[:-1] <= 2 * NEAR
    told, kept = [], []
    for i in range(count):
        # A parent's mask can be told where all values with it lie apart from all without: whatever was drawn. To ask
        # what was drawn instead would count some outcomes of an election of signs more often than others.
        has = (order >> i & 1).astype(np.bool_)
        mine = explained & ~(close & (has[1:] != has[:-1])).any(axis=0)
        keeps = (near & (np.arange(1 << count) >> i & 1).astype(np.bool_)[:, None]).any(axis=0)
        told.append(int(np.count_nonzero(mine)))
        kept.append(int(np.count_nonzero(mine & keeps)))
    return Explained(size, int(np.count_nonzero(explained)), tuple(told), tuple(kept))


def _times(factors: list[float], ratios: list[float]) -> list[float]:
    return [factor * ratio for factor, ratio in zip(factors, ratios, strict=True)]
