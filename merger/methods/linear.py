"""Linear: the weighted sum of the parents' weights, a model soup.

Wortsman et al., https://arxiv.org/abs/2203.05482; docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence
from dataclasses import replace

from merger.kernels import B, Operations
from merger.method import Method, Values
from merger.parameters import NORMALIZE, WEIGHT


def resolve(values: Values, _: object) -> list[float]:
    """Return the weights of the remaining parents, normalized where the recipe says so."""
    return values.weights()


def merge(k: Operations[B], _base: object, parents: Sequence[B], _kept: object, weights: list[float]) -> B:
    """Return y = sum of w_i x_i."""
    return k.total([k.scale(x, w) for x, w in zip(parents, weights, strict=True)])


METHOD = Method(
    id="linear",
    summary="weighted sum of the parents",
    parameters=(WEIGHT, replace(NORMALIZE, default=True)),
    resolve=resolve,
    merge=merge,
)
