"""TIES: trim each task vector, elect a sign per element, average the task vectors that agree.

Yadav et al., https://arxiv.org/abs/2306.01708, Algorithm 1; docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence

from merger.deltas import Election, elected
from merger.kernels import B, Kernels
from merger.methods import DENSITY, DIVIDE, LAMBDA, VOTE, WEIGHT, Method, Parameter, Values

SCOPE = Parameter(
    "scope", default="tensor", choices=("tensor", "model"), help="among what the largest are kept"
)


def resolve(values: Values, _: object) -> Election:
    """Return the weights of the remaining parents, lambda and the choices."""
    shared = values.shared
    return Election(values.weights(), None, values.one("lambda"), shared["vote"], shared["divide"])


def merge(k: Kernels[B], base: B, parents: Sequence[B], kept: Sequence[B], how: Election) -> B:
    """Return y = b + lambda · (mean of the trimmed v_i that have the elected sign)."""
    trimmed = [k.keep(k.sub(x, base), mask) for x, mask in zip(parents, kept, strict=True)]
    return elected(k, base, trimmed, how)


METHOD = Method(
    id="ties",
    summary="base plus trimmed task vectors, averaged where their signs agree",
    parameters=(WEIGHT, DENSITY, LAMBDA, SCOPE, VOTE, DIVIDE),
    resolve=resolve,
    merge=merge,
    needs_base=True,
    keeps="largest",
)
