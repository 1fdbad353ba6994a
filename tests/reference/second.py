"""Merge Arithmetic 1 a second time, written from docs/arithmetic.md alone: whole tensors in plain NumPy.

It shares no code with the product, so an output on which both agree does not rest on one reading of the page.
Choices where the page is silent, or says two things, are marked `Choice:`, here and in the modules beside.
"""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from reference.adapters import adapted, plain
from reference.alike import check_configs, check_tokenizers, tokenizer_files
from reference.cat import cat
from reference.form import FORMS
from reference.methods import slerp_scalars
from reference.recipe import check
from reference.slices import Inputs, Layered, Model, layered_config, sliced, whole
from reference.statistics import with_statistics
from reference.stored import Array, Tensor, need, read_config, read_file, read_weights
from reference.sums import largest
from reference.tensor import merge, prepare, to_copy
from reference.vocabulary import Vector, check_model, mapped_config, read_map
from reference.work import Work
from reference.written import config_file, weight_files

__all__ = ["files", "read_file", "slerp_scalars"]

PARTS = ("model", "adapter", "statistics")


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


def artifacts(recipe: dict[str, Any]) -> set[str]:
    """Every artifact id in a recipe."""
    named = [recipe[key] for key in ("base", "tokenizer") if key in recipe]
    parts = [parent[key] for parent in recipe["parents"] for key in PARTS if key in parent]
    return {*named, *parts}


def parent_model(recipe: dict[str, Any], parent: dict[str, Any], folders: dict[str, Path]) -> Model:
    """The tensors that a parent stands for."""
    model = read_weights(folders[parent["model"]])
    if "statistics" in parent:
        folder = folders[parent["statistics"]]
        return with_statistics(recipe["method"], plain(model), parent["model"], folder)
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
    if absent := artifacts(recipe) - folders.keys():
        raise ValueError(f"there is no folder for {sorted(absent)}")
    with np.errstate(all="ignore"):
        return cat(recipe, folders) if FORMS[recipe["method"]].adapters else model_files(recipe, folders)


def model_files(recipe: dict[str, Any], folders: dict[str, Path]) -> dict[str, bytes]:
    """Every file of a model made of models."""
    based = [recipe["base"]] if "base" in recipe else []
    names = based + [parent["model"] for parent in recipe["parents"]]
    vectors = read_map(folders[recipe["tokenizer"]]) if "tokenizer" in recipe else None
    # Choice: statistics are of a model's own rows, whether a tensor of theirs is gathered or not
    attested = FORMS[recipe["method"]].statistics is not None
    need(vectors is None or not attested, "a method with statistics takes no row map")
    configs = [read_config(folders[name]) for name in names]
    check_configs(configs, "slices" in recipe, vectors is not None)
    if "tokenizer" not in recipe:
        check_tokenizers([folders[name] for name in names])
    base = plain(read_weights(folders[recipe["base"]])) if based else None
    parents = [parent_model(recipe, parent, folders) for parent in recipe["parents"]]
    models = parents if base is None else [base, *parents]
    need(all(models), "a model has no tensors")
    config = configs[0]
    if vectors is not None:
        for name, model, said in zip(names, models, configs, strict=True):
            check_model(model, said, vectors.get(name))
        config = mapped_config(config, vectors[names[0]])
    if "slices" in recipe:
        layers = [Layered.of(*pair) for pair in zip(models, configs, strict=True)]
        own, sources = (None, layers) if base is None else (layers[0], layers[1:])
        made = sliced(recipe["slices"], own, sources, vectors is not None)
        config = layered_config(config, recipe["slices"], own, sources)
    else:
        made = whole(base, parents, vectors is not None)
    out = weight_files(merged(recipe, made, vectors), int(recipe["shard_bytes"]))
    out["config.json"] = config_file(config, recipe.get("out_dtype", recipe.get("dtype")))
    return out | tokenizer_files(folders[recipe.get("tokenizer", names[0])])


def merged(
    recipe: dict[str, Any], made: dict[str, Inputs], vectors: dict[str, Vector] | None
) -> dict[str, Tensor]:
    """Every output tensor, in UTF-8 order of name."""
    names = sorted(made, key=lambda name: name.encode("utf-8"))
    jobs = {name: prepare(recipe, name, made[name], vectors) for name in names}
    if recipe["parameters"].get("scope") == "model":
        works = [job for job in jobs.values() if isinstance(job, Work)]
        jobs |= {work.name: work for work in over_the_model(works)}
    return {name: merge(job) if isinstance(job, Work) else job for name, job in jobs.items()}
