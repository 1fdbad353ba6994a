"""One span of one tensor, up to 2^16 elements: merged, summed or ranked.

A span stays in the processor's cache and is what sums and selections count by. It is one compiled pass where a pass may
speak, and a composition of kernels elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from merger.finite import Finite, Output
from merger.kernels import B, Bits, Kernels, Wide
from merger.manifest import SIZES
from merger.method import Method
from merger.passes import Masks, Passes, Raw
from merger.reduce import SPAN, block_sum
from merger.seeds import lanes
from merger.select import Selection, within
from merger.shares import Shares, block_energies, parts
from merger.steps import Compute


@dataclass(frozen=True, slots=True)
class Span(Generic[B]):
    """Up to 2^16 elements in T: the base's, each parent's and after them its statistics, and what rows say of each element."""

    base: B | None
    parents: list[B]
    rows: list[B] = field(default_factory=list)

    @property
    def given(self) -> list[B]:
        """Return what a method is given beside the base."""
        return [*self.parents, *self.rows]


class Spans(Generic[B]):
    """What a method does with spans of its tensors. Safe for many threads."""

    def __init__(
        self, rules: Method, kernels: Mapping[Wide, Kernels[B]], passes: Passes | None, finite: Finite
    ) -> None:
        self._rules = rules
        self._kernels = kernels
        self._passes = passes
        self._finite = finite

    def merged(
        self,
        step: Compute,
        start: int,
        raws: Sequence[Raw],
        scalars: Any,
        selections: Sequence[Selection],
        output: Output,
        into: memoryview,
    ) -> None:
        """Write one span, or several where nothing is drawn or cut, into `into`, and add to the output what was counted."""
        drawn = self._lanes(step, start, raws)
        masks = self._masks(step, start, drawn, selections)
        shares = self._passes.merged(step, scalars, raws, masks, into) if self._passes and masks else None
        if shares is None:
            k = self._kernels[step.wide]
            inputs = zip(step.sources, raws, strict=not step.rows)
            blocks = [self._finite.widened(k, raw, source, start, output) for source, raw in inputs]
            span = _span(step, [*blocks, *_widened(k, raws[len(blocks) :])])
            masked = self._kept(k, step, start, span, drawn, selections)
            made = parts(self._rules, step, k, span.base, span.given, masked, scalars)
            into[:] = self._finite.narrowed(k, made.merged, step, start, output)
            kept, agreed = (
                tuple(int(block_sum(k.ones(mask))) for mask in masks) for masks in (made.kept, made.agreed)
            )
            energies = zip(*map(block_energies, made.terms), strict=True)
            shares = [Shares(kept, agreed, energy) for energy in energies] or [Shares(kept, agreed, ())]
            shares[1:] = [
                replace(one, kept=(0,) * len(kept), agreed=(0,) * len(agreed)) for one in shares[1:]
            ]
        output.shares += shares

    def straight(self, step: Compute) -> bool:
        """Say whether a chunk's spans may come in one piece; kernels work span by span, which stays in the cache."""
        return self._passes is not None and self._passes.straight(step, step.sources)

    def summed(
        self, step: Compute, start: int, raws: Sequence[Raw], selections: Sequence[Selection]
    ) -> Mapping[str, float]:
        """Return one span's block values of the method's sums, by name."""
        drawn = self._lanes(step, start, raws)
        masks = self._masks(step, start, drawn, selections)
        values = self._passes.summed(step, raws, masks) if self._passes and masks else None
        if values is not None:
            return values
        k, span = self._kernels[step.wide], self._span(step, raws)
        kept = self._kept(k, step, start, span, drawn, selections)
        terms = self._rules.sums(k, span.base, span.given, kept) if self._rules.sums else {}
        return {name: block_sum(term) for name, term in terms.items()}

    def windowed(self, magnitudes: Bits, low: int, high: int) -> tuple[int, Bits]:
        """Return how many magnitudes are at or above `high`, and those from `low` to below it, in order."""
        return self._passes.windowed(magnitudes, low, high) if self._passes else within(magnitudes, low, high)

    def inputs(
        self, step: Compute, start: int, raws: Sequence[Raw], selections: Sequence[Selection]
    ) -> tuple[Span[B], list[B]]:
        """Return what the method is given of one span: inputs in T, and masks of kept elements."""
        k, span = self._kernels[step.wide], self._span(step, raws)
        return span, self._kept(k, step, start, span, self._lanes(step, start, raws), selections)

    def ranked(self, step: Compute, raws: Sequence[Raw]) -> Sequence[Bits]:
        """Return the bit patterns of one span's ranked magnitudes, quantity by quantity, until this thread asks again."""
        found = self._passes.ranked(step, raws) if self._passes else None
        return self._magnitudes(self._kernels[step.wide], self._span(step, raws)) if found is None else found

    def _magnitudes(self, k: Kernels[B], span: Span[B]) -> list[Bits]:
        ranks = self._rules.ranks
        return [k.magnitude(x) for x in ranks(k, span.base, span.given)] if ranks else []

    def _lanes(self, step: Compute, start: int, raws: Sequence[Raw]) -> list[NDArray[np.uint16]]:
        count = len(raws[0].data) // SIZES[raws[0].stored]
        if self._passes:
            return self._passes.lanes(step.keys, start, count)
        return [lanes(key, start, count) for key in step.keys]

    def _masks(
        self,
        step: Compute,
        start: int,
        drawn: Sequence[NDArray[np.uint16]],
        selections: Sequence[Selection],
    ) -> Masks | None:
        """Return what a compiled pass keeps by, or nothing where only some of a span's equals are kept."""
        if step.keys:
            return Masks(drawn, step.bounds)
        bounds = [bound for selection in selections for bound in selection.bounds(start // SPAN)]
        return None if None in bounds else Masks((), [bound for bound in bounds if bound is not None])

    def _kept(
        self,
        k: Kernels[B],
        step: Compute,
        start: int,
        span: Span[B],
        drawn: Sequence[NDArray[np.uint16]],
        selections: Sequence[Selection],
    ) -> list[B]:
        if step.keys and step.rows:
            numbers = [k.widen(one.astype("<f4").view(np.uint8).data, "F32", None) for one in drawn]
            return [k.exceeds(bound, lane) for lane, bound in zip(numbers, span.rows, strict=True)]
        if step.keys:
            return [k.below(lane, bound) for lane, bound in zip(drawn, step.bounds, strict=True)]
        if not selections:
            return []
        ranked = zip(selections, self._magnitudes(k, span), strict=True)
        return [k.mask(selection.kept(m, start // SPAN)) for selection, m in ranked]

    def _span(self, step: Compute, raws: Sequence[Raw]) -> Span[B]:
        return _span(step, _widened(self._kernels[step.wide], raws))


def _widened(k: Kernels[B], raws: Sequence[Raw]) -> list[B]:
    return [k.widen(raw.data, raw.stored, raw.through) for raw in raws]


def _span(step: Compute, blocks: Sequence[B]) -> Span[B]:
    found = dict(zip(step.sources, blocks, strict=not step.rows))
    base = found[step.base] if step.base else None
    return Span(base, [found[one] for one in step.given], list(blocks[len(found) :]))
