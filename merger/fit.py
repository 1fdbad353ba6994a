"""Whether models fit each other, before a byte of their weights is read: configs, vocabularies, names and shapes.

docs/arithmetic.md, "Tensors" and "Slices". Nothing is skipped, padded or cut to size: what does not fit is refused by
name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from merger.layers import COUNTS, Part, parts, sliced_config
from merger.manifest import VOCABULARY, Manifest, Tensor, utf8
from merger.recipe import Recipe
from merger.sources import Source
from signing.canonical import Json
from signing.errors import Malformed

Configs = Mapping[str, Mapping[str, Json]]
Inputs = tuple[tuple[int | None, Source, Tensor], ...]
"""What one output tensor is made of: the base's tensor where there is a base, then each parent's with its position."""

# What two configs must agree on for their weights to mean the same thing position by position.
MUST_AGREE = (
    "model_type",
    "architectures",
    *COUNTS,
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


def check_models(recipe: Recipe, manifests: Mapping[str, Manifest], configs: Configs) -> None:
    """Refuse models whose configs or vocabularies differ; layers may differ in number where a recipe has slices."""
    first = recipe.first
    keys = [key for key in MUST_AGREE if recipe.slices is None or key not in COUNTS]
    for other in dict.fromkeys(parent.model for parent in recipe.parents if parent.model != first):
        _agree(keys, first, configs[first], other, configs[other])
        if recipe.tokenizer is None:
            same_words(first, manifests[first], other, manifests[other])


def inputs(
    recipe: Recipe, tensors: Mapping[str, Mapping[str, Tensor]], configs: Configs
) -> dict[str, Inputs]:
    """Return what every output tensor is made of, or say by name which of its inputs do not fit each other."""
    # Where layers differ in kind, the config of the result cannot be written, and the merge would be for nothing.
    sliced_config(recipe, configs)
    found: dict[str, Inputs] = {}
    for part in parts(recipe, tensors, configs):
        found |= _fitting(part, tensors)
    if not found:
        raise Malformed(f"{recipe.first} holds no tensors")
    return found


def _fitting(part: Part, tensors: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Inputs]:
    held = [{name: tensors[one.model][own] for name, own in one.names.items()} for one in part]
    for other, theirs in zip(part[1:], held[1:], strict=True):
        _same_tensors(part[0].model, held[0], other.model, theirs)
    pairs = list(zip(part, held, strict=True))
    return {
        name: tuple((one.parent, Source(one.model, one.names[name]), mine[name]) for one, mine in pairs)
        for name in held[0]
    }


def _same_tensors(one: str, mine: Mapping[str, Tensor], other: str, theirs: Mapping[str, Tensor]) -> None:
    for name in utf8({*mine, *theirs}):
        if name not in theirs or name not in mine:
            has, lacks = (one, other) if name in mine else (other, one)
            tied = "; its embeddings may be tied" if name.startswith(("lm_head", "embed_out")) else ""
            raise Malformed(f"{name}: {has} has it, {lacks} has not{tied}")
        if mine[name].shape != theirs[name].shape:
            shapes = f"{mine[name].shape} in {one} and {theirs[name].shape} in {other}"
            raise Malformed(f"{name}: parents disagree on shape, {shapes}")


def _agree(
    keys: Iterable[str], one: str, mine: Mapping[str, Json], other: str, theirs: Mapping[str, Json]
) -> None:
    for key in keys:
        if mine.get(key) != theirs.get(key):
            said = f"{mine.get(key)!r:.60} in {one} and {theirs.get(key)!r:.60} in {other}"
            raise Malformed(f"config.json: {key} differs, {said}")


def same_words(one: str, mine: Manifest, other: str, theirs: Manifest) -> None:
    """Refuse two vocabularies or chat templates without a word on whose the result takes: rows merge by position."""
    digests = [{file.name: file.sha256 for file in manifest.files} for manifest in (mine, theirs)]
    for name in VOCABULARY:
        here, there = (found.get(name) for found in digests)
        if here is not None and there is not None and here != there:
            raise Malformed(
                f"{name} differs between {one} and {other}: if their rows mean the same words all the same, "
                f"say whose tokenizer the result takes (tokenizer_source in a mergekit recipe)"
            )
