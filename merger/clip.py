"""Clip: how far a merged element may lie from the base, in units of the furthest that any parent moved it.

Rescaled random masks (1/(1 - p) of DARE) and sums of task vectors can take an element where no parent ever was. A recipe
with `clip` limits it; docs/arithmetic.md, "Clip". Every merge of a block, whoever asks for it, goes through `merged`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from merger.deltas import deltas, largest_term
from merger.kernels import B, Operations
from merger.method import Method
from merger.steps import Compute


def merged(
    rules: Method,
    step: Compute,
    k: Operations[B],
    base: B | None,
    given: Sequence[B],
    kept: Sequence[B],
    scalars: Any,
) -> B:
    """Return what a method makes of one block of a step's tensor, limited where the recipe says so.

    `given` are the parents, and what else the method has of each element.
    """
    y: B = rules.merge(k, base, given, kept, scalars)
    return y if step.clip is None else clipped(k, base, given[: len(step.parents)], y, float(step.clip))


def clipped(k: Operations[B], base: B | None, parents: Sequence[B], y: B, clip: float) -> B:
    """Return y, no further from the base (from 0 without one) than `clip` times the largest |d_i| (|x_i|); NaN stays."""
    furthest = k.absolute(largest_term(k, parents if base is None else deltas(k, base, parents)))
    most = k.scale(furthest, clip)
    centre = k.fill(y, 0.0) if base is None else base
    low = k.sub(centre, most)
    high = most if base is None else k.add(centre, most)
    y = k.choose(k.exceeds(low, y), low, y)
    return k.choose(k.exceeds(y, high), high, y)
