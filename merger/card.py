"""The small files of a merge: config, index, tokenizer files, and a card that is generated from the recipe alone.

docs/arithmetic.md, "Files": every file of the output is a pure function of recipe and inputs, or the artifact id
would not be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from merger.header import INDEX
from merger.joint import joint_config
from merger.layers import sliced_config
from merger.lora import CONFIG as ADAPTER_CONFIG
from merger.manifest import SIZES, VOCABULARY
from merger.plan import Plan
from merger.recipe import Recipe
from merger.row_map import RowMap, Vectors, mapped
from merger.statistics import CONFIG as STATISTICS_CONFIG
from merger.steps import elements

if TYPE_CHECKING:  # who serves a registry reads cards and claims, and opens no weights
    from merger.weights import Weights
from merger.words import template
from signing import canonical
from signing.canonical import Json
from signing.errors import Malformed

CONFIG = "config.json"
CARD = "README.md"
ELSEWHERE = "transformers_weights"
SETTINGS = "tokenizer_config.json"
TOKENIZER = (*VOCABULARY, SETTINGS, "special_tokens_map.json", "generation_config.json")


def config_of(weights: Weights) -> dict[str, Json]:
    """Return a model's parsed config.json."""
    config = _object(weights, CONFIG)
    if config is None and weights.small(ADAPTER_CONFIG) is not None:
        raise Malformed(
            f"{weights.folder} is an adapter where a model belongs: name it with its model, as model+adapter, or merge adapters "
            f"with each other by cat"
        )
    if config is None:
        raise Malformed(f"{weights.folder} has no {CONFIG}; a merge takes its architecture from there")
    if ELSEWHERE in config:
        raise Malformed(
            f"{weights.folder / CONFIG} says {ELSEWHERE}: some programs would load other weights than these"
        )
    return config


def configs_of(recipe: Recipe, weights: Mapping[str, Weights]) -> dict[str, dict[str, Json]]:
    """Return the config of every model that a recipe merges, and what every adapter and all statistics say they are."""
    joined = recipe.rules.merges == "adapters"
    parents = {parent.model for parent in recipe.parents}
    adapters = parents if joined else {parent.adapter for parent in recipe.parents} - {None}
    models = {recipe.base} - {None} if joined else parents | {recipe.first}
    used = f"{recipe.method} merges PEFT adapters" if joined else "it is applied as a PEFT adapter"
    found = {one: config_of(weights[one]) for one in models if one}
    found |= {one: _adapter_config_of(weights[one], used) for one in adapters if one}
    named = {parent.statistics for parent in recipe.parents if parent.statistics}
    return found | {one: _statistics_config_of(weights[one]) for one in named}


def _statistics_config_of(weights: Weights) -> dict[str, Json]:
    config = _object(weights, STATISTICS_CONFIG)
    if config is None:
        raise Malformed(f"{weights.folder} has no {STATISTICS_CONFIG}, and it is named as statistics")
    return config


def _adapter_config_of(weights: Weights, used: str) -> dict[str, Json]:
    config = _object(weights, ADAPTER_CONFIG)
    if config is None and weights.small(CONFIG) is not None:
        raise Malformed(
            f"{weights.folder} is a model where an adapter belongs: it has no {ADAPTER_CONFIG}, and {used}"
        )
    if config is None:
        raise Malformed(
            f"{weights.folder} has no {ADAPTER_CONFIG}, which says how its factors are scaled; {used}"
        )
    return config


def vectors_of(recipe: Recipe, weights: Mapping[str, Weights]) -> Vectors:
    """Return the vectors of the row map that a recipe's tokenizer carries, checked; none where it carries no map."""
    if recipe.tokenizer is None:
        return {}
    source = weights[recipe.tokenizer]
    models = {recipe.first, *(parent.model for parent in recipe.parents)}
    return {
        model: np.frombuffer(source.read(model, 0, one.blocks, bytearray(one.size)), "<i8")
        for model, one in mapped(recipe.tokenizer, source.manifest).items()
        if model in models
    }


def templates_of(recipe: Recipe, weights: Mapping[str, Weights]) -> dict[str, Json]:
    """Return the chat templates in tokenizer_config.json by model, where nobody says whose counts and the files differ."""
    if recipe.tokenizer is not None:
        return {}
    models = dict.fromkeys((recipe.first, *(parent.model for parent in recipe.parents)))
    raws = {model: raw for model in models if (raw := weights[model].small(SETTINGS)) is not None}
    if len(set(raws.values())) < 2:
        return {}
    found = {model: template(str(weights[model].folder / SETTINGS), raw) for model, raw in raws.items()}
    return {model: said for model, said in found.items() if said is not None}


def small_files(plan: Plan, weights: Mapping[str, Weights]) -> dict[str, bytes]:
    """Return every output file of a plan but the shards, by name."""
    recipe = plan.recipe
    configs = configs_of(recipe, weights)
    if recipe.rules.merges == "adapters":
        shapes = {step.name: step.shape for step in plan.steps}
        files = {ADAPTER_CONFIG: _lined(joint_config(recipe, configs, shapes)), CARD: card(recipe)}
        source = weights[recipe.tokenizer or recipe.parents[0].model]
    else:
        config = sliced_config(recipe, configs)
        manifests = {artifact: one.manifest for artifact, one in weights.items()}
        rows = RowMap.of(recipe, manifests, configs, vectors_of(recipe, weights))
        files = {CONFIG: _config(recipe, config if rows is None else rows.config(config)), CARD: card(recipe)}
        source = weights[recipe.tokenizer or recipe.first]
    for name in TOKENIZER:
        data = source.small(name)
        if data is not None:
            files[name] = data
    if len(plan.shards) > 1:
        where: dict[str, Json] = {step.name: shard for shard, steps in plan.shards for step in steps}
        size = sum(elements(step) * SIZES[step.dtype] for step in plan.steps)
        files[INDEX] = _lined({"metadata": {"total_size": size}, "weight_map": where})
    return files


def card(recipe: Recipe) -> bytes:
    """Return the model card: front matter for hubs, then what the artifact is made of."""
    library = "peft" if recipe.rules.merges == "adapters" else "transformers"
    head = ["---", *([f"license: {recipe.license}"] if recipe.license else []), f"library_name: {library}"]
    head += ["tags:", "- merge", "- studbook", "---", ""]
    rows = [f"| base | `{recipe.base}` | |"] if recipe.base else []
    rows += [
        row
        for i, parent in enumerate(recipe.parents, 1)
        for row in (
            f"| parent {i} | `{parent.reference}` | {_said(parent.parameters)} |",
            *([f"| statistics of parent {i} | `{parent.statistics}` | |"] if parent.statistics else []),
        )
    ]
    body = [
        f"# A {recipe.method} merge",
        "",
        f"Merged by Merge Arithmetic {recipe.arithmetic}: anyone with the same inputs derives the same files, bit for bit.",
        "",
        f"Recipe `sha256:{recipe.digest}`",
        "",
        "| | artifact | parameters |",
        "|---|---|---|",
        *rows,
        "",
        *_sliced(recipe),
        *_noticed(recipe),
        "```json",
        recipe.encode().decode(),
        "```",
        "",
    ]
    return "\n".join(head + body).encode()


def _sliced(recipe: Recipe) -> list[str]:
    """Return which layers of which parents the layers are merged from, where the recipe says so."""
    if recipe.slices is None:
        return []
    rows, start = [], 0
    for s in recipe.slices:
        count = int(s.count)
        taken = [("base", s.base_first)] if s.base_first is not None else []
        taken += [(f"parent {int(source.parent) + 1}", source.first) for source in s.sources]
        said = ", ".join(f"{who} {_span(int(first), count)}" for who, first in taken)
        rows.append(f"| {_span(start, count)} | {said} |")
        start += count
    return ["| layers | from |", "|---|---|", *rows, ""]


def _noticed(recipe: Recipe) -> list[str]:
    """Return what the licenses of the inputs want shown, a paragraph each."""
    return [line for notice in recipe.notices or () for line in (notice, "")]


def _span(first: int, count: int) -> str:
    return str(first) if count == 1 else f"{first}-{first + count - 1}"


def _object(weights: Weights, name: str) -> dict[str, Json] | None:
    raw = weights.small(name)
    if raw is None:
        return None
    value = canonical.decode(raw)
    if not isinstance(value, dict):
        raise Malformed(f"{weights.folder / name} is no JSON object")
    return value


def _said(parameters: Mapping[str, object]) -> str:
    return ", ".join(f"{k} {v if isinstance(v, str) else 'by tensor'}" for k, v in sorted(parameters.items()))


def _config(recipe: Recipe, config: dict[str, Json]) -> bytes:
    dtype = recipe.out_dtype or recipe.dtype
    if dtype:
        present = [key for key in ("torch_dtype", "dtype") if key in config] or ["torch_dtype"]
        config = config | dict.fromkeys(present, dtype)
    return _typed(config).encode() + b"\n"


def _typed(value: Json) -> str:
    """Return canonical JSON in which a number that was written as a float stays one: 30.0, where RFC 8785 says 30.

    Loaders of configs check types, and would refuse the shorter form.
    """
    if isinstance(value, Mapping):
        # RFC 8785, 3.2.3: members in the order of their names' UTF-16 code units.
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{_typed(name)}:{_typed(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_typed, value)) + "]"
    text = canonical.encode(value).decode()
    return f"{text}.0" if isinstance(value, float) and text.lstrip("-").isdigit() else text


def _lined(value: Json) -> bytes:
    return canonical.encode(value) + b"\n"
