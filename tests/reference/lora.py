"""The config of a LoRA adapter: what it says of ranks and alphas, and what is more than LoRA."""

import re
from typing import Any

from reference.stored import need

MENTIONED = {
    "alpha_pattern",
    "bias",
    "fan_in_fan_out",
    "init_lora_weights",
    "lora_alpha",
    "modules_to_save",
    "peft_type",
    "r",
    "rank_pattern",
    "use_rslora",
}
HARMLESS = {
    "auto_mapping",
    "base_model_name_or_path",
    "corda_config",
    "eva_config",
    "exclude_modules",
    "inference_mode",
    "layers_pattern",
    "layers_to_transform",
    "loftq_config",
    "lora_dropout",
    "megatron_core",
    "peft_version",
    "qalora_group_size",
    "revision",
    "runtime_config",
    "target_modules",
    "task_type",
}


def pattern(patterns: Any, target: str, otherwise: Any) -> Any:
    """The value of the first key that matches a module, or the one for all."""
    return next((value for key, value in (patterns or {}).items() if matching(key, target)), otherwise)


def matching(key: str, target: str) -> bool:
    """Whether a key matches a module's name, or what follows a dot in it, as a whole."""
    # Choice: letters are those of ASCII, and a key of other characters, or of none, is refused
    need(re.fullmatch(r"\^?([A-Za-z0-9_.]|\\\.)+", key) is not None, f"{key!r} is no key of a pattern")
    parts = target.split(".")
    whole = [target] if key.startswith("^") else [".".join(parts[i:]) for i in range(len(parts))]
    body = re.compile(key.removeprefix("^"), re.DOTALL)  # `.` and `\.` mean what the page gives them
    return any(body.fullmatch(text) for text in whole)


def check_config(config: dict[str, Any]) -> None:
    """Refuse an adapter that is more than LoRA."""
    need(config.get("peft_type") == "LORA", f"peft_type {config.get('peft_type')!r} is not LORA")
    # Choice: a `bias` of null is there and is not `none`
    need(config.get("bias", "none") == "none", f"bias {config.get('bias')!r} is not none")
    init = config.get("init_lora_weights")
    known = init is None or isinstance(init, bool) or init in ("gaussian", "orthogonal", "eva")
    need(known, f"init_lora_weights {init!r} trains against a changed base")
    for member, value in config.items():
        nothing = value is None or value in (False, 0, "", [], {})  # 0.0 too
        need(nothing or member in MENTIONED | HARMLESS, f"{member} {value!r} is more than LoRA")
    for member in ("use_rslora", "fan_in_fan_out"):
        # Choice: a flag of null is absent, as `fan_in_fan_out` is where adapters are made into one
        need(config.get(member) is None or isinstance(config[member], bool), f"{member} is no flag")
    for member in ("rank_pattern", "alpha_pattern"):
        keys = config.get(member) or {}
        need(isinstance(keys, dict), f"{member} is no object")
        for key in keys:
            matching(key, "")
    saved = config.get("modules_to_save") or []
    texts = isinstance(saved, list) and all(isinstance(entry, str) for entry in saved)
    need(texts, "modules_to_save is no array of texts")
