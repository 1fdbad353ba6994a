"""TIES: trim each task vector, elect a sign per element, average the task vectors that agree.

Yadav et al., https://arxiv.org/abs/2306.01708, Algorithm 1; docs/arithmetic.md, "Methods".
"""

from merger.deltas import candidates, deltas, elected, largest, lengths, stretched
from merger.method import Method
from merger.parameters import DENSITY, DIVIDE, LAMBDA, RESCALE, SCOPE, VOTE, WEIGHT

METHOD = Method(
    id="ties",
    summary="base plus trimmed task vectors, averaged where their signs agree",
    parameters=(WEIGHT, DENSITY, LAMBDA, SCOPE, VOTE, DIVIDE, RESCALE),
    resolve=candidates,
    merge=elected,
    base="needed",
    ranks=deltas,
    cuts=largest,
    sums=lengths,
    summed=stretched,
)
