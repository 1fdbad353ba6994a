"""Merge Arithmetic 1 a second time, written from docs/arithmetic.md alone: whole tensors in plain NumPy.

It shares no code with the product, so an output on which both agree does not rest on one reading of the page.
Choices where the page is silent, or says two things, are marked `Choice:`, here and in the modules beside.
"""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from reference.adapters import Input, adapted, plain
from reference.form import resolve
from reference.methods import METHODS, slerp_scalars
from reference.recipe import check
from reference.rows import WITH_ROWS
from reference.slices import Inputs, Layered, Model, layered_config, sliced, whole
from reference.stored import (
    BYTES,
    FLOATS,
    Array,
    Tensor,
    narrow,
    need,
    read_file,
    read_object,
    read_weights,
    widen,
)
from reference.sums import largest
from reference.work import Parent, Work
from reference.written import config_file, weight_files

__all__ = ["files", "read_file", "slerp_scalars"]

HOLDS = {
    "F64": {"F64", "F32", "F16", "BF16"},
    "F32": {"F32", "F16", "BF16"},
    "F16": {"F16"},
    "BF16": {"BF16"},
}
# Choice: of the files that are copied, those that hold tokens or a template for themselves
VOCABULARY = [
    "tokenizer.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "chat_template.jinja",
    "chat_template.json",
]
COPIED = [*VOCABULARY, "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"]
LARGEST_FACTORS = 1 << 29


# --- One tensor -------------------------------------------------------------------------------------------


def reference(parent: dict[str, Any]) -> str:
    """How a parent is called in the seeds of masks."""
    # Choice: with a scale of 0 the parent is its model in everything but this, which is said of the recipe
    if "adapter" not in parent:
        return str(parent["model"])
    return f"{parent['model']}+{parent['adapter']}@{parent['scale']}"


def prepare(recipe: dict[str, Any], name: str, inputs: Inputs) -> Tensor | Work:
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
    if any(one.tensor.dtype not in BYTES for one in held):
        same = all(one.same(held[0]) for one in held)
        need(same, f"tensor {name!r} is not floating point and differs between the models")
        return held[0].tensor
    factors = sum(one.update.size for one in held if one.update is not None)
    need(factors <= LARGEST_FACTORS, f"the factors of tensor {name!r} take {factors} bytes")
    dtype = recipe.get("dtype")
    double = dtype == "float64" or (dtype is None and any(one.double for one in held))
    given_type = recipe.get("out_dtype", dtype)
    out = held[0].said if given_type is None else FLOATS[given_type]
    return Work(recipe, name, base, parents, np.float64 if double else np.float32, out)


def to_copy(work: Work) -> Input | None:
    """The x of a rule that says *copy x*, or None where the tensor is computed."""
    remaining = [parent.input for parent in work.parents]
    if work.base is not None and all(work.base.same(one) for one in remaining):
        return work.base
    method = work.recipe["method"]
    if method == "slerp":
        return {0.0: remaining[0], 1.0: remaining[1]}.get(work.number("t"))
    alone = {
        "passthrough": lambda: float(work.each("scale")[0]) == 1,
        "nuslerp": lambda: True,
        "multislerp": lambda: work.weights() == [1.0],
    }
    return remaining[0] if len(remaining) == 1 and method in alone and alone[method]() else None


def finite(name: str, what: str, values: Array) -> None:
    """Refuse a NaN or an infinity by tensor and flat index."""
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ValueError(f"{what} of tensor {name!r} is not finite at index {bad[0]}")


def merge(work: Work) -> Tensor:
    """Rules 4 to 6 around the method."""
    dtype, allowed = work.recipe.get("dtype"), work.recipe["allow_nonfinite"]
    copy = to_copy(work)
    if copy is not None and copy.update is None:
        stored = copy.tensor
        if stored.dtype == work.o and (dtype is None or stored.dtype in HOLDS[FLOATS[dtype]]):
            return stored
    # Choice: a copy that has to be computed has one input, x
    parents = [parent.input for parent in work.parents]
    held = [copy] if copy is not None else parents if work.base is None else [work.base, *parents]
    inputs = [one.load(work.t, dtype) for one in held]
    if not allowed:
        for values in inputs:
            finite(work.name, "an input", values)
    if copy is not None:
        y = inputs[0]
    else:
        base, xs = (None, inputs) if work.base is None else (inputs[0], inputs[1:])
        y = work.limited((METHODS | WITH_ROWS)[work.recipe["method"]](work, base, xs), base, xs)
    out = narrow(y + work.t(0), work.o)
    if not allowed:
        finite(work.name, "the output", widen(work.o, out))
    return Tensor(work.o, held[0].tensor.shape, out)


# --- Over the model ---------------------------------------------------------------------------------------


def over_the_model(works: list[Work]) -> list[Work]:
    """For scope model: each work with the elements that its parents keep."""
    need(len({work.t for work in works if to_copy(work) is None}) <= 1, "tensors are computed in two types")
    masks: dict[str, list[Array]] = {work.name: [] for work in works}
    for at, parent in enumerate(
        works[0].parents if works else []
    ):  # plain weights: everywhere the same remain
        deltas = [delta_for_scope(work, at) for work in works]
        kept = largest(np.concatenate(deltas), parent.given["density"])
        start = 0
        for work, delta in zip(works, deltas, strict=True):
            masks[work.name].append(kept[start : start + delta.size])
            start += delta.size
    return [replace(work, kept=masks[work.name]) for work in works]


def delta_for_scope(work: Work, at: int) -> Array:
    """A parent's delta in one tensor; zeros where rule 4 copies, whatever the base holds there."""
    dtype, x, base = work.recipe.get("dtype"), work.parents[at].input, work.base
    if base is None or to_copy(work) is not None:
        return np.zeros(x.load(work.t, dtype).size, work.t)
    return x.load(work.t, dtype) - base.load(work.t, dtype)


# --- The merge --------------------------------------------------------------------------------------------


def check_vocabularies(folders: list[Path]) -> None:
    """Refuse models whose vocabulary or chat template files differ."""
    for file in VOCABULARY:
        # Choice: a file that only one of two models has is a difference
        held = {(folder / file).read_bytes() if (folder / file).is_file() else None for folder in folders}
        need(len(held) == 1, f"the models differ in {file}")


def parent_model(parent: dict[str, Any], model: dict[str, Tensor], folders: dict[str, Path]) -> Model:
    """The tensors that a parent stands for."""
    if "adapter" not in parent or Fraction(parent["scale"]) == 0:
        return plain(model)
    return adapted(model, folders[parent["adapter"]], parent["scale"])


def files(recipe: dict[str, Any], folders: dict[str, Path]) -> dict[str, bytes]:
    """Every file of the merge except README.md.

    Args:
        recipe: The recipe as parsed JSON.
        folders: The folder of each artifact id in the recipe.

    Raises:
        ValueError: Where the page refuses the recipe or the models.
    """
    check(recipe)
    based = [recipe["base"]] if "base" in recipe else []
    models = based + [parent["model"] for parent in recipe["parents"]]
    adapters = [parent["adapter"] for parent in recipe["parents"] if "adapter" in parent]
    source = recipe.get("tokenizer", models[0])
    if absent := {source, *models, *adapters} - folders.keys():
        raise ValueError(f"there is no folder for {sorted(absent)}")
    if "tokenizer" not in recipe:
        check_vocabularies([folders[model] for model in models])
    weights = {model: read_weights(folders[model]) for model in set(models)}
    need(all(weights.values()), "a model has no tensors")
    base = plain(weights[recipe["base"]]) if based else None
    parents = [parent_model(parent, weights[parent["model"]], folders) for parent in recipe["parents"]]
    config = read_object(folders[models[0]] / "config.json")
    if "slices" in recipe:
        layers = [read_object(folders[model] / "config.json") for model in models]
        by_layer = [
            Layered.of(*pair) for pair in zip([*([base] if base else []), *parents], layers, strict=True)
        ]
        own, sources = (by_layer[0], by_layer[1:]) if based else (None, by_layer)
        made = sliced(recipe["slices"], own, sources)
        config = layered_config(config, recipe["slices"], own, sources)
    else:
        made = whole(base, parents)
    out = weight_files(merged(recipe, made), int(recipe["shard_bytes"]))
    out["config.json"] = config_file(config, recipe.get("out_dtype", recipe.get("dtype")))
    tokenizer = {file: folders[source] / file for file in COPIED}
    return out | {file: path.read_bytes() for file, path in tokenizer.items() if path.is_file()}


def merged(recipe: dict[str, Any], made: dict[str, Inputs]) -> dict[str, Tensor]:
    """Every output tensor, in UTF-8 order of name."""
    names = sorted(made, key=lambda name: name.encode("utf-8"))
    jobs = {name: prepare(recipe, name, made[name]) for name in names}
    with np.errstate(all="ignore"):
        if recipe["parameters"].get("scope") == "model":
            works = [job for job in jobs.values() if isinstance(job, Work)]
            jobs |= {work.name: work for work in over_the_model(works)}
        return {name: merge(job) if isinstance(job, Work) else job for name, job in jobs.items()}
