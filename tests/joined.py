"""Recipes that put small adapters side by side, in a line each."""

from typing import Any

from adapting import PREFIX, Adapter
from filling import Model, packed
from making import Made
from strategies import Case, on_disk

Q = f"{PREFIX}q"
NORM = f"{PREFIX}norm.weight"


def pair(a: Any, b: Any, module: str = "q", dtype: str = "F32") -> Model:
    return {
        f"{PREFIX}{module}.lora_A.weight": packed(a, dtype),
        f"{PREFIX}{module}.lora_B.weight": packed(b, dtype),
    }


def cat(*parents: Model, weights: list[Any] | None = None, base: Model | None = None, **members: Any) -> Case:
    """A recipe over adapters, all of weight 1 unless it says otherwise."""
    given = weights or ["1"] * len(parents)
    recipe = {
        "arithmetic": "1",
        "method": "cat",
        "parents": [{"model": str(i), "parameters": {"weight": w}} for i, w in enumerate(given, 1)],
        "parameters": {},
    }
    recipe |= {"base": "0"} if base is not None else {}
    return Case((base or {}, *parents), recipe | members)


def made(case: Case) -> Made:
    with on_disk() as disk:
        return disk.make(case)


ONE = Adapter(pair([[1, 2, 3]], [[1], [-1]]), r=1, lora_alpha=2)
TWO = Adapter(pair([[0, 1, 0], [1, 0, 0]], [[5, 6], [7, 8]]), r=2, lora_alpha=4, use_rslora=True)
BASE: Model = {"q.weight": packed([[0, 0, 0], [0, 0, 0]], "F32"), "emb.weight": packed([[1, 2]], "F32")}
