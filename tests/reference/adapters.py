"""Parents with a LoRA adapter: which of the model's tensors it changes, and the elements that come of it."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from reference.stored import BYTES, FLOATS, Array, Tensor, narrow, need, read_object, read_weights, widen
from reference.sums import added

PREFIX = "base_model.model."
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


@dataclass(frozen=True)
class Update:
    """What an adapter adds to a tensor: s·(B·A), transposed or not."""

    a: Tensor
    b: Tensor
    s: float
    transposed: bool

    @property
    def size(self) -> int:
        """The bytes of both factors in fp64."""
        return 8 * (math.prod(self.a.shape) + math.prod(self.b.shape))

    def product(self) -> Array:
        """B·A in fp64, r ascending, flat in the order of the model's tensor."""
        r = self.a.shape[0]
        a = widen(self.a.dtype, self.a.data).astype(np.float64).reshape(r, math.prod(self.a.shape[1:]))
        b = widen(self.b.dtype, self.b.data).astype(np.float64).reshape(self.b.shape[0], r)
        whole = added([b[:, k : k + 1] * a[k : k + 1, :] for k in range(r)])
        return (whole.T if self.transposed else whole).reshape(-1)


@dataclass(frozen=True)
class Input:
    """One tensor of the base or of a parent: as stored, and what an adapter adds to it."""

    tensor: Tensor
    said: str  # the stored type that the output's may follow: the model's, whatever replaces the tensor
    update: Update | None = None

    @property
    def double(self) -> bool:
        """Whether the input is fp64 where there is no `dtype`."""
        held = [self.tensor] if self.update is None else [self.tensor, self.update.a, self.update.b]
        return any(tensor.dtype == "F64" for tensor in held)

    def same(self, other: "Input") -> bool:
        """Whether both are stored in one type with the same bytes; what is effective equals no other."""
        stored = self.update is None and other.update is None
        return stored and (self.tensor.dtype, self.tensor.data) == (other.tensor.dtype, other.tensor.data)

    def load(self, t: type[np.floating[Any]], dtype: str | None) -> Array:
        """The elements that are computed with: effective, rounded to `dtype` where given, widened to T."""
        values = widen(self.tensor.dtype, self.tensor.data)
        if self.update is not None:
            # Choice: T is that of rule 2, in which `dtype` plays its part, as for every other `round_T`
            delta = (np.float64(self.update.s) * self.update.product()).astype(t)
            values = (values.astype(np.float64) + delta.astype(np.float64)).astype(t)
        if dtype is not None:
            values = widen(FLOATS[dtype], narrow(values, FLOATS[dtype]))
        return values.astype(t)


def plain(model: dict[str, Tensor]) -> dict[str, Input]:
    """A model's tensors as they stand."""
    return {name: Input(tensor, tensor.dtype) for name, tensor in model.items()}


def adapted(model: dict[str, Tensor], folder: Path, scale: str) -> dict[str, Input]:
    """A model's tensors with an adapter applied."""
    config = read_object(folder / "adapter_config.json")
    check_config(config)
    factors: dict[str, dict[str, Tensor]] = {}  # by effective tensor; embeddings by another letter
    replaced = {}
    for name, tensor in read_weights(folder).items():
        need(name.startswith(PREFIX), f"adapter tensor {name!r} is not called {PREFIX}")
        rest = name.removeprefix(PREFIX)
        same = rest.replace(".base_layer.", ".")
        if (found := factor(rest)) is not None:
            factors.setdefault(found[0], {})[found[1]] = tensor
        elif model.get(same) != tensor:
            need(saved(rest, config.get("modules_to_save") or []), f"adapter tensor {name!r} is not of LoRA")
            replaced[rest] = tensor
    out = plain(model)
    for target, found in factors.items():
        name = f"{target}.weight"
        need(found.keys() in ({"A", "B"}, {"embedding_A", "embedding_B"}), f"{name!r} has no pair of factors")
        need(name in model, f"the model has no tensor {name!r}")
        need(name not in replaced, f"tensor {name!r} is effective and replaced")
        out[name] = Input(model[name], model[name].dtype, update(target, model[name], found, config, scale))
    for name, tensor in replaced.items():
        need(
            name in model and model[name].shape == tensor.shape, f"tensor {name!r} replaces none of its shape"
        )
        out[name] = Input(tensor, model[name].dtype)
    return out


def factor(rest: str) -> tuple[str, str] | None:
    """The M and the factor that an adapter's tensor is, or None."""
    for ending in ("A.weight", "B.weight", "embedding_A", "embedding_B"):
        if rest.endswith(f".lora_{ending}"):
            return rest.removesuffix(f".lora_{ending}"), ending.removesuffix(".weight")
    return None


def saved(rest: str, entries: list[str]) -> bool:
    """Whether a tensor is of a module that the adapter saves as a whole."""
    parts = rest.split(".")
    beginnings = [".".join(parts[:length]) for length in range(1, len(parts))]
    return any(beginning.endswith(entry) for beginning in beginnings for entry in entries)


def update(target: str, x: Tensor, found: dict[str, Tensor], config: dict[str, Any], scale: str) -> Update:
    """What a pair of factors adds to the model's tensor x, their shapes checked."""
    embedding = "embedding_A" in found
    a, b = (found["embedding_A"], found["embedding_B"]) if embedding else (found["A"], found["B"])
    floating = all(tensor.dtype in BYTES for tensor in (a, b, x))
    need(floating, f"factors of {target!r}, or its weight, are not floating point")
    r = pattern(config.get("rank_pattern"), target, config.get("r"))
    alpha = pattern(config.get("alpha_pattern"), target, config.get("lora_alpha"))
    need(isinstance(r, int) and not isinstance(r, bool) and r >= 1, f"the rank of {target!r} is {r!r}")
    if not isinstance(alpha, int | float) or isinstance(alpha, bool):
        raise ValueError(f"alpha of {target!r} is {alpha!r}")  # noqa: TRY004 - one kind of refusal
    transposed = embedding or config.get("fan_in_fan_out") is True
    rank_a, *inner = a.shape or (0,)
    outer, *rank_b = b.shape or (0,)
    need(rank_a == r and rank_b[:1] == [r], f"the factors of {target!r} are not of rank {r}")
    # Choice: after b and r there are as many ones as A has dimensions after a_1
    need(len(inner) >= 1 and rank_b[1:] == [1] * (len(inner) - 1), f"the factors of {target!r} do not fit")
    need(len(inner) == 1 or not transposed, f"a convolution {target!r} is not transposed")
    shape = (*inner, outer) if transposed else (outer, *inner)
    need(x.shape == shape, f"the factors make {shape} of {target!r}, which is {x.shape}")
    root = math.sqrt(r) if config.get("use_rslora") else r
    return Update(a, b, (float(scale) * float(alpha)) / root, transposed)


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
    # Choice: where `peft_type` or `bias` is absent or null it is not another one
    need(config.get("peft_type") in (None, "LORA"), f"peft_type {config.get('peft_type')!r} is not LORA")
    need(config.get("bias") in (None, "none"), f"bias {config.get('bias')!r} is not none")
    init = config.get("init_lora_weights")
    known = init is None or isinstance(init, bool) or init in ("gaussian", "orthogonal", "eva")
    need(known, f"init_lora_weights {init!r} trains against a changed base")
    for member, value in config.items():
        nothing = value is None or value in (False, 0, "", [], {})
        need(nothing or member in MENTIONED | HARMLESS, f"{member} {value!r} is more than LoRA")
    for member in ("use_rslora", "fan_in_fan_out"):
        need(config.get(member) in (None, False, True), f"{member} is neither true nor false")
    for member in ("rank_pattern", "alpha_pattern"):
        keys = config.get(member) or {}
        need(isinstance(keys, dict), f"{member} is no object")
        for key in keys:
            matching(key, "")
    saved = config.get("modules_to_save") or []
    texts = isinstance(saved, list) and all(isinstance(entry, str) for entry in saved)
    need(texts, "modules_to_save is no array of texts")
