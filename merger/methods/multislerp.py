"""Multi-SLERP: the weighted mean of the models' directions, at the weighted mean of their lengths.

Goddard, https://goddard.blog/posts/multislerp-wow-what-a-cool-idea; docs/arithmetic.md, "Methods". There the directions
are projected onto the tangent space at their normalized weighted mean, summed with the same weights and mapped back. A
mean's weighted residuals sum to zero, so that sum is the zero tangent, and the normalized mean itself is the result.
"""

from collections.abc import Sequence

from merger.gram import Gram, below, finite, merge, nearest, reals, sums
from merger.method import Method, Values
from merger.parameters import NORMALIZE, WEIGHT, Parameter

FLAG = "normalize_weights"


def resolve(values: Values, totals: Sequence[float]) -> list[float]:
    """Return a factor per remaining parent from the weights and the Gram sums."""
    weights = values.weights(FLAG)
    if finite(totals):
        with reals() as real:
            gram = Gram(totals, len(weights))
            mean = [w / r if r else real.zero for w, r in zip(weights, gram.lengths, strict=True)]
            length = gram.length(mean)
            if not below(length, real.mpf(values.one("eps"))):
                target = real.fdot(weights, gram.lengths)
                return [nearest(target * share / length) for share in mean]
    # Directions that cancel out have no mean on the sphere; the models themselves have one.
    return weights


def copies(values: Values) -> int | None:
    """Return the one parent that remains, where it counts once."""
    return 0 if values.weights(FLAG) == [1.0] else None


METHOD = Method(
    id="multislerp",
    summary="weighted mean direction of models or task vectors, at their mean length",
    parameters=(
        WEIGHT,
        Parameter(FLAG, default=True, help=NORMALIZE.help),
        Parameter(
            "eps",
            default="0.00000001",
            above="0",
            high="1",
            help="a mean direction shorter than this is none: then the models are added up",
        ),
    ),
    resolve=resolve,
    merge=merge,
    base="either",
    sums=sums,
    copies=copies,
)
