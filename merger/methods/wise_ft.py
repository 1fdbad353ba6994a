"""WiSE-FT: interpolate between the base and one fine-tune of it, for accuracy away from the tuning data.

Wortsman et al., https://arxiv.org/abs/2109.01903; docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from merger.kernels import B, Operations
from merger.method import Method, Values
from merger.parameters import Parameter


@dataclass(frozen=True, slots=True)
class Shares:
    """The factors of the two models."""

    base: float
    tuned: float


def resolve(values: Values, _: object) -> Shares:
    """Return 1 - alpha and alpha, each the fp64 nearest to its decimal, as linear reads its weights."""
    alpha = Fraction(str(values.shared["alpha"]))
    return Shares(float(1 - alpha), float(alpha))


def merge(k: Operations[B], base: B, parents: Sequence[B], _kept: object, how: Shares) -> B:
    """Return y = (1 - alpha) · b + alpha · x."""
    (x,) = parents
    return k.add(k.scale(base, how.base), k.scale(x, how.tuned))


METHOD = Method(
    id="wise_ft",
    summary="linear interpolation between the base and one fine-tune",
    parameters=(Parameter("alpha", low="0", high="1", help="0 is the base, 1 the fine-tune"),),
    resolve=resolve,
    merge=merge,
    base="needed",
    parents=(1, 1),
)
