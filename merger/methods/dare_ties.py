"""DARE-TIES: task vectors dropped at random and rescaled, then added or averaged where their signs agree.

Yu et al., https://arxiv.org/abs/2311.03099, with the election of Yadav et al., https://arxiv.org/abs/2306.01708;
docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence
from dataclasses import replace

from merger.deltas import Election, candidates, elected, lengths, stretched
from merger.method import Method, Values
from merger.numbers import LANES, kept_lanes
from merger.parameters import DENSITY, DIVIDE, LAMBDA, RESCALE_DRAWN, VOTE, WEIGHT


def resolve(values: Values, totals: Sequence[float]) -> Election:
    """Return the weights, c_i = 65536 / t_i (r_i for `rescale: l1`, none for `none`), lambda and the choices."""
    found = candidates(values, totals)
    if values.shared["rescale"] != "density":
        return found
    return replace(found, rescale=[LANES / kept_lanes(parent["density"]) for parent in values.parents])


METHOD = Method(
    id="dare_ties",
    summary="base plus randomly dropped task vectors, added where their signs agree",
    parameters=(WEIGHT, DENSITY, LAMBDA, VOTE, replace(DIVIDE, default="none"), RESCALE_DRAWN),
    resolve=resolve,
    merge=elected,
    base="needed",
    draws=True,
    sums=lengths,
    summed=stretched,
)
