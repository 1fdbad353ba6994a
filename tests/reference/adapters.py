"""Parents with a LoRA adapter: which of the model's tensors it changes, and the elements that come of it."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from reference.lora import check_config, pattern
from reference.stored import BYTES, FLOATS, Array, Tensor, narrow, need, read_object, read_weights, widen
from reference.sums import added

PREFIX = "base_model.model."

Row = tuple[Tensor, int] | None  # a row of a tensor, or +0


@dataclass(frozen=True)
class Pair:
    """The factors of one weight in an adapter, and what its config says of them."""

    a: Tensor
    b: Tensor
    embedding: bool
    transposed: bool
    alpha: float
    divisor: float  # r, with rsLoRA √r

    def scaled(self, by: float) -> float:
        """What the factors are multiplied by where they are applied, or taken up, by so much."""
        return (by * self.alpha) / self.divisor

    def product(self) -> Array:
        """B·A in fp64, r ascending, flat in the order of the model's tensor."""
        r = self.a.shape[0]
        a = widen(self.a.dtype, self.a.data).astype(np.float64).reshape(r, math.prod(self.a.shape[1:]))
        b = widen(self.b.dtype, self.b.data).astype(np.float64).reshape(self.b.shape[0], r)
        whole = added([b[:, k : k + 1] * a[k : k + 1, :] for k in range(r)])
        return (whole.T if self.transposed else whole).reshape(-1)


@dataclass(frozen=True)
class Adapter:
    """An adapter as it was read: its config, its pairs by M, its replaced tensors by X."""

    config: dict[str, Any]
    pairs: dict[str, Pair]
    replaced: dict[str, Tensor]


@dataclass(frozen=True)
class Update:
    """What an adapter adds to a tensor: s·(B·A), transposed or not."""

    pair: Pair
    s: float

    @property
    def size(self) -> int:
        """The bytes of both factors in fp64."""
        return 8 * (math.prod(self.pair.a.shape) + math.prod(self.pair.b.shape))


@dataclass(frozen=True)
class Input:
    """One tensor of the base or of a parent: as stored, and what an adapter adds to it."""

    tensor: Tensor
    said: str  # the stored type that the output's may follow: the model's, whatever replaces the tensor
    update: Update | None = None
    statistics: dict[str, Tensor] = field(default_factory=dict)  # by what follows the tensor's name
    rows: tuple[Row, ...] | None = None  # of a gathered tensor, where each row comes from

    @property
    def double(self) -> bool:
        """Whether the input is fp64 where there is no `dtype`."""
        held = [self.tensor]
        held += [] if self.update is None else [self.update.pair.a, self.update.pair.b]
        return any(tensor.dtype == "F64" for tensor in held)

    def same(self, other: "Input") -> bool:
        """Whether both are stored in one type with the same bytes; what is effective equals no other."""
        if self.update is not None or other.update is not None or self.tensor.dtype != other.tensor.dtype:
            return False
        if self.rows is None and other.rows is None:
            return self.tensor.data == other.tensor.data
        return self.taken() == other.taken()

    def taken(self) -> tuple[Row, ...]:
        """Where each row comes from; of a tensor that is taken as it stands, from itself."""
        return self.rows or tuple((self.tensor, row) for row in range(self.tensor.shape[0]))

    def load(self, t: type[np.floating[Any]], dtype: str | None) -> Array:
        """The elements that are computed with: effective, rounded to `dtype` where given, widened to T."""
        values = widen(self.tensor.dtype, self.tensor.data)
        if self.update is not None:
            # Choice: T is that of rule 2, in which `dtype` plays its part, as for every other `round_T`
            delta = (np.float64(self.update.s) * self.update.pair.product()).astype(t)
            values = (values.astype(np.float64) + delta.astype(np.float64)).astype(t)
        if dtype is not None:
            values = widen(FLOATS[dtype], narrow(values, FLOATS[dtype]))
        return values.astype(t)


def plain(model: dict[str, Tensor]) -> dict[str, Input]:
    """A model's tensors as they stand."""
    return {name: Input(tensor, tensor.dtype) for name, tensor in model.items()}


def adapted(model: dict[str, Tensor], folder: Path, scale: str) -> dict[str, Input]:
    """A model's tensors with an adapter applied."""
    adapter = read_adapter(folder, model)
    out = plain(model)
    for target, pair in adapter.pairs.items():
        x = model[f"{target}.weight"]
        out[f"{target}.weight"] = Input(x, x.dtype, Update(pair, pair.scaled(float(scale))))
    for name, tensor in adapter.replaced.items():
        out[name] = Input(tensor, model[name].dtype)
    return out


def read_adapter(folder: Path, model: dict[str, Tensor] | None) -> Adapter:
    """What an adapter holds, refused where it does not fit the model; without one nothing is asked of that."""
    config = read_object(folder / "adapter_config.json")
    check_config(config)
    factors: dict[str, dict[str, Tensor]] = {}  # by M
    replaced = {}
    tensors = read_weights(folder)
    need(bool(tensors), "an adapter has no tensors")
    for name, tensor in tensors.items():
        need(name.startswith(PREFIX), f"adapter tensor {name!r} is not called {PREFIX}")
        rest = name.removeprefix(PREFIX)
        if (found := factor(rest)) is not None:
            factors.setdefault(found[0], {})[found[1]] = tensor
        elif model is None or model.get(rest.replace(".base_layer.", ".")) != tensor:
            need(saved(rest, config.get("modules_to_save") or []), f"adapter tensor {name!r} is not of LoRA")
            replaced[rest] = tensor
    pairs = {}
    for target, held in factors.items():
        name = f"{target}.weight"
        need(held.keys() in ({"A", "B"}, {"embedding_A", "embedding_B"}), f"{name!r} has no pair of factors")
        need(model is None or name in model, f"the model has no tensor {name!r}")
        need(name not in replaced, f"tensor {name!r} is effective and replaced")
        pairs[target] = pair_of(target, held, config, None if model is None else model[name])
    for name, tensor in replaced.items():
        fits = model is None or (name in model and model[name].shape == tensor.shape)
        need(fits, f"tensor {name!r} replaces none of its shape")
    return Adapter(config, pairs, replaced)


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


def pair_of(target: str, found: dict[str, Tensor], config: dict[str, Any], x: Tensor | None) -> Pair:
    """The pair of factors for the model's tensor x, their shapes checked; None is any that they fit."""
    embedding = "embedding_A" in found
    a, b = (found["embedding_A"], found["embedding_B"]) if embedding else (found["A"], found["B"])
    floating = all(tensor.dtype in BYTES for tensor in (a, b, x or a))
    need(floating, f"factors of {target!r}, or its weight, are not floating point")
    r = pattern(config.get("rank_pattern"), target, config.get("r"))
    alpha = pattern(config.get("alpha_pattern"), target, config.get("lora_alpha"))
    transposed = embedding or config.get("fan_in_fan_out") is True
    rank_a, *inner = a.shape or (0,)
    outer, *rank_b = b.shape or (0,)
    need(rank_a == r and rank_b[:1] == [r], f"the factors of {target!r} are not of rank {r}")
    need(bool(inner), f"the factors of {target!r} do not fit")
    matrices = len(inner) == 1 and len(rank_b) == 1
    ones = rank_b[1:] == [1] * len(rank_b[1:])
    need(matrices or (ones and not transposed), f"the factors of {target!r} do not fit")
    if x is not None:
        shape = (*inner, outer) if transposed else (outer, *inner)
        need(x.shape == shape, f"the factors make {shape} of {target!r}, which is {x.shape}")
    divisor = math.sqrt(r) if config.get("use_rslora") else float(r)
    return Pair(a, b, embedding, transposed, float(alpha), divisor)
