"""Accounts: the witnesses re-add to the scalars that were used, and count what was kept."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
from filling import packed, values
from strategies import big, on_disk

from merger.account import tensor_account
from merger.measure import Measured
from merger.method import Values
from merger.methods import METHODS
from merger.reduce import SPAN, total
from merger.select import tally
from merger.steps import Compute

LARGE = {"a": (2 * SPAN + 3,), "b": (), "c": (0,)}
TYPES = ("F32", "F32", "F32")


def account(made):
    return json.loads(made.result.account)


def test_the_sums_of_slerp_re_add_to_its_scalars():
    case = big("slerp", LARGE, TYPES)
    with on_disk() as disk:
        entries = account(disk.make(case))["tensors"]
    x, y = (values(model["a"]).astype(np.float64) for model in case.models[1:])
    entry = entries["a"]
    sums = {name: [float.fromhex(v) for v in column] for name, column in entry["sums"].items()}
    assert {name: len(column) for name, column in sums.items()} == {"dot": 3, "first": 3, "second": 3}
    assert math.isclose(total(sums["dot"]), math.fsum(x * y), rel_tol=1e-9)
    assert math.isclose(total(sums["first"]), math.fsum(x * x), rel_tol=1e-12)
    assert sums["second"][2] == math.fsum(y[2 * SPAN :] ** 2)  # three elements, far apart in the tree
    measured = tuple(total(sums[name]) for name in ("dot", "first", "second"))
    scalars = METHODS["slerp"].resolve(Values((), {"t": "0.4"}), measured)
    assert entry["scalars"] == {"first": scalars.first.hex(), "second": scalars.second.hex()}
    assert entries["c"] == {
        "operation": "compute",
        "parents": [0, 1],
        "scalars": {"first": (0.6).hex(), "second": (0.4).hex()},
        "shares": {"energy": [(0.0).hex(), (0.0).hex()]},
    }


def test_the_blocks_of_a_selection_re_add_to_what_was_kept():
    case = big("ties", LARGE, TYPES)
    with on_disk() as disk:
        entry = account(disk.make(case))["tensors"]["a"]
    base = values(case.models[0]["a"])
    for i, (model, density) in enumerate(zip(case.models[1:], (0.3, 0.61), strict=True)):
        selection = entry["selections"][i]
        magnitudes = np.abs(values(model["a"]) - base).view(np.uint32)
        threshold = int(selection["threshold"], 16)
        parts = [magnitudes[at : at + SPAN] for at in range(0, len(magnitudes), SPAN)]
        assert selection["blocks"] == [list(tally(part, threshold)) for part in parts]
        above = sum(count for count, _ in selection["blocks"])
        assert above + selection["equals"] == math.floor(density * len(magnitudes))
        assert 0 < selection["equals"] <= sum(equal for _, equal in selection["blocks"])


def test_the_blocks_of_a_model_re_add_to_one_count():
    case = big("ties", LARGE | {"d": (500,)}, TYPES).shared(scope="model").each(density="0.9")
    with on_disk() as disk:
        entries = account(disk.make(case))["tensors"].values()
    for i in (0, 1):
        found = [entry["selections"][i] for entry in entries if "selections" in entry]
        assert len({selection["threshold"] for selection in found}) == 1
        kept = sum(s["equals"] + sum(above for above, _ in s["blocks"]) for s in found)
        assert kept == math.floor(0.9 * (2 * SPAN + 4 + 500))


def test_an_account_says_what_was_done_and_to_whom():
    base = {"w": packed([1, 2], "F32"), "ids": ("I64", (1,), bytes(8)), "same": packed([1], "F32")}
    tuned = base | {"w": packed([3, 4], "F32")}
    case = big("task_arithmetic", {}, TYPES)
    case = type(case)((base, tuned, tuned), case.recipe)
    with on_disk() as disk:
        made = disk.make(case.but(out_dtype="float16"))
        assert account(made) == {
            "v": "1",
            "recipe": made.result.account and _digest(disk, case.but(out_dtype="float16")),
            "tensors": {
                "ids": {"operation": "copy"},
                "same": {"operation": "convert"},
                "w": {
                    "operation": "compute",
                    "parents": [0, 1],
                    "scalars": {"factors": [(0.7).hex(), (-0.25).hex()], "scale": (1.0).hex()},
                    # 2 · 0.7 in fp32, squared in fp64, twice
                    "shares": {"energy": [(2 * float(np.float32(1.4)) ** 2).hex(), (0.5).hex()]},
                },
            },
        }


def _digest(disk, case):
    from merger.recipe import Recipe

    return Recipe.of(disk.recipe(case)).digest


def test_what_is_not_finite_is_counted():
    base = {"w": packed([1, np.inf, 0, np.nan], "F32"), "z": packed([60000.0], "F32")}
    tuned = {"w": packed([1, 1, np.nan, 0], "F32"), "z": packed([70000.0], "F32")}
    case = big("task_arithmetic", {}, TYPES, out_dtype="float16", allow_nonfinite=True)
    case = type(case)((base, tuned, tuned), case.recipe).each(weight="1")
    with on_disk() as disk:
        entries = account(disk.make(case))["tensors"]
    assert entries["w"]["nonfinite"] == {"inputs": 3, "outputs": 3}
    assert entries["z"]["nonfinite"] == {"inputs": 0, "outputs": 1}


def test_scalars_of_a_kind_nobody_can_read_back_are_a_mistake_of_the_method():
    @dataclass
    class Odd:
        value: object

    step = Compute("w", (1,), "F32", "F32", None, ("p",), (0,), Values((), {}))
    with pytest.raises(TypeError, match="a scalar of type complex cannot be written into an account"):
        tensor_account(step, Measured(Odd(1j)))
    assert tensor_account(step, Measured(Odd((0.5, "x", None, True))))["scalars"] == {
        "value": ["0x1.0000000000000p-1", "x", None, True]
    }
