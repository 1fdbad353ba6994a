"""The plan: one instruction per output tensor, with every incompatibility refused before a byte of weights is read.

Pure: recipe, manifests and configs in, a value out. The rules are those of docs/arithmetic.md, "Tensors".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from merger.kernels import Wide
from merger.manifest import SINGLE, SIZES, VOCABULARY, Manifest, Tensor, utf8
from merger.methods import Values
from merger.numbers import kept_count, kept_lanes
from merger.recipe import DTYPES, Recipe, value_at
from merger.seeds import mask_key
from signing.canonical import Json
from signing.errors import Malformed

FLOATS = ("F64", "F32", "F16", "BF16")
# Which types hold every value of a type exactly: rounding to one of them is no rounding.
_HOLDS = {
    "F64": {"F64", "F32", "F16", "BF16"},
    "F32": {"F32", "F16", "BF16"},
    "F16": {"F16"},
    "BF16": {"BF16"},
}
# What two configs must agree on for their weights to mean the same thing position by position.
MUST_AGREE = (
    "model_type",
    "architectures",
    "num_hidden_layers",
    "num_layers",
    "n_layer",
    "n_embd",
    "n_head",
    "text_config",
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "vocab_size",
    "max_position_embeddings",
    "hidden_act",
    "tie_word_embeddings",
    "rope_theta",
    "rope_scaling",
    "rope_parameters",
    "rms_norm_eps",
    "layer_norm_eps",
    "layer_norm_epsilon",
)


@dataclass(frozen=True, slots=True)
class Copy:
    """Write the bytes of one artifact's tensor as they are."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    source: str


@dataclass(frozen=True, slots=True)
class Convert:
    """Write one artifact's tensor in another type, or rounded to the recipe's `dtype` on the way."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    source: str
    wide: Wide


@dataclass(frozen=True, slots=True)
class Compute:
    """Merge a tensor: base and remaining parents by artifact id, their parameters, what their masks keep."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    wide: Wide
    base: str | None
    parents: tuple[str, ...]
    positions: tuple[int, ...]
    """Which of the recipe's parents remain, by position."""
    values: Values
    scalars: Any = None
    """What the method makes of the values; None where it needs sums over the tensor first."""
    keys: tuple[int, ...] = ()
    """Philox keys of the remaining parents' random masks."""
    bounds: tuple[int, ...] = ()
    """Below which lane an element is kept by each random mask."""
    counts: tuple[int, ...] = ()
    """How many elements each remaining parent keeps, where the largest of a tensor are kept."""


Step = Copy | Convert | Compute


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in order of output name, and into which shard file each goes."""

    recipe: Recipe
    steps: tuple[Step, ...]
    shards: tuple[tuple[str, tuple[Step, ...]], ...]

    def model_counts(self) -> tuple[int, ...]:
        """Return, per parent, how many elements `scope: model` keeps of all floating-point ones."""
        size = sum(elements(step) for step in self.steps if step.dtype in FLOATS)
        return tuple(kept_count(str(p.parameters["density"]), size) for p in self.recipe.parents)


def plan(
    recipe: Recipe, manifests: Mapping[str, Manifest], configs: Mapping[str, Mapping[str, Json]]
) -> Plan:
    """Resolve a recipe against the manifests and configs of the artifacts it names, or refuse it in a sentence."""
    models = tuple(dict.fromkeys([recipe.first, *(p.model for p in recipe.parents)]))
    for other in models[1:]:
        _agree(recipe.first, configs[recipe.first], other, configs[other])
        if recipe.tokenizer is None:
            _same_words(recipe.first, manifests[recipe.first], other, manifests[other])
    tensors = {model: {t.name: t for t in manifests[model].tensors} for model in models}
    for other in models[1:]:
        _same_tensors(recipe.first, tensors[recipe.first], other, tensors[other])
    if not tensors[recipe.first]:
        raise Malformed(f"{recipe.first} holds no tensors")
    steps = tuple(
        _step(recipe, name, {m: tensors[m][name] for m in models}) for name in utf8(tensors[recipe.first])
    )
    if recipe.parameters.get("scope") == "model":
        _check_model_scope(recipe, steps)
    return Plan(recipe, steps, _shards(steps, int(recipe.shard_bytes)))


def _step(recipe: Recipe, name: str, inputs: Mapping[str, Tensor]) -> Step:
    own = [{k: value_at(v, name) for k, v in parent.parameters.items()} for parent in recipe.parents]
    shared = {k: v if isinstance(v, bool) else value_at(v, name) for k, v in recipe.parameters.items()}
    remaining = tuple(i for i, values in enumerate(own) if values.get("weight") != "0")
    parents = tuple(recipe.parents[i].model for i in remaining)
    named = ((recipe.base,) if recipe.base else ()) + parents
    if not named:
        raise Malformed(f"{name}: every parent has weight 0, and {recipe.method} has no base to fall back on")
    first = inputs[named[0]]
    if any(inputs[model].dtype not in FLOATS for model in named):
        return _whole(name, named, inputs)
    out = DTYPES.get(recipe.out_dtype or recipe.dtype or "", first.dtype)
    types = {DTYPES[recipe.dtype]} if recipe.dtype else {inputs[model].dtype for model in named}
    wide: Wide = "F64" if "F64" in types else "F32"
    if recipe.base and all(_twins(inputs[model], first) for model in named):
        return _taken(recipe, first, recipe.base, out, wide)
    values = Values([own[i] for i in remaining], shared)
    end = recipe.rules.copies(values) if recipe.rules.copies else None
    if end is not None:
        return _taken(recipe, inputs[parents[end]], parents[end], out, wide)
    step = Compute(name, first.shape, out, wide, recipe.base, parents, remaining, values)
    if not recipe.rules.measures:
        step = replace(step, scalars=recipe.rules.resolve(values, None))
    if recipe.rules.keeps == "random":
        bounds = tuple(kept_lanes(parent["density"]) for parent in values.parents)
        return replace(step, keys=_mask_keys(str(recipe.seed), name, parents), bounds=bounds)
    if recipe.rules.keeps == "largest":
        counts = tuple(kept_count(parent["density"], elements(step)) for parent in values.parents)
        return replace(step, counts=counts)
    return step


def _mask_keys(seed: str, name: str, parents: Sequence[str]) -> tuple[int, ...]:
    earlier = [parents[:i].count(parent) for i, parent in enumerate(parents)]
    return tuple(mask_key(seed, name, parent, n) for parent, n in zip(parents, earlier, strict=True))


def _whole(name: str, models: Sequence[str], inputs: Mapping[str, Tensor]) -> Copy:
    first = inputs[models[0]]
    for model in models[1:]:
        if not _twins(inputs[model], first):
            raise Malformed(
                f"{name}: holds {first.dtype}, which only copies where all agree, but {models[0]} and {model} differ"
            )
    return Copy(name, first.shape, first.dtype, models[0])


def _taken(recipe: Recipe, tensor: Tensor, model: str, out: str, wide: Wide) -> Copy | Convert:
    exact = recipe.dtype is None or tensor.dtype in _HOLDS[DTYPES[recipe.dtype]]
    if tensor.dtype == out and exact:
        return Copy(tensor.name, tensor.shape, tensor.dtype, model)
    return Convert(tensor.name, tensor.shape, out, model, wide)


def _twins(one: Tensor, other: Tensor) -> bool:
    return (one.dtype, one.shape, one.digest) == (other.dtype, other.shape, other.digest)


def elements(step: Step) -> int:
    """Return the number of elements of a step's tensor."""
    return math.prod(step.shape)


def _same_tensors(one: str, mine: Mapping[str, Tensor], other: str, theirs: Mapping[str, Tensor]) -> None:
    for name in utf8({*mine, *theirs}):
        if name not in theirs or name not in mine:
            has, lacks = (one, other) if name in mine else (other, one)
            tied = "; its embeddings may be tied" if name.startswith(("lm_head", "embed_out")) else ""
            raise Malformed(f"{name}: {has} has it, {lacks} has not{tied}")
        if mine[name].shape != theirs[name].shape:
            shapes = f"{mine[name].shape} in {one} and {theirs[name].shape} in {other}"
            raise Malformed(f"{name}: parents disagree on shape, {shapes}")


def _agree(one: str, mine: Mapping[str, Json], other: str, theirs: Mapping[str, Json]) -> None:
    for key in MUST_AGREE:
        if mine.get(key) != theirs.get(key):
            said = f"{mine.get(key)!r:.60} in {one} and {theirs.get(key)!r:.60} in {other}"
            raise Malformed(f"config.json: {key} differs, {said}")


def _same_words(one: str, mine: Manifest, other: str, theirs: Manifest) -> None:
    """Refuse two vocabularies or chat templates without a word on whose the result takes: rows merge by position."""
    digests = [{file.name: file.sha256 for file in manifest.files} for manifest in (mine, theirs)]
    for name in VOCABULARY:
        here, there = (found.get(name) for found in digests)
        if here is not None and there is not None and here != there:
            raise Malformed(
                f"{name} differs between {one} and {other}: if their rows mean the same words all the same, "
                f"say whose tokenizer the result takes (tokenizer_source in a mergekit recipe)"
            )


def _check_model_scope(recipe: Recipe, steps: Sequence[Step]) -> None:
    for i, parent in enumerate(recipe.parents):
        for name, value in parent.parameters.items():
            if not isinstance(value, str):
                raise Malformed(
                    f"parents.{i}.parameters.{name}: scope: model takes one number, not rules by tensor"
                )
    wides = {step.name: step.wide for step in steps if isinstance(step, Compute)}
    if len(set(wides.values())) > 1:
        odd = next(name for name, wide in wides.items() if wide == "F64")
        raise Malformed(
            f"scope: model compares all tensors in one type, but {odd} is computed in fp64 and others in fp32"
        )


def _shards(steps: Sequence[Step], limit: int) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    shards: list[list[Step]] = [[]]
    size = 0
    for step in steps:
        need = elements(step) * SIZES[step.dtype]
        if shards[-1] and size + need > limit:
            shards.append([])
            size = 0
        shards[-1].append(step)
        size += need
    if len(shards) == 1:
        return ((SINGLE, tuple(steps)),)
    count = len(shards)
    return tuple((f"model-{i:05d}-of-{count:05d}.safetensors", tuple(s)) for i, s in enumerate(shards, 1))
