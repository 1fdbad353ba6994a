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
    # Choice: what is read is of its type whether it counts for a tensor or not, and r and lora_alpha are there
    check_number("r", config.get("r"))
    check_number("lora_alpha", config.get("lora_alpha"))
    for member, kind in (("rank_pattern", "r"), ("alpha_pattern", "lora_alpha")):
        said = config.get(member)
        need(said is None or isinstance(said, dict), f"{member} is no object")
        for key, value in (said or {}).items():
            matching(key, "")
            check_number(kind, value)
    saved = config.get("modules_to_save")
    texts = isinstance(saved, list) and all(isinstance(entry, str) for entry in saved)
    need(saved is None or texts, "modules_to_save is no array of texts")


def check_number(kind: str, value: Any) -> None:
    """Refuse a rank that is no whole number from 1 on, or an alpha that is no number."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    good = (whole and value >= 1) if kind == "r" else (whole or isinstance(value, float))
    need(good, f"{kind} is {value!r}")
