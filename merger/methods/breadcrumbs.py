"""Model breadcrumbs: drop the outliers and the small elements of each task vector, add up what lies between.

Davari and Belilovsky, https://arxiv.org/abs/2312.06795; docs/arithmetic.md, "Methods".
"""

from merger.deltas import GAMMA, added, below_outliers, deltas, lengths, stretched, trimmed
from merger.method import Method
from merger.parameters import DENSITY, LAMBDA, NORMALIZE, RESCALE, WEIGHT

METHOD = Method(
    id="breadcrumbs",
    summary="base plus weighted task vectors without their largest and smallest elements",
    parameters=(WEIGHT, DENSITY, GAMMA, LAMBDA, RESCALE, NORMALIZE),
    resolve=trimmed,
    merge=added,
    base="needed",
    ranks=deltas,
    cuts=below_outliers,
    sums=lengths,
    summed=stretched,
)
