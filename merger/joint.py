"""The adapter_config.json of adapters made into one: PEFT reads from it that B·A is multiplied by 1, module by module.

docs/arithmetic.md, "Adapters into one", Files. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from merger.adapters import PAIRS, PREFIX
from merger.lora import MOST_PATTERNS, Lora, exact_pattern, saves
from merger.manifest import utf8
from merger.recipe import Recipe
from signing.canonical import Json
from signing.errors import Malformed

# What the first parent says of the model that all are for, and of how PEFT finds its class.
_CARRIED = ("auto_mapping", "base_model_name_or_path", "revision", "task_type")


def joint_config(
    recipe: Recipe, configs: Mapping[str, Mapping[str, Json]], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Json]:
    """Return the config of a result whose tensors have these shapes, or refuse a module that no config can describe."""
    ranks = {
        tensor.removeprefix(PREFIX).removesuffix(end): shape[0]
        for tensor, shape in shapes.items()
        for end, _ in PAIRS
        if tensor.endswith(end)
    }
    if not ranks:
        raise Malformed(
            f"{recipe.method} makes no adapter of these: no parent with a weight other than 0 adapts a module"
        )
    # The largest of those that are equally frequent; patterns are for the others.
    usual = max((count, rank) for rank, count in Counter(ranks.values()).items())[1]
    odd: dict[str, Json] = {exact_pattern(module): rank for module, rank in ranks.items() if rank != usual}
    if len(odd) > MOST_PATTERNS:
        raise Malformed(
            f"{len(odd)} modules have another rank than the usual {usual}; at most {MOST_PATTERNS} patterns are written"
        )
    first = configs[recipe.parents[0].model]
    loras = [Lora.of(parent.model, configs[parent.model]) for parent in recipe.parents]
    return {
        "peft_type": "LORA",
        "bias": "none",
        "inference_mode": True,
        "init_lora_weights": True,
        "use_rslora": False,
        "fan_in_fan_out": loras[0].fan_in_fan_out,
        "r": usual,
        "lora_alpha": usual,
        "rank_pattern": odd,
        "alpha_pattern": odd,
        "target_modules": list(utf8(ranks)),
        **{key: first[key] for key in _CARRIED if first.get(key) is not None},
        **_saved({entry for lora in loras for entry in lora.saved}, shapes),
    }


def _saved(entries: set[str], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Json]:
    """Return modules_to_save as far as it names tensors that are in the result."""
    whole = [
        name.removeprefix(PREFIX) for name in shapes if not name.endswith(tuple(e for p in PAIRS for e in p))
    ]
    named = [entry for entry in utf8(entries) if any(saves([entry], name) for name in whole)]
    return {"modules_to_save": list(named)} if named else {}
