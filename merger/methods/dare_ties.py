"""DARE-TIES: task vectors dropped at random and rescaled, then added or averaged where their signs agree.

Yu et al., https://arxiv.org/abs/2311.03099, with the election of Yadav et al., https://arxiv.org/abs/2306.01708;
docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence
from dataclasses import replace

from merger.deltas import Election, elected
from merger.kernels import B, Kernels
from merger.methods import DENSITY, DIVIDE, LAMBDA, VOTE, WEIGHT, Method, Values
from merger.numbers import LANES, kept_lanes


def resolve(values: Values, _: object) -> Election:
    """Return the weights, c_i = 65536 / t_i for each task vector, lambda and the choices."""
    factors = [LANES / kept_lanes(parent["density"]) for parent in values.parents]
    shared = values.shared
    return Election(values.weights(), factors, values.one("lambda"), shared["vote"], shared["divide"])


def merge(k: Kernels[B], base: B, parents: Sequence[B], kept: Sequence[B], how: Election) -> B:
    """Return y = b + lambda · (what the kept, rescaled v_i that have the elected sign come to)."""
    sparse = [k.keep(k.sub(x, base), mask) for x, mask in zip(parents, kept, strict=True)]
    return elected(k, base, sparse, how)


METHOD = Method(
    id="dare_ties",
    summary="base plus randomly dropped task vectors, added where their signs agree",
    parameters=(WEIGHT, DENSITY, LAMBDA, VOTE, replace(DIVIDE, default="none")),
    resolve=resolve,
    merge=merge,
    needs_base=True,
    keeps="random",
)
