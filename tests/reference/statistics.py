"""Statistics about the parents' models: their artifacts, and fisher and regmean, which weigh parents by them."""

from pathlib import Path
from typing import Any

import numpy as np
from reference.adapters import Input
from reference.form import FORMS
from reference.stored import BYTES, Array, Tensor, need, read_object, read_weights, widen
from reference.sums import added
from reference.work import Work

LARGEST = 8192  # what a side of a square statistic may be

# --- Artifacts --------------------------------------------------------------------------------------------


def with_statistics(method: str, model: dict[str, Input], artifact: str, folder: Path) -> dict[str, Input]:
    """A parent's tensors with the statistics about them, which are refused where they do not fit."""
    kind = FORMS[method].statistics
    said = read_object(folder / "statistics.json")
    for member, wanted in {"v": "1", "kind": kind, "model": artifact}.items():
        got = said.get(member)
        need(isinstance(got, str) and got == wanted, f"the statistics' {member} is {got!r}, not {wanted!r}")
    found: dict[str, dict[str, Tensor]] = {}
    # Choice: statistics without tensors are of no tensor, and not refused for that alone
    for called, tensor in read_weights(folder).items():
        name, dot, axis = called.rpartition(".") if kind in BY_AXIS else (called, "", "")
        need(name in model, f"statistics {called!r} are of no tensor of the model")
        need(model[name].tensor.dtype in BYTES, f"tensor {name!r}, which has statistics, is not floating")
        types = ("I64",) if kind == "permutation" else tuple(BYTES)
        need(tensor.dtype in types, f"statistics {called!r} are stored as {tensor.dtype}")
        shape = shape_of(str(kind), called, axis, model[name].tensor.shape)
        need(tensor.shape == shape, f"statistics {called!r} have shape {tensor.shape}, not {shape}")
        found.setdefault(name, {})[dot + axis] = tensor
    return {name: Input(one.tensor, one.said, one.update, found.get(name, {})) for name, one in model.items()}


BY_AXIS = ("permutation", "transport")  # kinds whose tensors are called `NAME.a`


def shape_of(kind: str, called: str, axis: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of statistics of a tensor."""
    if kind == "fisher":
        return shape
    if kind == "gram":
        good = len(shape) == 2 and 1 <= shape[1] <= LARGEST
        need(good, f"tensor {called!r} has statistics and shape {shape}")
        return (shape[1], shape[1])
    good = axis in [str(a) for a in range(len(shape))]
    need(good, f"statistics {called!r} are of no axis of a tensor of shape {shape}")
    n = shape[int(axis)]
    if kind == "permutation":
        return (n,)
    need(n <= LARGEST, f"statistics {called!r} are of an axis of {n}")
    return (n, n)


def statistics_of(work: Work, which: str = "") -> list[Array | None]:
    """The remaining parents' statistics of one sort, widened to T and flat; None where a parent has none."""
    found = [parent.input.statistics.get(which) for parent in work.parents]
    return [None if one is None else widen(one.dtype, one.data).astype(work.t) for one in found]


def check_presence(work: Work) -> None:
    """Refuse a tensor that is not copied by rule 1 and lacks statistics that its method needs."""
    have = [bool(parent.input.statistics) for parent in work.parents]
    if work.recipe["method"] == "fisher":
        need(all(have), f"tensor {work.name!r} lacks the statistics of a parent")
    if work.recipe["method"] == "regmean":
        need(all(have) or not any(have), f"tensor {work.name!r} has the statistics of some parents only")


# --- Methods ----------------------------------------------------------------------------------------------


def by_shares(work: Work, shares: list[float], xs: list[Array]) -> Array:
    """Σ c·x in T."""
    return added([work.t(c) * x for c, x in zip(shares, xs, strict=True)])


def fisher(work: Work, _: Any, xs: list[Array]) -> Array:
    """The mean of the parents, weighted at each element by how much each is sure of it."""
    shares, floor = work.shares(), work.t(work.number("floor"))
    sure = [np.where(one > floor, one, floor) for one in statistics_of(work) if one is not None]
    parts = [work.t(c) * f for c, f in zip(shares, sure, strict=True)]
    whole = added(parts)
    by_element = added([(a / whole) * x for a, x in zip(parts, xs, strict=True)])
    return np.where(np.abs(whole) > 0, by_element, by_shares(work, shares, xs))


def regmean(work: Work, _: Any, xs: list[Array]) -> Array:
    """The weights whose outputs are nearest to those of all parents, by the Gram matrices of their inputs."""
    shares = work.shares()
    o, *inner = work.parents[0].input.tensor.shape or (1,)
    grams = [gram for gram in statistics_of(work) if gram is not None]
    if not grams or o == 0:
        return by_shares(work, shares, xs)
    (d,) = inner
    wanted = [
        scaled(gram.astype(np.float64).reshape(d, d), c, work.number("alpha"), work.number("ridge"))
        for gram, c in zip(grams, shares, strict=True)
    ]
    inputs = [x.astype(np.float64).reshape(o, d) for x in xs]
    right = added(
        [added([x[:, q : q + 1] * h[:, q] for q in range(d)]) for x, h in zip(inputs, wanted, strict=True)]
    )
    return solved(work, added(wanted), right).astype(work.t).reshape(-1)


def scaled(gram: Array, c: float, alpha: float, ridge: float) -> Array:
    """H of one parent: what lies above the diagonal is read below it."""
    below = np.tri(gram.shape[0], dtype=bool)
    symmetric = np.where(below, gram, gram.T)
    ridged = (symmetric + np.float64(ridge)) * np.float64(c)
    shrunk = (np.float64(alpha) * symmetric) * np.float64(c)
    return np.where(np.eye(gram.shape[0], dtype=bool), ridged, shrunk)


def solved(work: Work, a: Array, b: Array) -> Array:
    """Z of Z·A = B, by Cholesky's factor L of A, its columns from left to right."""
    d = a.shape[0]
    factor = np.zeros((d, d))
    for q in range(d):
        v = a[q:, q].copy()
        for k in range(q):
            v = v - factor[q:, k] * factor[q, k]
        # the page reads A[p, q] with p ≥ q, as v does
        if not v[0] > 0 or np.isinf(v[0]):
            raise ValueError(f"tensor {work.name!r}: the root at {q} is of {v[0]}")
        factor[q, q] = np.sqrt(v[0])
        factor[q + 1 :, q] = v[1:] / factor[q, q]
    y = np.zeros_like(b)
    for p in range(d):
        v = b[:, p].copy()
        for k in range(p):
            v = v - y[:, k] * factor[p, k]
        y[:, p] = v / factor[p, p]
    z = np.zeros_like(b)
    for p in range(d - 1, -1, -1):
        v = y[:, p].copy()
        for k in range(d - 1, p, -1):
            v = v - z[:, k] * factor[k, p]
        z[:, p] = v / factor[p, p]
    return z


ATTESTED = {"fisher": fisher, "regmean": regmean}
