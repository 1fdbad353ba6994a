"""Layer selection: keep a tuned layer unless tuning moved it off the directions of alignment, else merge it with a safe one.

Djuhera et al., SafeMERGE, https://arxiv.org/abs/2503.17239, where a layer is one weight matrix and the subspace is that of
Hsu et al., Safe LoRA, https://arxiv.org/abs/2405.16833; docs/arithmetic.md, "Methods".
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from merger.kernels import B, Operations
from merger.method import Arrays, Method, Values
from merger.parameters import Parameter
from merger.product import MOST, product
from merger.slices import layer_of
from signing.errors import Malformed


@dataclass(frozen=True, slots=True)
class Verdict:
    """A layer's score, whether it is kept, and the factors of the tuned and the safe model where it is not."""

    score: float
    kept: bool
    tuned: float
    safe: float


def covers(name: str, shape: tuple[int, ...]) -> bool:
    """Say whether a tensor is a layer's matrix; what is none stays as it was tuned."""
    if layer_of(name) is None or len(shape) != 2:
        return False
    if min(shape) > MOST:
        raise Malformed(f"a matrix of shape {shape} is projected only where one side is at most {MOST}")
    return True


def terms(given: Arrays) -> Mapping[str, NDArray[np.float64]]:
    """Return the terms of D, A and B: Δ·P, Δ² and P² with P = V Vᵀ Δ."""
    tuned, aligned, _ = given.parents
    subspace = np.subtract(aligned, given.base).astype(np.float64)
    delta = np.subtract(tuned, aligned).astype(np.float64)
    if delta.shape[0] <= delta.shape[1]:
        projected = product(product(subspace, subspace.T), delta)
    else:
        projected = product(subspace, product(subspace.T, delta))
    return {"dot": delta * projected, "delta": delta * delta, "projected": projected * projected}


def room(shape: tuple[int, ...]) -> int:
    """Return the bytes of V, Δ, P, their terms and the smaller product, in fp64."""
    return 8 * (7 * math.prod(shape) + 2 * min(shape) ** 2)


def resolve(values: Values, totals: Sequence[float]) -> Verdict:
    """Return the verdict from tau, the weight, and the sums D, A and B over the tensor."""
    dot, delta, projected = totals
    score = dot / (math.sqrt(delta) * math.sqrt(projected)) if delta and projected else float(not delta)
    weight = Fraction(str(values.shared["weight"]))
    return Verdict(score, score >= values.one("tau"), float(weight), float(1 - weight))


def merge(k: Operations[B], _base: object, parents: Sequence[B], _kept: object, how: Verdict) -> B:
    """Return the tuned block, or weight · x + (1 - weight) · s."""
    tuned, _, safe = parents
    return tuned if how.kept else k.add(k.scale(tuned, how.tuned), k.scale(safe, how.safe))


METHOD = Method(
    id="layer_select",
    summary="tuned layers, merged with a safe model's where they left the subspace of alignment",
    parameters=(
        Parameter("tau", default="0.35", low="0", high="1", help="score from which on a tuned layer is kept"),
        Parameter(
            "weight",
            default="0.8",
            low="0",
            high="1",
            help="the tuned model's factor where layers are merged",
        ),
    ),
    resolve=resolve,
    merge=merge,
    base="needed",
    parents=(3, 3),
    terms=terms,
    covers=covers,
    room=room,
)
