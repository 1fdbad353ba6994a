"""Model breadcrumbs with an election: task vectors without outliers, added or averaged where their signs agree.

Davari and Belilovsky, https://arxiv.org/abs/2312.06795, with the election of Yadav et al.,
https://arxiv.org/abs/2306.01708; docs/arithmetic.md, "Methods".
"""

from dataclasses import replace

from merger.deltas import GAMMA, below_outliers, candidates, deltas, elected, lengths, stretched
from merger.method import Method
from merger.parameters import DENSITY, DIVIDE, LAMBDA, RESCALE, VOTE, WEIGHT

METHOD = Method(
    id="breadcrumbs_ties",
    summary="base plus task vectors without their largest and smallest elements, added where their signs agree",
    parameters=(WEIGHT, DENSITY, GAMMA, LAMBDA, VOTE, replace(DIVIDE, default="none"), RESCALE),
    resolve=candidates,
    merge=elected,
    base="needed",
    ranks=deltas,
    cuts=below_outliers,
    sums=lengths,
    summed=stretched,
)
