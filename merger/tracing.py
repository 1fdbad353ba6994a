"""A method followed into loops: its merge, its ranks or its sums, traced from stored inputs to outputs.

`passes` compiles these loops and runs them over spans; what they must give is what the kernels give, operation by operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from merger.kernels.loops import STRIDES, Body, Input, Loop, halved, loop
from merger.kernels.trace import Trace, Value
from merger.method import Method
from merger.reduce import SPAN
from merger.shares import parts
from merger.steps import Compute

PARTIAL = SPAN // STRIDES


class Tracing:
    """The loops of one method, as text. Pure."""

    def __init__(self, rules: Method) -> None:
        self._rules = rules

    def _opened(self, body: Body, step: Compute, inputs: Sequence[Input]) -> tuple[Any, list[Value]]:
        """Return the base, and the parents with their statistics and what was made of whole rows after them."""
        opened = [body.input(i, one) for i, one in enumerate(inputs)]
        found = dict(zip(step.sources, opened, strict=False))
        given = [found[one] for one in step.given] + opened[len(step.sources) :]
        return found[step.base] if step.base else None, given

    def _masks(self, body: Body, step: Compute, base: Any, given: Sequence[Value]) -> list[Value]:
        if step.keys:
            bounds: Sequence[Value | None] = given[len(step.parents) :] or [None] * len(step.keys)
            return [body.drawn(i, bound) for i, bound in enumerate(bounds)]
        if self._rules.ranks is None:
            return []
        found, place = [], 0
        for cut, rank in zip(step.cuts, self._rules.ranks(body.trace, base, given), strict=True):
            found.append(body.reached(place, rank, skips=bool(cut.skip)))
            place += 2 if cut.skip else 1
        return found

    def _bounds(self, step: Compute) -> int:
        return len(step.bounds) or sum(2 if cut.skip else 1 for cut in step.cuts)

    def merging(
        self, step: Compute, scalars: Any, inputs: Sequence[Input], written: str
    ) -> tuple[Loop, tuple[int, ...]]:
        """Return the loop that merges a whole span, and how many masks kept, masks agreed and terms of energy it has."""
        body = Body(step.wide)
        base, given = self._opened(body, step, inputs)
        kept = self._masks(body, step, base, given)
        made = parts(self._rules, step, body.trace, base, given, kept, scalars)
        body.store(0, body.trace.add(made.merged, body.trace.zero), written)
        counted = [*made.kept, *made.agreed]
        found = loop(body, step.wide, len(inputs), len(step.keys), self._bounds(step), 1, made.terms, counted)
        return found, (len(made.kept), len(made.agreed), len(made.terms))

    def ranking(self, step: Compute, inputs: Sequence[Input]) -> Loop:
        """Return the loop that writes the bit patterns of ranked magnitudes, quantity by quantity."""
        body = Body(step.wide)
        base, given = self._opened(body, step, inputs)
        ranks = self._rules.ranks(body.trace, base, given) if self._rules.ranks else []
        for i, rank in enumerate(ranks):
            body.odd.append(body.trace.infinite(rank))
            body.write(i, body.trace.magnitude(rank))
        return loop(body, step.wide, len(inputs), 0, 0, len(ranks))

    def summing(self, step: Compute, inputs: Sequence[Input]) -> tuple[Loop, tuple[str, ...]]:
        """Return the loop that sums a whole span of the method's terms, stride onto stride, and the terms' names."""
        trace, odd = Trace(step.wide), []
        terms: dict[str, list[Value]] = {}
        for stride in range(STRIDES):
            body = Body(step.wide, stride * PARTIAL, trace)
            base, given = self._opened(body, step, inputs)
            kept = self._masks(body, step, base, given)
            found = self._rules.sums(trace, base, given, kept) if self._rules.sums else {}
            for name, term in found.items():
                terms.setdefault(name, []).append(term)
            odd += body.odd
        last = Body(step.wide, 0, trace)
        last.odd = odd
        for i, values in enumerate(terms.values()):
            last.write(i, halved(trace, values))
        return loop(last, step.wide, len(inputs), len(step.keys), self._bounds(step), len(terms)), tuple(
            terms
        )
