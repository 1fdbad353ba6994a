"""Whether models fit each other, before a byte of their weights is read: configs, vocabularies, names and shapes.

docs/arithmetic.md, "Tensors" and "Slices". Nothing is skipped, padded or cut to size: what does not fit is refused by
name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from merger.layers import COUNTS, Part, parts, sliced_config
from merger.manifest import VOCABULARY, Manifest, Tensor, utf8
from merger.recipe import Recipe
from merger.row_map import RowMap
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


def check_models(
    recipe: Recipe,
    manifests: Mapping[str, Manifest],
    configs: Configs,
    rows: RowMap | None,
    templates: Mapping[str, Json],
) -> None:
    """Refuse models whose configs or vocabularies differ.

    Layers may differ in number where a recipe has slices, and rows of vocabularies where it has a row map.
    """
    first = recipe.first
    free = (*(COUNTS if recipe.slices is not None else ()), *(("vocab_size",) if rows else ()))
    keys = [key for key in MUST_AGREE if key not in free]
    models = list(dict.fromkeys((first, *(parent.model for parent in recipe.parents))))
    for other in models[1:]:
        _agree(keys, first, configs[first], other, configs[other])
    if recipe.tokenizer is None:
        same_words({model: manifests[model] for model in models}, uniting=True)
        _same("chat_template in tokenizer_config.json", templates, uniting=True)


def inputs(
    recipe: Recipe,
    tensors: Mapping[str, Mapping[str, Tensor]],
    configs: Configs,
    rows: RowMap | None,
) -> dict[str, Inputs]:
    """Return what every output tensor is made of, or say by name which of its inputs do not fit each other."""
    # Where it cannot be written, since layers differ in kind or a token's id has no row, the merge would be for nothing.
    config = sliced_config(recipe, configs)
    if rows is not None:
        rows.config(config)
        for model in rows.sizes:
            rows.check(model, tensors[model])
    found: dict[str, Inputs] = {}
    for part in parts(recipe, tensors, configs):
        found |= _fitting(part, tensors, rows)
    if not found:
        raise Malformed(f"{recipe.first} holds no tensors")
    return found


def _fitting(
    part: Part, tensors: Mapping[str, Mapping[str, Tensor]], rows: RowMap | None
) -> dict[str, Inputs]:
    held = [{name: tensors[one.model][own] for name, own in one.names.items()} for one in part]
    for other, theirs in zip(part[1:], held[1:], strict=True):
        _same_tensors(part[0].model, held[0], other.model, theirs, rows)
    pairs = list(zip(part, held, strict=True))
    return {
        name: tuple((one.parent, Source(one.model, one.names[name]), mine[name]) for one, mine in pairs)
        for name in held[0]
    }


def _same_tensors(
    one: str,
    mine: Mapping[str, Tensor],
    other: str,
    theirs: Mapping[str, Tensor],
    rows: RowMap | None,
) -> None:
    for name in utf8({*mine, *theirs}):
        if name not in theirs or name not in mine:
            has, lacks = (one, other) if name in mine else (other, one)
            tied = "; its embeddings may be tied" if name.startswith(("lm_head", "embed_out")) else ""
            raise Malformed(f"{name}: {has} has it, {lacks} has not{tied}")
        # Rows for tokens are gathered, however many there are.
        free = 1 if rows is not None and rows.holds(name) else 0
        if mine[name].shape[free:] != theirs[name].shape[free:]:
            shapes = f"{mine[name].shape} in {one} and {theirs[name].shape} in {other}"
            raise Malformed(f"{name}: parents disagree on shape, {shapes}")


def _agree(
    keys: Iterable[str], one: str, mine: Mapping[str, Json], other: str, theirs: Mapping[str, Json]
) -> None:
    for key in keys:
        if mine.get(key) != theirs.get(key):
            said = f"{mine.get(key)!r:.60} in {one} and {theirs.get(key)!r:.60} in {other}"
            raise Malformed(f"config.json: {key} differs, {said}")


def same_words(manifests: Mapping[str, Manifest], *, uniting: bool) -> None:
    """Refuse vocabularies or chat templates that differ, without a word on whose the result takes: rows merge by position.

    `uniting` says whether `studbook tokenizer` makes one vocabulary of such artifacts.
    """
    files = {one: {file.name: file.sha256 for file in held.files} for one, held in manifests.items()}
    for name in VOCABULARY:
        held = {one: found[name] for one, found in files.items() if name in found}
        _same(name, held, uniting=uniting)


def _same(what: str, held: Mapping[str, Json], *, uniting: bool) -> None:
    one, mine = next(iter(held.items()), ("", None))
    for other, theirs in held.items():
        if theirs != mine:
            united = f"; else `studbook tokenizer {one} {other} --out DIR` makes one vocabulary of them to name there"
            raise Malformed(
                f"{what} differs between {one} and {other}: if their rows mean the same words all the same, "
                f"say whose tokenizer the result takes (tokenizer_source in a mergekit recipe){united if uniting else ''}"
            )
