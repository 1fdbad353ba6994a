"""What a PEFT LoRA adapter does to each tensor of the model it is applied to, from its config and manifest alone.

Hu et al., https://arxiv.org/abs/2106.09685, section 4.1: W + (alpha / r) · B·A; Kalajdzievski,
https://arxiv.org/abs/2312.03732 (rsLoRA): alpha / √r. docs/arithmetic.md, "Adapters". Pure: what a config asks for that
is not computed exactly is refused by name, never left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from merger.manifest import Manifest, Tensor
from merger.recipe import sentence
from signing.canonical import Json
from signing.errors import Malformed

CONFIG = "adapter_config.json"
PREFIX = "base_model.model."
# A and B of one tensor's inputs are held in fp64 while the tensor is merged; rank 256 of the largest vocabularies fits.
MOST_BYTES = 1 << 29
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
_PAIRS = ((".lora_A.weight", ".lora_B.weight"), (".lora_embedding_A", ".lora_embedding_B"))
_KEY = re.compile(r"\^?(?:[A-Za-z0-9_.]|\\\.)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Product:
    """What an adapter adds to one tensor: factor · B·A, or its transpose, of two tensors of the adapter."""

    adapter: str
    a: Tensor
    b: Tensor
    factor: float
    transposed: bool

    @property
    def rank(self) -> int:
        """Return r, over which the products are summed."""
        return self.a.shape[0]

    @property
    def size(self) -> int:
        """Return the bytes of A and B in fp64."""
        return 8 * (self.a.elements + self.b.elements)

    @property
    def double(self) -> bool:
        """Say whether A or B is stored in fp64, which the tensor is then computed in."""
        return "F64" in (self.a.dtype, self.b.dtype)


@dataclass(frozen=True, slots=True)
class Replaced:
    """The tensor of an adapter that stands in for one of the model's (`modules_to_save`)."""

    adapter: str
    tensor: Tensor


def applied(
    adapter: str,
    scale: str,
    config: Mapping[str, Json],
    manifest: Manifest,
    model: str,
    tensors: Mapping[str, Tensor],
) -> dict[str, Product | Replaced]:
    """Return what `adapter` does at `scale` to each of the model's `tensors` that it touches, by their names."""
    read = _Adapter(adapter, float(scale), _config(adapter, config))
    if not manifest.tensors:
        raise Malformed(f"{adapter} holds no tensors in safetensors files; it cannot be applied to {model}")
    found: dict[str, Product | Replaced] = {}
    for name, change in _changes(read, manifest, tensors):
        if name not in tensors:
            raise Malformed(f"{name}: the adapter {adapter} is for it, and {model} has no such tensor")
        if name in found:
            raise Malformed(f"{name}: the adapter {adapter} changes it twice")
        _check_fit(name, change, tensors[name], model)
        found[name] = change
    return found


_Rank = Annotated[int, Field(ge=1, le=1 << 31)]
_Alpha = Annotated[int | float, Field(ge=-(1 << 53), le=1 << 53)]


class _Config(BaseModel):
    """What adapter_config.json says that changes a value; what else is in it must be switched off or inert."""

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


@lru_cache(MOST_PATTERNS)
def _matcher(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(.*\.)?({pattern})")


@dataclass(frozen=True, slots=True)
class _Adapter:
    id: str
    scale: float
    config: _Config

    def ranked(self, module: str) -> tuple[int, float]:
        """Return r and alpha of a module, each by the first pattern that matches it, else the adapter's own."""
        rank = self._first(self.config.rank_pattern, module)
        alpha = self._first(self.config.alpha_pattern, module)
        own = self.config
        return int(own.r if rank is None else rank), float(own.lora_alpha if alpha is None else alpha)

    def _first(self, patterns: Mapping[str, int | float] | None, module: str) -> int | float | None:
        if len(patterns or {}) > MOST_PATTERNS:
            raise Malformed(
                f"{CONFIG} of {self.id} has {len(patterns or {})} patterns; at most {MOST_PATTERNS} are matched"
            )
        for pattern, value in (patterns or {}).items():
            # PEFT takes a key for a regular expression; almost all are names, and these are matched in linear time.
            if not _KEY.fullmatch(pattern):
                raise Malformed(
                    f"{CONFIG} of {self.id}: the pattern {pattern!r:.80} is not made of letters, digits, _ and dots alone"
                )
            if _matcher(pattern).fullmatch(module):
                return value
        return None

    def product(self, module: str, a: Tensor, b: Tensor, *, embeds: bool) -> Product:
        """Return what a pair of factors adds to the module's weight."""
        rank, alpha = self.ranked(module)
        if min(len(a.shape), len(b.shape)) < 2 or not a.shape[0] == b.shape[1] == rank:
            raise Malformed(
                f"{module}: A of {self.id} is {a.shape} and B {b.shape}, which are no factors of rank {rank}"
            )
        root = math.sqrt(rank) if self.config.use_rslora else rank
        transposed = embeds or bool(self.config.fan_in_fan_out)
        return Product(self.id, a, b, (self.scale * alpha) / root, transposed)

    def replaces(self, name: str) -> bool:
        """Say whether a tensor belongs to a module that was saved whole; PEFT compares the ends of names as text."""
        saved = tuple(self.config.modules_to_save or ())
        parts = name.split(".")
        modules = [".".join(parts[:i]) for i in range(1, len(parts))]
        return any(module.endswith(saved) for module in modules)


def _changes(
    adapter: _Adapter, manifest: Manifest, model: Mapping[str, Tensor]
) -> Iterator[tuple[str, Product | Replaced]]:
    """Yield what each tensor of an adapter, or pair of them, does to which tensor of the model."""
    tensors = {tensor.name: tensor for tensor in manifest.tensors}
    for full, tensor in tensors.items():
        name = full.removeprefix(PREFIX)
        ends = next((pair for pair in _PAIRS if name.endswith(pair)), None)
        own = model.get(name.replace(".base_layer.", "."))
        # PEFT saves an embedding that it adapts once more as it was: what is the model's own changes nothing.
        if (
            full != name
            and own
            and (tensor.dtype, tensor.shape, tensor.digest) == (own.dtype, own.shape, own.digest)
        ):
            continue
        if full == name or (ends is None and not adapter.replaces(name)):
            raise Malformed(
                f"{full} of {adapter.id} is neither a factor of a LoRA product nor of a module in modules_to_save"
            )
        if ends is None:
            yield name, Replaced(adapter.id, tensor)
            continue
        module = name.removesuffix(ends[0]).removesuffix(ends[1])
        a, b = (tensors.get(f"{PREFIX}{module}{end}") for end in ends)
        if a is None or b is None:
            raise Malformed(
                f"{full} of {adapter.id} stands alone: {ends[0][1:]} and {ends[1][1:]} come in pairs"
            )
        if tensor is a:
            yield f"{module}.weight", adapter.product(module, a, b, embeds=ends is _PAIRS[1])


def _config(adapter: str, said: Mapping[str, Json]) -> _Config:
    where = f"{CONFIG} of {adapter}"
    try:
        config = _Config.model_validate(said)
    except ValidationError as error:
        raise Malformed(sentence(where, error)) from None
    if config.peft_type != "LORA":
        raise Malformed(f"{where}: peft_type is {config.peft_type!r:.40}; only LORA adapters are applied")
    if config.bias != "none":
        raise Malformed(f"{where}: bias is {config.bias!r:.40}; adapters that train biases are not applied")
    if config.init_lora_weights not in _INITIAL:
        raise Malformed(
            f"{where}: init_lora_weights is {config.init_lora_weights!r:.40}, which trains against a changed base; save "
            f"it with PEFT's path_initial_model_for_weight_conversion"
        )
    for key, value in (config.model_extra or {}).items():
        # What is switched off may be anything; what is on must be known, or the result would be another model.
        if key not in _INERT and value:
            raise Malformed(f"{where}: {key} is {value!r:.60}, a kind of adapter that is not applied")
    return config


def _check_fit(name: str, change: Product | Replaced, tensor: Tensor, model: str) -> None:
    match change:
        case Replaced(adapter, found):
            if found.shape != tensor.shape:
                raise Malformed(f"{name} is {found.shape} in {adapter} and {tensor.shape} in {model}")
        case Product(adapter, a, b, transposed=transposed):
            if transposed:
                fits = len(a.shape) == len(b.shape) == 2 and tensor.shape == (*a.shape[1:], b.shape[0])
            else:
                fits = math.prod(b.shape[2:]) == 1 and tensor.shape == (b.shape[0], *a.shape[1:])
            if not fits:
                turned = "the transpose of " if transposed else ""
                raise Malformed(
                    f"{name} of {model} is {tensor.shape}, but {adapter} adds {turned}B·A of {b.shape} and {a.shape} to it"
                )
