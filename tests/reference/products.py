"""Methods that multiply matrices or put a model's units in another order: layer_select, transport and permute."""

from fractions import Fraction
from typing import Any

import numpy as np
from reference.form import layer_of
from reference.statistics import LARGEST
from reference.stored import BYTES, Array, Tensor, need, widen
from reference.sums import dot
from reference.work import Work


def product(left: Array, right: Array) -> Array:
    """L·M in fp64, each element's products added from the first on; of none, +0."""
    out = np.zeros((left.shape[0], right.shape[1]))
    for k in range(left.shape[1]):
        step = left[:, k : k + 1] * right[k : k + 1, :]
        out = out + step if k else step
    return out


# --- layer_select -----------------------------------------------------------------------------------------


def is_selected(work: Work) -> bool:
    """Whether layer_select looks at a tensor: it is a matrix of a layer."""
    return layer_of(work.name) is not None and len(work.parents[0].input.tensor.shape) == 2


def layer_select(work: Work, b: Array, xs: list[Array]) -> Array:
    """The tuned matrix where its change lies along what alignment changed, else one with the safe matrix in it."""
    x, aligned, safe = xs
    rows, columns = work.parents[0].input.tensor.shape
    need(min(rows, columns) <= LARGEST, f"tensor {work.name!r} is a matrix of {rows} by {columns}")
    if score(*((one).astype(np.float64).reshape(rows, columns) for one in (aligned - b, x - aligned))) >= (
        work.number("tau")
    ):
        return x
    rest = float(1 - Fraction(work.text("weight")))
    return work.t(work.number("weight")) * x + work.t(rest) * safe


def score(v: Array, delta: Array) -> float:
    """The cosine of a change and of its projection onto the space that alignment changed."""
    rows, columns = v.shape
    projected = (
        product(product(v, v.T), delta) if rows <= columns else product(v, product(v.T, delta))
    ).reshape(-1)
    flat = delta.reshape(-1)
    d, a, b = dot(flat, projected), dot(flat, flat), dot(projected, projected)
    if a == 0:
        return 1.0
    if b == 0:
        return 0.0
    return float(np.float64(d) / (np.sqrt(np.float64(a)) * np.sqrt(np.float64(b))))


# --- By statistics of axes --------------------------------------------------------------------------------


def axes_of(work: Work) -> dict[int, Tensor]:
    """The one parent's statistics by axis, in rising order."""
    (parent,) = work.parents
    found = {int(which.removeprefix(".")): one for which, one in parent.input.statistics.items()}
    return dict(sorted(found.items()))


def transport(work: Work, _: Any, xs: list[Array]) -> Array:
    """Each axis of the tensor multiplied by its matrix."""
    z = xs[0].astype(np.float64).reshape(work.parents[0].input.tensor.shape)
    for axis, stored in axes_of(work).items():
        matrix = widen(stored.dtype, stored.data).astype(np.float64).reshape(stored.shape)
        moved = np.moveaxis(z, axis, 0)
        made = product(matrix, moved.reshape(moved.shape[0], int(np.prod(moved.shape[1:], dtype=int))))
        z = np.moveaxis(made.reshape(moved.shape), 0, axis)
    return z.astype(work.t).reshape(-1)


def permuted(work: Work, copied: Tensor) -> Tensor:
    """The elements of what a copy writes in another order of each axis that has one."""
    whole = np.frombuffer(copied.data, np.uint8).reshape(*copied.shape, BYTES[copied.dtype])
    for axis, stored in axes_of(work).items():
        order = np.frombuffer(stored.data, "<i8")
        once = np.array_equal(np.sort(order), np.arange(order.size))
        need(once, f"{work.name!r}: the order of axis {axis} does not hold every index once")
        whole = np.take(whole, order, axis)
    return Tensor(copied.dtype, copied.shape, whole.tobytes())


SELECTED = {"layer_select": layer_select, "transport": transport}
