"""Other people's engines and vectors, where we claim their semantics."""

import json

import numpy as np
import pytest
from strategies import Case, on_disk, packed, values

from merger.methods import METHODS
from merger.seeds import lanes, mask_key

WEIGHTS = {"a": "0.5", "b": "0.25", "c": "0.75"}


def test_masks_are_those_of_the_vectors(shared):
    for case in json.loads((shared / "vectors/mask.json").read_text()):
        key = mask_key(case["seed"], case["tensor"], case["parent"], case["occurrence"])
        assert f"{key:032x}" == case["key_hex"]
        assert lanes(key, 0, 32).tolist() == case["lanes_0_31"]
        assert lanes(key, 992, 12)[8:].tolist() == case["lanes_1000_1003"]
        kept = np.flatnonzero(lanes(key, 0, 32) < 19660).tolist()
        assert kept == case["kept_of_first_32_at_density_0.3"]


def recipe(method, parents, shared=None, base=None):
    return {
        "arithmetic": "1",
        "method": method,
        "parents": [{"model": m, "parameters": p} for m, p in parents],
        "parameters": shared or {},
        "shard_bytes": "5000000000",
        "allow_nonfinite": False,
    } | ({"base": base} if base else {})


def weighted(method, shared, base="base", **own):
    return recipe(method, [(m, {"weight": w} | own) for m, w in WEIGHTS.items()], shared, base)


def deltas(method, shared, **own):
    """A recipe for engines that are handed task vectors: onto a base of zeros."""
    return recipe(method, [(f"d{m}", {"weight": w} | own) for m, w in WEIGHTS.items()], shared, "zeros")


TIES = {"lambda": "1", "scope": "tensor", "vote": "weighted", "divide": "weights"}


def alike(density, **shared):
    """Official TIES has no weights. It keeps all that is at least the K-th from the end, one more than K says."""
    return recipe(
        "ties", [(d, {"weight": "1", "density": density}) for d in ("da", "db", "dc")], TIES | shared, "zeros"
    )


def slerp(t):
    return recipe("slerp", [("a", {}), ("b", {})], {"t": t})


# Case of merge_golden.json -> our recipe for it, or in a sentence why we do not claim that engine's semantics there.
CASES = {
    0: weighted("linear", {"normalize": True}, base=None),
    1: slerp("0"),
    2: slerp("0.5"),
    3: "nuslerp: not written yet",
    4: "nuslerp: not written yet",
    5: "multislerp: not written yet",
    6: "karcher: not written yet",
    7: weighted("task_arithmetic", {"lambda": "0.5", "normalize": False}),
    8: weighted("ties", TIES, density="0.25"),
    9: weighted("ties", TIES, density="1"),
    10: "ties with rescale to the L1 norm: `rescale: l1` is not written yet",
    11: "breadcrumbs: not written yet",
    12: "breadcrumbs: a bug of the engine, to be refused by name when breadcrumbs is written",
    13: "dare_ties: the engine's masks come from torch's generator, and it rescales to the L1 norm",
    14: "della_linear: not written yet, and its masks come from torch's generator",
    15: "model_stock: not written yet",
    16: "nearswap: not written yet",
    17: "sce: not written yet",
    18: "sce: not written yet",
    19: "ramplus_tl: not written yet",
    20: deltas("task_arithmetic", {"lambda": "1", "normalize": False}),
    21: deltas("ties", TIES | {"vote": "unweighted", "divide": "count"}, density="0.25"),
    22: "magnitude_prune: not written yet",
    23: "ties that elects a sign by counting (`frequency`): not a choice of `vote`",
    24: "dare_ties: the engine's masks come from torch's generator",
    25: alike("0.21", divide="count"),
    26: "ties that keeps the largest of the agreeing (`dis-max`): not a choice of `divide`",
    27: "ties where an even vote takes the majority sign of the whole tensor: here it takes the positive one",
    28: "MergeLM's DARE: its masks come from torch's generator",
    29: slerp("0.3"),
}

CLAIMED = [number for number, said in CASES.items() if not isinstance(said, str)]
LEFT_OUT = {number: said for number, said in CASES.items() if isinstance(said, str)}


def test_every_case_is_claimed_or_left_out_for_a_reason(shared):
    cases = json.loads((shared / "vectors/merge_golden.json").read_text())["cases"]
    assert sorted(CASES) == list(range(len(cases)))
    for number, reason in LEFT_OUT.items():
        assert (
            "not written yet" not in reason or cases[number]["method"] not in METHODS or "rescale" in reason
        )


@pytest.mark.parametrize("number", CLAIMED)
def test_other_engines_come_to_the_same_numbers(shared, number):
    golden = json.loads((shared / "vectors/merge_golden.json").read_text())
    size = len(golden["tensors"]["base"])
    named = golden["tensors"] | {"zeros": [0.0] * size}
    names = list(named)
    said = dict(CASES[number])
    said["parents"] = [p | {"model": str(names.index(p["model"]))} for p in said["parents"]]
    said |= {"base": str(names.index(said["base"]))} if "base" in said else {}
    models = tuple({"w": packed(named[name], "F32")} for name in names)
    with on_disk() as disk:
        got = values(disk.tensors(Case(models, said))["w"])
    assert np.abs(got - np.float32(golden["cases"][number]["output"])).max() <= 1e-6
