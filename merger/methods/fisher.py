"""Fisher merging: the mean of the parents' weights, each weighed by how much its own likelihood depends on it.

Matena and Raffel, https://arxiv.org/abs/2111.09832, section 3, with the diagonal approximation; docs/arithmetic.md,
"Methods". Weights enter as shares a_i / D that are at most 1, so squared gradients may be as small as the type holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from merger.kernels import B, Operations
from merger.method import Method, Statistics, Values
from merger.parameters import SHARE, Parameter


@dataclass(frozen=True, slots=True)
class Factors:
    """The parents' shares before statistics, and what no statistics are below."""

    shares: list[float]
    floor: float


def resolve(values: Values, _: object) -> Factors:
    """Return the weights divided by their sum, and the floor."""
    return Factors(values.shares(), values.one("floor"))


def merge(k: Operations[B], _base: object, given: Sequence[B], _kept: object, how: Factors) -> B:
    """Return y = sum of (a_i / D) x_i with a_i = c_i f_i, and the plain mean where D = 0."""
    parents, statistics = given[: len(how.shares)], given[len(how.shares) :]
    floor = k.fill(statistics[0], how.floor)
    floored = [k.choose(k.exceeds(f, floor), f, floor) for f in statistics]
    shares = [k.scale(f, c) for f, c in zip(floored, how.shares, strict=True)]
    whole = k.total(shares)
    weighed = k.total([k.mul(k.ratio(a, whole), x) for a, x in zip(shares, parents, strict=True)])
    plain = k.total([k.scale(x, c) for x, c in zip(parents, how.shares, strict=True)])
    return k.choose(k.exceeds(k.absolute(whole), k.fill(whole, 0.0)), weighed, plain)


METHOD = Method(
    id="fisher",
    summary="mean of the parents, each element weighed by its Fisher information",
    parameters=(
        SHARE,
        Parameter(
            "floor", default="0", low="0", help="what no statistics are below; the paper's code has 0.000001"
        ),
    ),
    resolve=resolve,
    merge=merge,
    copies=Values.alone,
    statistics=Statistics("fisher", lambda shape: shape),
)
