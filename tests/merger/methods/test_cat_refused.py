"""Adapters that do not fit each other are refused by name, before a byte of their weights is read where that can be."""

import json

import numpy as np
import pytest
from adapting import PREFIX, Adapter
from applying import planned
from filling import packed
from joined import BASE, NORM, ONE, TWO, Q, cat, made, pair
from strategies import Case, on_disk

from merger.recipe import Recipe
from signing.errors import Refused


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (cat(BASE, ONE), "has no adapter_config.json.* cat merges PEFT adapters"),
        (
            cat(ONE, Adapter(TWO, base_model_name_or_path="b")),
            "base_model_name_or_path differs, 'a/base' in .* say which",
        ),
        (cat(ONE, Adapter(TWO, revision="v2")), "revision differs, None in .* and 'v2' in"),
        (cat(ONE, Adapter(TWO, fan_in_fan_out=True)), "fan_in_fan_out differs, False in .* and True in"),
        (cat(ONE, Adapter(TWO, use_dora=True)), "use_dora is True, a kind of adapter"),
        (cat(ONE, Adapter(TWO, bias="all")), "bias is 'all'"),
        (cat(ONE, Adapter(TWO, r=3)), r"A of .* is \(2, 3\) and B \(2, 2\), which are no factors of rank 3"),
        (
            cat(ONE, Adapter(pair([[1, 2]], [[1], [2]]), r=1)),
            r"q.weight: its factors are A.weight \(1, 3\) and B.weight \(2, 1\) in .* and A.weight \(1, 2\)",
        ),
        (
            cat(ONE, Adapter(pair([[1, 2, 3]], [[1], [2]], "m.q"), r=1)),
            "adapts q.weight and .* m.q.weight: if these are one module under two names",
        ),
        (
            cat(Adapter(ONE | {NORM: packed([1], "F32")}, r=1, modules_to_save=["norm"]), TWO),
            "norm.weight: .* saves it whole .* and .* does not",
        ),
        (
            cat(
                Adapter(ONE | {NORM: packed([1], "F32")}, r=1, modules_to_save=["norm"]),
                Adapter(TWO | {NORM: packed([2], "F32")}, modules_to_save=["norm"]),
            ),
            "norm.weight: .* and .* save it whole .* with other bytes; .* apply the adapters to their base",
        ),
        (
            cat(ONE, Adapter({f"{PREFIX}q.weight": packed([1], "F32")}, modules_to_save=["q"])),
            "q.weight: .* saves it whole .* and .* adds a product to it",
        ),
        (
            cat(ONE, TWO, weights=["0", "0"]),
            "cat makes no adapter of these: no parent with a weight other than 0",
        ),
        (cat(ONE, Adapter({})), "holds no tensors in safetensors files"),
        (
            cat(
                Adapter(
                    pair([[1]], [[1]], "a-b") | pair([[1], [1]], [[1, 1]], "c"), r=1, rank_pattern={"c": 2}
                )
            ),
            "a-b: its rank is another than that of most modules",
        ),
        (
            cat(
                Adapter({n: ("I32", s, data) for n, (_, s, data) in ONE.items()}, r=1),
            ),
            "lora_A.weight of .* holds I32; only floats are merged",
        ),
        (
            cat(
                Adapter(
                    {
                        f"{Q}.lora_A.weight": packed(np.ones((1, 2, 2)), "F32"),
                        f"{Q}.lora_B.weight": packed(np.ones((1, 1, 2)), "F32"),
                    },
                    r=1,
                )
            ),
            "q.weight: A of .* which are factors of no tensor",
        ),
        (
            cat(ONE, TWO, slices=[{"count": "1", "sources": [{"parent": "0", "first": "0"}]}]),
            "cat merges adapters whole",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(case: Case, words: str) -> None:
    with on_disk() as disk, pytest.raises(Refused, match=words):
        planned(Recipe.of(disk.recipe(case)), disk.folders)


def test_parents_are_adapters_and_the_base_is_none_of_them() -> None:
    with on_disk() as disk:
        said = disk.recipe(cat(ONE, TWO, base=BASE))
        one, two = (parent["model"] for parent in said["parents"])
        applied = {"model": said["base"], "adapter": one, "scale": "1", "parameters": {"weight": "1"}}
        with pytest.raises(
            Refused, match=r"parents.0: cat merges adapters themselves; name the adapter as the parent"
        ):
            Recipe.of(said | {"parents": [applied]})
        with pytest.raises(
            Refused, match=r"parents.1 is the base; cat merges adapters, and a base is a model"
        ):
            Recipe.of(said | {"base": two})


def test_a_factor_that_is_not_finite_is_refused_by_its_place() -> None:
    odd = Adapter(pair([[1, 2, 3]], [[1], [np.inf]]), r=1)
    with pytest.raises(Refused, match=r"q.lora_B.weight of .*: element 1 is NaN or infinite"):
        made(cat(ONE, odd))
    with pytest.raises(Refused, match=r"q.lora_A.weight as merged: element 4 is NaN or infinite"):
        made(cat(ONE, Adapter(pair([[1, 3e38, 1]], [[1], [1]]), r=1, lora_alpha=9), out_dtype="float32"))
    allowed = made(cat(ONE, odd, allow_nonfinite=True))
    entry = json.loads(allowed.result.account)["tensors"][f"{Q}.lora_B.weight"]
    assert entry["nonfinite"] == {"inputs": 1, "outputs": 1}
    assert entry | {"nonfinite": None} == {
        "operation": "stack",
        "parents": [0, 1],
        "scalars": [(1.0).hex()] * 2,
        "nonfinite": None,
    }
