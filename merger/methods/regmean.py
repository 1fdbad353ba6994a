"""RegMean: the linear layer whose outputs come closest to those of every parent, on the inputs that each of them sees.

Jin et al., https://arxiv.org/abs/2212.09849, equation 2, with the off-diagonal scaling of section 3; docs/arithmetic.md,
"Methods". Tensors without Gram matrices are averaged, as there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from merger.kernels import B, Operations
from merger.method import Arrays, Method, Statistics, Values
from merger.parameters import SHARE, Parameter
from merger.product import MOST, product
from merger.solve import Matrix, factored, mirrored, solved
from signing.errors import Malformed


@dataclass(frozen=True, slots=True)
class Factors:
    """The parents' shares, the factor of what lies off the diagonal, and what is added on it."""

    shares: list[float]
    alpha: float
    ridge: float


def gram(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a weight's Gram matrix: its inputs squared."""
    if len(shape) != 2 or not 1 <= shape[1] <= MOST:
        raise Malformed(
            f"Gram matrices are merged of weights (outputs, inputs) with 1 to {MOST} inputs, not {shape}"
        )
    return shape[1], shape[1]


def room(shape: tuple[int, ...]) -> int:
    """Return the bytes of two d x d and three o x d matrices in fp64."""
    outputs, inputs = shape
    return 8 * (2 * inputs * inputs + 3 * outputs * inputs)


def resolve(values: Values, _: object) -> Factors:
    """Return the weights divided by their sum, and the parameters as they are."""
    return Factors(values.shares(), values.one("alpha"), values.one("ridge"))


def merge(k: Operations[B], _base: object, parents: Sequence[B], _kept: object, how: Factors) -> B:
    """Return y = sum of c_i x_i, for a tensor without Gram matrices."""
    return k.total([k.scale(x, c) for x, c in zip(parents, how.shares, strict=True)])


def whole(how: Factors, given: Arrays) -> NDArray[np.floating]:
    """Return the W of Wᵀ = (sum of H_i)⁻¹ · sum of H_i W_iᵀ, where H_i are the Gram matrices, scaled."""
    if given.parents[0].size == 0:
        return given.parents[0]
    grams, sides = _weighed(given, 0, how)
    for i in range(1, len(given.parents)):
        gram, side = _weighed(given, i, how)
        grams += gram
        sides += side
    return solved(factored(given.name, grams), sides).astype(given.parents[0].dtype)


def _weighed(given: Arrays, i: int, how: Factors) -> tuple[Matrix, Matrix]:
    """Return one parent's H, which is its Gram matrix, scaled, with the ridge on it, times its share; and its X·H."""
    h = mirrored(given.statistics[i])
    diagonal = np.diagonal(h) + how.ridge
    h *= how.alpha
    np.fill_diagonal(h, diagonal)
    h *= how.shares[i]
    return h, product(given.parents[i].astype(np.float64), h)


METHOD = Method(
    id="regmean",
    summary="linear layers whose outputs are closest to the parents' on their own inputs",
    parameters=(
        SHARE,
        Parameter(
            "alpha", default="0.9", low="0", high="1", help="factor of Gram matrices off their diagonal"
        ),
        Parameter("ridge", default="0.000001", low="0", help="added to the diagonal of Gram matrices"),
    ),
    resolve=resolve,
    merge=merge,
    copies=Values.alone,
    statistics=Statistics("gram", gram, every=False),
    whole=whole,
    room=room,
)
