"""What an adapter_config.json says that changes a value: ranks and alphas by module, and modules that are saved whole.

docs/arithmetic.md, "Adapters". Pure: what a config asks for that is not computed exactly is refused by name, never left
out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from merger.recipe import sentence
from signing.canonical import Json
from signing.errors import Malformed

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
# Each is held against each module; adapters with a rank of its own for every module have some hundred.
MOST_PATTERNS = 4096

# What says how an adapter was trained, where it was found or where its tensors are: those are named in its file.
_INERT = frozenset(
    (
        *("auto_mapping", "base_model_name_or_path", "corda_config", "eva_config", "exclude_modules"),
        *("inference_mode", "layers_pattern", "layers_to_transform", "loftq_config", "lora_dropout"),
        *("megatron_core", "peft_version", "qalora_group_size", "revision", "runtime_config"),
        *("target_modules", "task_type"),
    )
)
# Every other initialisation (PiSSA, OLoRA, CorDA, LoftQ, …) changes the base too, and the file does not say to what.
_INITIAL = (None, True, False, "gaussian", "orthogonal", "eva")
_KEY = re.compile(r"\^?(?:[A-Za-z0-9_.]|\\\.)+", re.ASCII)
_Rank = Annotated[int, Field(ge=1, le=1 << 31)]
_Alpha = Annotated[int | float, Field(ge=-(1 << 53), le=1 << 53)]


class _Config(BaseModel):
    """The members that change a value; what else is in a config must be switched off or inert."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    peft_type: str
    r: _Rank
    lora_alpha: _Alpha
    rank_pattern: dict[str, _Rank] | None = None
    alpha_pattern: dict[str, _Alpha] | None = None
    use_rslora: bool | None = None
    fan_in_fan_out: bool | None = None
    modules_to_save: list[str] | None = None
    bias: str = "none"
    init_lora_weights: bool | str | None = None


@dataclass(frozen=True, slots=True)
class Lora:
    """The config of one adapter, as far as it changes a value."""

    adapter: str
    rooted: bool
    """Whether products are scaled by alpha over the root of r (rsLoRA)."""
    fan_in_fan_out: bool
    saved: tuple[str, ...]
    """The entries of modules_to_save."""
    _config: _Config

    @classmethod
    def of(cls, adapter: str, said: Mapping[str, Json]) -> Lora:
        """Read the config of `adapter`, or refuse by name what it asks for that is not computed."""
        where = f"{CONFIG} of {adapter}"
        try:
            config = _Config.model_validate(said)
        except ValidationError as error:
            raise Malformed(sentence(where, error)) from None
        if config.peft_type != "LORA":
            raise Malformed(f"{where}: peft_type is {config.peft_type!r:.40}; only LORA adapters are applied")
        if config.bias != "none":
            raise Malformed(
                f"{where}: bias is {config.bias!r:.40}; adapters that train biases are not applied"
            )
        if config.init_lora_weights not in _INITIAL:
            raise Malformed(
                f"{where}: init_lora_weights is {config.init_lora_weights!r:.40}, which trains against a changed base; save "
                f"it with PEFT's path_initial_model_for_weight_conversion"
            )
        for key, value in (config.model_extra or {}).items():
            # What is switched off may be anything; what is on must be known, or the result would be another model.
            if key not in _INERT and value:
                raise Malformed(f"{where}: {key} is {value!r:.60}, a kind of adapter that is not applied")
        saved = tuple(config.modules_to_save or ())
        return cls(adapter, bool(config.use_rslora), bool(config.fan_in_fan_out), saved, config)

    def ranked(self, module: str) -> tuple[int, float]:
        """Return r and alpha of a module, each by the first pattern that matches it, else the adapter's own."""
        own = self._config
        rank, alpha = self._first(own.rank_pattern, module), self._first(own.alpha_pattern, module)
        return int(own.r if rank is None else rank), float(own.lora_alpha if alpha is None else alpha)

    def _first(self, patterns: Mapping[str, int | float] | None, module: str) -> int | float | None:
        if len(patterns or {}) > MOST_PATTERNS:
            raise Malformed(
                f"{CONFIG} of {self.adapter} has {len(patterns or {})} patterns; at most {MOST_PATTERNS} are matched"
            )
        for pattern, value in (patterns or {}).items():
            # PEFT takes a key for a regular expression; almost all are names, and these are matched in linear time.
            if not _KEY.fullmatch(pattern):
                raise Malformed(
                    f"{CONFIG} of {self.adapter}: the pattern {pattern!r:.80} is not made of letters, digits, _ and dots alone"
                )
            if _matcher(pattern).fullmatch(module):
                return value
        return None


def exact_pattern(module: str) -> str:
    """Return the pattern that matches one module alone, or refuse a name that no pattern can hold."""
    pattern = "^" + module.replace(".", r"\.")
    if not _KEY.fullmatch(pattern):
        raise Malformed(
            f"{module}: its rank is another than that of most modules, and {CONFIG} can say so only of names made of letters, digits, _ and dots"
        )
    return pattern


def saves(entries: Iterable[str], tensor: str) -> bool:
    """Say whether a tensor belongs to a module in modules_to_save; PEFT compares the ends of names as text."""
    parts = tensor.split(".")
    modules = [".".join(parts[:i]) for i in range(1, len(parts))]
    return any(module.endswith(tuple(entries)) for module in modules)


@lru_cache(MOST_PATTERNS)
def _matcher(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(.*\.)?({pattern})")
