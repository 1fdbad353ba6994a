"""Magnitude pruning: keep the largest elements of each task vector, add them up.

Yadav et al., https://arxiv.org/abs/2306.01708, Algorithm 1, "trim", without its election; PEFT calls it
`magnitude_prune`; docs/arithmetic.md, "Methods".
"""

from merger.deltas import added, deltas, largest, lengths, stretched, trimmed
from merger.method import Method
from merger.parameters import DENSITY, LAMBDA, NORMALIZE, RESCALE, SCOPE, WEIGHT

METHOD = Method(
    id="magnitude_prune",
    summary="base plus the weighted largest elements of each task vector",
    parameters=(WEIGHT, DENSITY, LAMBDA, SCOPE, RESCALE, NORMALIZE),
    resolve=trimmed,
    merge=added,
    base="needed",
    ranks=deltas,
    cuts=largest,
    sums=lengths,
    summed=stretched,
)
