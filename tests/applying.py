"""Write PEFT LoRA adapters for tests, and say on whole matrices what they make of a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from adapting import PREFIX
from filling import filled, packed, values
from making import CONFIG, Tensors, add_all, make, write_lora, write_model
from strategies import tensors

from merger.card import configs_of
from merger.folder import describe
from merger.plan import Plan, plan
from merger.recipe import Recipe
from merger.weights import opened_weights

PLAIN = {"peft_type": "LORA", "r": 2, "lora_alpha": 3, "bias": "none", "target_modules": ["a"]}


def write_adapter(folder: Path, factors: Tensors, **config: Any) -> Path:
    return write_lora(folder, {PREFIX + n: t for n, t in factors.items()}, PLAIN | config)


def pair(module: str, shape: tuple[int, int], rank: int, seed: int, dtype: str = "F32") -> Tensors:
    """The factors of one module's weight, of awkward values."""
    a, b = filled(seed, dtype, (rank, shape[1])), filled(seed + 1, dtype, (shape[0], rank))
    return {f"{module}.lora_A.weight": a, f"{module}.lora_B.weight": b}


def ints(shape: tuple[int, ...], seed: int, dtype: str = "F32") -> tuple[str, tuple[int, ...], bytes]:
    """Small whole numbers: every sum and product of them is exact, in whatever order."""
    return packed(np.random.Generator(np.random.PCG64(seed)).integers(-4, 5, shape), dtype)


def matrix(stored: tuple[str, tuple[int, ...], bytes]) -> np.ndarray:
    return values(stored).astype(np.float64).reshape(stored[1])


def effective(model: Tensors, factors: Tensors, scaled: float, wide: type) -> Tensors:
    """Apply an adapter to a whole model at once, as the page says it; `scaled` is scale times alpha."""
    found = dict(model)
    for name in [n for n in factors if n.endswith(".lora_A.weight")]:
        module = name.removesuffix(".lora_A.weight")
        a, b = matrix(factors[name]), matrix(factors[f"{module}.lora_B.weight"])
        acc = b[:, :1] * a[:1]
        for r in range(1, len(a)):
            acc = acc + b[:, r : r + 1] * a[r : r + 1]
        delta = (scaled / len(a) * acc).astype(wide).astype(np.float64)
        x = (matrix(model[f"{module}.weight"]) + delta).astype(wide)
        found[f"{module}.weight"] = packed(x, "F64" if wide is np.float64 else "F32")
    return found


def planned(recipe: Recipe, folders: Mapping[str, Path]) -> Plan:
    described = {artifact: describe(folders[artifact]) for artifact in recipe.artifacts()}
    pairs = {artifact: (one.manifest, one.blocks) for artifact, one in described.items()}
    with opened_weights({one: folders[one] for one in pairs}, pairs) as weights:
        manifests = {artifact: one.manifest for artifact, one in described.items()}
        return plan(recipe, manifests, configs_of(recipe, weights))


class Applied:
    """One model with one adapter, merged alone with weight 1: what the adapter makes of it."""

    def __init__(self, folder: Path, model: Tensors, factors: Tensors, **config: Any) -> None:
        self.folders = add_all([write_model(folder / "model", model, CONFIG)])
        (self.model,) = self.folders
        written = write_adapter(folder / "adapter", factors, **config)
        (self.adapter,) = add_all([written])
        self.folders[self.adapter] = written

    def recipe(self, scale: str | None = "1", **members: Any) -> Recipe:
        parent: dict[str, Any] = {"model": self.model, "parameters": {"weight": "1"}}
        parent |= {"adapter": self.adapter, "scale": scale} if scale is not None else {}
        said = {"arithmetic": "1", "method": "linear", "parents": [parent], "parameters": {"normalize": True}}
        return Recipe.of(said | members)

    def files(self, scale: str | None = "1", **members: Any) -> dict[str, bytes]:
        made = make(self.recipe(scale, **members), self.folders).files
        return {name: data for name, data in made.items() if name != "README.md"}

    def matrix(self, name: str, scale: str = "1") -> np.ndarray:
        return matrix(tensors(self.files(scale, out_dtype="float64", dtype="float64"))[name])
