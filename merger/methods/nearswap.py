"""NearSwap: take the other model where it is near the base, else go no further towards it than `t`.

alchemonaut, https://huggingface.co/alchemonaut/QuartetAnemoi-70B-t0.0001; docs/arithmetic.md, "Methods".
"""

from collections.abc import Sequence

from merger.kernels import B, Operations
from merger.method import Method, Values
from merger.parameters import Parameter


def resolve(values: Values, _: object) -> float:
    """Return t."""
    return values.one("t")


def merge(k: Operations[B], base: B, parents: Sequence[B], _kept: object, t: float) -> B:
    """Return y = x where |x - b| <= t, else b moved by t towards x."""
    (x,) = parents
    delta = k.sub(x, base)
    up = k.exceeds(delta, k.fill(delta, 0.0))
    moved = k.add(base, k.choose(up, k.fill(delta, t), k.fill(delta, -t)))
    return k.choose(k.exceeds(k.absolute(delta), k.fill(delta, t)), moved, x)


METHOD = Method(
    id="nearswap",
    summary="another model where it is near the base, else the base moved by t towards it",
    parameters=(Parameter("t", low="0", help="how far an element may move"),),
    resolve=resolve,
    merge=merge,
    base="needed",
    parents=(1, 1),
)
