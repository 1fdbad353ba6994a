"""One tensor: what it is made of, the types that it is computed and written in, what is copied and what computed."""

from dataclasses import replace
from typing import Any

import numpy as np
from reference.adapters import Input
from reference.form import resolve
from reference.methods import METHODS
from reference.products import SELECTED, is_selected, permuted
from reference.rows import WITH_ROWS
from reference.slices import Inputs
from reference.statistics import ATTESTED, check_presence
from reference.stored import BYTES, FLOATS, HOLDS, Array, Tensor, narrow, need, widen
from reference.vocabulary import Vector, gathered, is_vocabulary
from reference.work import Parent, Work

LARGEST_FACTORS = 1 << 29
ALL = METHODS | WITH_ROWS | ATTESTED | SELECTED


def reference(parent: dict[str, Any]) -> str:
    """How a parent is called in the seeds of masks."""
    # Choice: with a scale of 0 the parent is its model in everything but this, which is said of the recipe
    if "adapter" not in parent:
        return str(parent["model"])
    return f"{parent['model']}+{parent['adapter']}@{parent['scale']}"


def prepare(
    recipe: dict[str, Any], name: str, inputs: Inputs, vectors: dict[str, Vector] | None
) -> Tensor | Work:
    """Rules 1 to 3: a tensor to copy because it is not floating point, or the work to do."""
    for value in (*recipe["parameters"].values(), recipe.get("clip")):
        if isinstance(value, list):
            resolve(value, name)  # a layer beyond its array is an error for every tensor
    parents = []
    for place, one in inputs.parents.items():
        said = recipe["parents"][place]
        given = {key: resolve(value, name) for key, value in said["parameters"].items()}
        if float(given.get("weight", "1")) != 0:
            parents.append(Parent(place, reference(said), given, one))
    remaining = [parent.input for parent in parents]
    base = inputs.base
    held = remaining if base is None else [base, *remaining]
    need(bool(held), f"no parent remains for tensor {name!r}")
    if vectors is not None and is_vocabulary(name):
        models = [recipe["parents"][parent.place]["model"] for parent in parents]
        models = models if base is None else [recipe["base"], *models]
        held = gathered(name, held, [vectors[model] for model in models])
        base, remaining = (None, held) if base is None else (held[0], held[1:])
        parents = [replace(parent, input=one) for parent, one in zip(parents, remaining, strict=True)]
    if any(one.tensor.dtype not in BYTES for one in held):
        same = all(one.same(held[0]) for one in held)
        need(same, f"tensor {name!r} is not floating point and differs between the models")
        return held[0].tensor
    factors = sum(one.update.size for one in held if one.update is not None)
    need(factors <= LARGEST_FACTORS, f"the factors of tensor {name!r} take {factors} bytes")
    dtype = recipe.get("dtype")
    double = dtype == "float64" or (dtype is None and any(one.double for one in held))
    attested = [tensor for one in remaining for tensor in one.statistics.values()]
    double = double or any(tensor.dtype == "F64" for tensor in attested)  # whatever `dtype` is
    given_type = recipe.get("out_dtype", dtype)
    out = held[0].said if given_type is None else FLOATS[given_type]
    work = Work(recipe, name, base, parents, np.float64 if double else np.float32, out)
    check_presence(work)
    return work


def to_copy(work: Work) -> Input | None:
    """The x of a rule that says *copy x*, or None where the tensor is computed."""
    remaining = [parent.input for parent in work.parents]
    if work.base is not None and all(work.base.same(one) for one in remaining):
        return work.base
    method = work.recipe["method"]
    if method == "layer_select":
        return None if is_selected(work) else remaining[0]
    if method == "slerp":
        return {0.0: remaining[0], 1.0: remaining[1]}.get(work.number("t"))
    alone = {
        "passthrough": lambda: float(work.each("scale")[0]) == 1,
        "nuslerp": lambda: True,
        "multislerp": lambda: work.weights() == [1.0],
        "fisher": lambda: True,
        "regmean": lambda: True,
        "permute": lambda: True,
        "transport": lambda: not remaining[0].statistics,
    }
    return remaining[0] if len(remaining) == 1 and method in alone and alone[method]() else None


def check_finite(recipe: dict[str, Any], what: str, values: Array) -> None:
    """Refuse a NaN or an infinity by its flat index, unless the recipe allows them."""
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size and not recipe["allow_nonfinite"]:
        raise ValueError(f"{what} is not finite at index {bad[0]}")


def merge(work: Work) -> Tensor:
    """A tensor of the result."""
    copy = to_copy(work)
    made = computed(work) if copy is None else copied(work, copy)
    return permuted(work, made) if work.recipe["method"] == "permute" else made


def copied(work: Work, x: Input) -> Tensor:
    """Rule 4 where it says *copy x*."""
    dtype = work.recipe.get("dtype")
    exact = dtype is None or x.tensor.dtype in HOLDS[FLOATS[dtype]]
    if x.update is None and x.tensor.dtype == work.o and exact:
        return x.tensor
    # Choice: a copy that has to be computed has one input, x; statistics are none of it
    y = x.load(work.t, dtype)
    check_finite(work.recipe, f"an input of tensor {work.name!r}", y)
    return written(work, x, y)


def computed(work: Work) -> Tensor:
    """What the method makes of the inputs."""
    parents = [parent.input for parent in work.parents]
    held = parents if work.base is None else [work.base, *parents]
    inputs = [one.load(work.t, work.recipe.get("dtype")) for one in held]
    attested = [tensor for one in parents for tensor in one.statistics.values()]
    for values in [*inputs, *(widen(tensor.dtype, tensor.data) for tensor in attested)]:
        check_finite(work.recipe, f"an input of tensor {work.name!r}", values)
    base, xs = (None, inputs) if work.base is None else (inputs[0], inputs[1:])
    y = work.limited(ALL[work.recipe["method"]](work, base, xs), base, xs)
    return written(work, held[0], y)


def written(work: Work, like: Input, y: Array) -> Tensor:
    """Rules 5 and 6 for what was computed."""
    out = narrow(y + work.t(0), work.o)
    check_finite(work.recipe, f"the output of tensor {work.name!r}", widen(work.o, out))
    return Tensor(work.o, like.tensor.shape, out)
