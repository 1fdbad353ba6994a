"""Passthrough: each tensor from one parent, as it is or scaled, which puts models together from layers of others.

Frankenmerges and depth up-scaling are this with slices: Kim et al., https://arxiv.org/abs/2312.15166 (SOLAR), section 2;
docs/arithmetic.md, "Slices" and "Methods".
"""

from collections.abc import Sequence

from merger.kernels import B, Operations
from merger.method import Method, Values
from merger.parameters import Parameter


def resolve(values: Values, _: object) -> float:
    """Return the parent's scale."""
    return values.each("scale")[0]


def merge(k: Operations[B], _base: object, parents: Sequence[B], _kept: object, scale: float) -> B:
    """Return y = scale · x."""
    return k.scale(parents[0], scale)


def copies(values: Values) -> int | None:
    """Return the one parent, where its scale is 1."""
    return 0 if resolve(values, ()) == 1 else None


METHOD = Method(
    id="passthrough",
    summary="one parent's tensor, by slices of layers",
    parameters=(Parameter("scale", default="1", per_parent=True, help="factor of the parent's tensors"),),
    resolve=resolve,
    merge=merge,
    parents=(1, 1),
    copies=copies,
)
