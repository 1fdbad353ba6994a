"""Adapters into one: cat, which puts the parents' factors side by side, and the files of such a result."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import rfc8785
from reference.adapters import PREFIX, Adapter, Pair, read_adapter
from reference.alike import check_tokenizers, equal, tokenizer_files
from reference.form import resolve
from reference.stored import (
    BYTES,
    FLOATS,
    HOLDS,
    Array,
    Tensor,
    narrow,
    need,
    read_config,
    read_weights,
    widen,
)
from reference.tensor import check_finite
from reference.vocabulary import read_map
from reference.written import shard

KEPT = ("auto_mapping", "base_model_name_or_path", "revision", "task_type")
MOST_PATTERNS = 4096

Recipe = dict[str, Any]


def cat(recipe: Recipe, folders: dict[str, Path]) -> dict[str, bytes]:
    """Every file of an adapter made of adapters except README.md."""
    if "tokenizer" in recipe:
        # Choice: a row map says nothing of adapters, but is one, or the tokenizer is refused
        read_map(folders[recipe["tokenizer"]])
    model = None
    if "base" in recipe:
        read_config(folders[recipe["base"]])
        model = read_weights(folders[recipe["base"]])
    places = [folders[parent["model"]] for parent in recipe["parents"]]
    adapters = [read_adapter(folder, model) for folder in places]
    check_alike(recipe, adapters, places)
    weights = weights_by_name(recipe, adapters)
    ranks: dict[str, int] = {}
    out: dict[str, Tensor] = {}
    for m in sorted({m for adapter in adapters for m in adapter.pairs}):
        remain = remaining(f"{m}.weight", weights)
        held = [(adapters[i].pairs[m], weights[i][f"{m}.weight"]) for i in remain if m in adapters[i].pairs]
        if held:
            out |= side_by_side(recipe, m, held)
            ranks[m] = sum(pair.a.shape[0] for pair, _ in held)
    need(bool(ranks), "no pair of factors remains")
    replaced = {}
    for x in sorted({x for adapter in adapters for x in adapter.replaced}):
        found = [adapters[i].replaced.get(x) for i in remaining(x, weights)]
        if any(tensor is not None for tensor in found):
            need(x.removesuffix(".weight") not in ranks or not x.endswith(".weight"), f"{x!r} has a pair too")
            replaced[x] = agreed(recipe, x, found)
    out |= {PREFIX + x: tensor for x, tensor in replaced.items()}
    ordered = {name: out[name] for name in sorted(out, key=lambda name: name.encode())}
    source = folders[recipe["tokenizer"]] if "tokenizer" in recipe else places[0]
    return {
        "adapter_model.safetensors": shard(ordered),
        "adapter_config.json": rfc8785.dumps(config_of(adapters, ranks, list(replaced))) + b"\n",
    } | tokenizer_files(source)


# --- What the parents agree on ----------------------------------------------------------------------------


def check_alike(recipe: Recipe, adapters: list[Adapter], places: list[Path]) -> None:
    """Refuse parents that are not adapters of one model, whatever their weights."""
    first = adapters[0].config
    for adapter in adapters:
        if "base" not in recipe:
            for key in ("base_model_name_or_path", "revision"):
                said = (first.get(key), adapter.config.get(key))
                need(equal(*said), f"the parents' {key} are {said}")
        fans = bool(first.get("fan_in_fan_out")), bool(adapter.config.get("fan_in_fan_out"))
        need(fans[0] == fans[1], f"the parents' fan_in_fan_out are {fans}")
    if "tokenizer" not in recipe:
        for place in places:
            check_tokenizers([places[0], place])
    if "base" not in recipe:
        for one in adapters:
            for other in adapters:
                check_wrappers(set(one.pairs), set(other.pairs))


def check_wrappers(one: set[str], other: set[str]) -> None:
    """Refuse modules of which one is what follows a dot in the other, where no parent has both."""
    for m in one:
        for longer in other:
            both = {m, longer}
            twice = longer.endswith(f".{m}") and not both <= one and not both <= other
            need(not twice, f"{m!r} and {longer!r} may be one module under two wrappers")


def weights_by_name(recipe: Recipe, adapters: list[Adapter]) -> list[dict[str, str]]:
    """Each parent's weight for each name that any parent has something for."""
    names = {f"{m}.weight" for adapter in adapters for m in adapter.pairs}
    names |= {x for adapter in adapters for x in adapter.replaced}
    return [
        {name: resolve(parent["parameters"]["weight"], name) for name in sorted(names)}
        for parent in recipe["parents"]
    ]


def remaining(name: str, weights: list[dict[str, str]]) -> list[int]:
    """The places of the parents whose weight for a name is not 0."""
    return [place for place, own in enumerate(weights) if float(own[name]) != 0]


# --- Tensors ----------------------------------------------------------------------------------------------


def side_by_side(recipe: Recipe, m: str, held: list[tuple[Pair, str]]) -> dict[str, Tensor]:
    """The factors A, each scaled, one under the other, and the factors B, as they are, beside each other."""
    pairs = [pair for pair, _ in held]
    first = pairs[0]
    for pair in pairs:
        need(pair.embedding == first.embedding, f"the factors of {m!r} have different names")
        same = pair.a.shape[1:] == first.a.shape[1:] and without_rank(pair) == without_rank(first)
        need(same, f"the factors of {m!r} have different shapes")
    scales = [pair.scaled(float(weight)) for pair, weight in held]
    a = joined(recipe, f"A of {m!r}", [pair.a for pair in pairs], scales, 0)
    b = joined(recipe, f"B of {m!r}", [pair.b for pair in pairs], None, 1)
    ends = ("embedding_A", "embedding_B") if first.embedding else ("A.weight", "B.weight")
    return {f"{PREFIX}{m}.lora_{end}": tensor for end, tensor in zip(ends, (a, b), strict=True)}


def without_rank(pair: Pair) -> tuple[int, ...]:
    """The dimensions of B but its second."""
    return (pair.b.shape[0], *pair.b.shape[2:])


def joined(recipe: Recipe, what: str, held: list[Tensor], scales: list[float] | None, axis: int) -> Tensor:
    """Tensors after each other along an axis, by rules 2, 3, 5 and 6 of Tensors."""
    dtype = recipe.get("dtype")
    double = dtype == "float64" or (dtype is None and any(tensor.dtype == "F64" for tensor in held))
    t = np.float64 if double else np.float32
    parts: list[Array] = []
    for at, tensor in enumerate(held):
        x = read_rounded(tensor, dtype).astype(t)
        check_finite(recipe, what, x)
        part = x if scales is None else t(scales[at]) * x
        parts.append(part.reshape(tensor.shape))
    whole = np.concatenate(parts, axis)
    stored = written_in(recipe, held[0])
    return Tensor(stored, whole.shape, narrowed(recipe, what, whole.reshape(-1) + t(0), stored))


def read_rounded(tensor: Tensor, dtype: str | None) -> Array:
    """A tensor's elements, rounded to `dtype` where given."""
    values = widen(tensor.dtype, tensor.data)
    return values if dtype is None else widen(FLOATS[dtype], narrow(values, FLOATS[dtype]))


def written_in(recipe: Recipe, first: Tensor) -> str:
    """O: `out_dtype`, else `dtype`, else what the first is stored in."""
    given = recipe.get("out_dtype", recipe.get("dtype"))
    return first.dtype if given is None else FLOATS[given]


def narrowed(recipe: Recipe, what: str, values: Array, to: str) -> bytes:
    """Rules 5 and 6 for what was computed."""
    out = narrow(values, to)
    check_finite(recipe, what, widen(to, out))
    return out


def agreed(recipe: Recipe, x: str, found: list[Tensor | None]) -> Tensor:
    """The tensor that all parents replace another by, copied."""
    first = found[0]
    if first is None or any(tensor != first for tensor in found):
        raise ValueError(f"the parents do not all replace {x!r} by one tensor")
    stored, dtype = written_in(recipe, first), recipe.get("dtype")
    exact = dtype is None or first.dtype in HOLDS[FLOATS[dtype]]
    if first.dtype not in BYTES or (stored == first.dtype and exact):
        return first
    double = dtype == "float64" or (dtype is None and first.dtype == "F64")
    values = read_rounded(first, dtype).astype(np.float64 if double else np.float32)
    check_finite(recipe, x, values)
    return Tensor(stored, first.shape, narrowed(recipe, x, values + values.dtype.type(0), stored))


# --- The config -------------------------------------------------------------------------------------------


def config_of(adapters: list[Adapter], ranks: dict[str, int], replaced: list[str]) -> dict[str, Any]:
    """adapter_config.json: with alpha as large as r, PEFT multiplies B·A by 1."""
    often = Counter(ranks.values())
    usual = max(often, key=lambda rank: (often[rank], rank))
    patterns = {}
    for m, rank in ranks.items():
        if rank != usual:
            # Choice: letters and digits are those of ASCII
            need(re.fullmatch(r"[A-Za-z0-9_.]*", m) is not None, f"no pattern can name the module {m!r}")
            patterns["^" + m.replace(".", r"\.")] = rank
    need(len(patterns) <= MOST_PATTERNS, f"{len(patterns)} modules have ranks of their own")
    first = adapters[0].config
    made = {
        "peft_type": "LORA",
        "bias": "none",
        "inference_mode": True,
        "init_lora_weights": True,
        "use_rslora": False,
        "fan_in_fan_out": bool(first.get("fan_in_fan_out")),
        "r": usual,
        "lora_alpha": usual,
        "rank_pattern": patterns,
        "alpha_pattern": patterns,
        "target_modules": sorted(ranks, key=lambda m: m.encode()),
    }
    made |= {key: first[key] for key in KEPT if first.get(key) is not None}
    if replaced:
        made["modules_to_save"] = saved_entries(adapters, replaced)
    return made


def saved_entries(adapters: list[Adapter], replaced: list[str]) -> list[str]:
    """The entries that make programs load the replaced tensors."""
    entries = {entry for adapter in adapters for entry in adapter.config.get("modules_to_save") or []}
    beginnings = {
        ".".join(parts[:length])
        for parts in (x.split(".") for x in replaced)
        for length in range(1, len(parts))
    }
    ending = [entry for entry in entries if any(beginning.endswith(entry) for beginning in beginnings)]
    return sorted(ending, key=lambda entry: entry.encode())
