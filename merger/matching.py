"""Find in which order a model's units are most like another's: weight matching, and its soft form.

Ainsworth et al., "Git Re-Basin", https://arxiv.org/abs/2209.04836, section 3.2, algorithm 1; Singh and Jaggi, "Model Fusion
via Optimal Transport", https://arxiv.org/abs/1910.05653, with the entropic plan of Cuturi, https://arxiv.org/abs/1306.0895.
What is found is registered and attested. Nothing derives it again, so libraries may round here as they like.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from merger.symmetry import Axis, Indices, Order, Symmetry
from signing.errors import Malformed

Array = NDArray[np.floating]
Read = Callable[[str], Array]
"""Returns a tensor by name, in its shape."""

# By which share of itself an inner product must rise to be better: more than fp64 can round it by.
_LEAST = 1e-9
# The entropic plan is good enough where its rows sum to the same but for this, and is taken as it is after so many rounds.
_ROUNDS = 1000
_NEAR = 1e-6


def matched(
    symmetries: Sequence[Symmetry], a: Read, b: Read, progress: Callable[[str], None] = lambda _: None
) -> dict[str, Order]:
    """Return by name in which order b's units are most like a's: the inner product of all weights is highest.

    Symmetries that share a tensor are matched in turn until none changes. `progress` is told each name when it is first done.
    """
    orders = {one.name: Order.unchanged(one) for one in symmetries}
    waiting, told = {one.name for one in symmetries}, set[str]()
    # It ends: every change raises the inner product of all weights, and there are finitely many orders.
    while waiting:
        for one in symmetries:
            if one.name not in waiting:
                continue
            waiting.discard(one.name)
            gains = _gains(one, symmetries, orders, a, b)
            found = _assigned(*gains)
            if _better(found, orders[one.name], *gains):
                orders[one.name] = found
                waiting |= {other.name for other in symmetries if other != one and _meet(one, other)}
            if one.name not in told:
                told.add(one.name)
                progress(one.name)
    return orders


def transported(
    symmetries: Sequence[Symmetry], a: Read, b: Read, softness: float
) -> Iterator[tuple[Symmetry, NDArray[np.float64]]]:
    """Yield whole units' symmetries, each with a matrix whose row i mixes b's units into a's unit i; rows sum to 1.

    `softness` is the weight of the plan's entropy against the mean squared distance of units.
    """
    whole = [one.coarse() for one in symmetries]
    orders = matched(whole, a, b)
    for one in whole:
        gain = _gains(one, whole, orders, a, b)[0]
        mine, theirs = (_squares(one, read) for read in (a, b))
        yield one, _plan(mine[:, None] + theirs - 2 * gain, softness)


def _gains(
    symmetry: Symmetry, symmetries: Sequence[Symmetry], orders: Mapping[str, Order], a: Read, b: Read
) -> tuple[Array, Array]:
    """Return the inner products of a's units with b's, and of their parts with each other: by unit, part, unit, part."""
    n, parts = symmetry.units, symmetry.parts
    units = np.zeros((n, n))
    finer = np.zeros((n * parts, n * parts)) if parts > 1 else np.zeros((0, 0))
    for axis in symmetry.axes:
        other = b(axis.tensor)
        for one in symmetries:
            for shared in one.axes if one != symmetry else ():
                if shared.tensor == axis.tensor:
                    other = np.take(other, orders[one.name].along(shared), shared.axis)
        mine, theirs = (_rows(x, axis, n) for x in (a(axis.tensor), other))
        with np.errstate(all="ignore"):
            (finer if axis.parts > 1 else units)[...] += _finite(axis, mine @ theirs.T)
    return units, finer.reshape(n, parts, n, parts) if parts > 1 else finer


def _rows(x: Array, axis: Axis, units: int) -> Array:
    return np.moveaxis(x, axis.axis, 0).reshape(units * axis.parts, -1).astype(np.float64)


def _squares(symmetry: Symmetry, read: Read) -> Array:
    found: Array = np.zeros(symmetry.units)
    for axis in symmetry.axes:
        with np.errstate(all="ignore"):
            squares = np.square(_rows(read(axis.tensor), axis, symmetry.units)).sum(axis=1)
        found = found + _finite(axis, squares)
    return found


def _finite(axis: Axis, products: Array) -> Array:
    """Refuse weights whose products are no numbers to compare: a NaN would be as like one unit as another."""
    if not np.isfinite(products).all():
        raise Malformed(
            f"{axis.tensor}: products of its weights are NaN or infinite, so which units are alike cannot be told"
        )
    return products


def _assigned(units: Array, finer: Array) -> Order:
    """Return the best order: of each pair of units the best order of parts, then the best pairs."""
    n, parts = len(units), finer.shape[1] if finer.size else 1
    inner = np.zeros((n, n, parts), np.int64)
    if finer.size:
        units = units.copy()
        for i in range(n):
            for j in range(n):
                inner[i, j] = _assignment(finer[i, :, j])
                units[i, j] += finer[i, np.arange(parts), j, inner[i, j]].sum()
    order = _assignment(units)
    return Order(order, inner[np.arange(n), order])


def _better(found: Order, order: Order, units: Array, finer: Array) -> bool:
    """Say whether one order has a higher inner product than another, by more than rounding."""
    one, other = (_terms(each, units, finer) for each in (found, order))
    return float(one.sum() - other.sum()) > _LEAST * float(np.abs(one).sum() + np.abs(other).sum())


def _terms(order: Order, units: Array, finer: Array) -> Array:
    places = np.arange(len(units))
    terms = [units[places, order.units]]
    if finer.size:
        inner = np.arange(finer.shape[1])
        terms.append(finer[places[:, None], inner, order.units[:, None], order.parts].reshape(-1))
    return np.concatenate(terms)


def _assignment(gain: Array) -> Indices:
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - an extra, needed here alone

    columns: Indices = linear_sum_assignment(gain, maximize=True)[1]
    return columns


def _meet(one: Symmetry, other: Symmetry) -> bool:
    return not {axis.tensor for axis in one.axes}.isdisjoint(axis.tensor for axis in other.axes)


def _plan(cost: Array, softness: float) -> NDArray[np.float64]:
    """Return the entropic transport plan between uniform weights, its rows scaled to sum to 1."""
    scale = float(cost.mean()) * softness
    kernel = -(cost - cost.min(axis=1, keepdims=True)) / (scale if scale > 0 else 1.0)
    rows: Array = np.zeros(len(cost))
    columns: Array = np.zeros(len(cost))
    for _ in range(_ROUNDS):
        columns = -_log_sum(kernel + rows[:, None], 0)
        off = rows + _log_sum(kernel + columns, 1)
        rows = rows - off
        if np.abs(off).max(initial=0) < _NEAR:
            break
    plan = np.exp(kernel + rows[:, None] + columns)
    made: NDArray[np.float64] = plan / plan.sum(axis=1, keepdims=True)
    return made


def _log_sum(values: Array, axis: int) -> Array:
    top = values.max(axis=axis, keepdims=True)
    found: Array = np.log(np.exp(values - top).sum(axis=axis)) + np.squeeze(top, axis)
    return found
