"""Cat: adapters into one adapter, their factors side by side, so that its product is the weighted sum of theirs.

PEFT's `add_weighted_adapter(combination_type="cat")`; Huang et al., https://arxiv.org/abs/2307.13269 (LoraHub), add the
factors instead, which is another thing. docs/arithmetic.md, "Adapters into one".
"""

from collections.abc import Sequence

from merger.kernels import B, Operations
from merger.method import Method, Values
from merger.parameters import WEIGHT


def resolve(values: Values, _: object) -> list[float]:
    """Return the weights of the parents that remain."""
    return values.each("weight")


def merge(k: Operations[B], _base: object, parents: Sequence[B], _kept: object, factor: float) -> B:
    """Return one parent's rows, c · x."""
    return k.scale(parents[0], factor)


METHOD = Method(
    id="cat",
    summary="adapters side by side, as one adapter",
    parameters=(WEIGHT,),
    resolve=resolve,
    merge=merge,
    base="either",
    merges="adapters",
)
