"""Other people's engines and vectors, where we claim their semantics."""

import json

import numpy as np
import pytest
from dialects import artifact, compiled
from filling import packed, values
from strategies import Case, on_disk

from merger.recipe import Recipe
from merger.seeds import lanes, mask_key

WEIGHTS = {"a": "0.5", "b": "0.25", "c": "0.75"}
BARE = [(m, {}) for m in WEIGHTS]


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


ADDED = {"lambda": "1", "normalize": False}
TIES = {"lambda": "1", "scope": "tensor", "vote": "weighted", "divide": "weights", "rescale": "none"}


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
    3: recipe("nuslerp", [("a", {"weight": "0.6"}), ("b", {"weight": "0.4"})], {"by": "tensor"}),
    4: recipe("nuslerp", [("a", {"weight": "0.6"}), ("b", {"weight": "0.4"})], {"by": "row"}),
    5: weighted("multislerp", {"normalize_weights": True, "eps": "0.00000001"}, base=None),
    6: recipe("karcher", [(m, {}) for m in "abc"], {"max_iter": "10", "tol": "0.00001"}),
    7: weighted("task_arithmetic", {"lambda": "0.5", "normalize": False}),
    8: weighted("ties", TIES, density="0.25"),
    9: weighted("ties", TIES, density="1"),
    10: weighted("ties", TIES | {"rescale": "l1"}, density="0.5"),
    11: weighted("breadcrumbs", ADDED | {"rescale": "none"}, density="0.75", gamma="0.05"),
    12: "breadcrumbs: a gamma of no element at all makes the engine drop every element, here it skips none",
    13: "dare_ties: the engine's masks come from torch's generator, and it rescales to the L1 norm",
    14: "della_linear: the engine's masks come from torch's generator, and it rescales to the L1 norm",
    15: recipe("model_stock", BARE, {"by": "row"}, "base"),
    16: recipe("nearswap", [("a", {})], {"t": "0.05"}, "base"),
    17: recipe("sce", BARE, {"select_topk": "1"}, "base"),
    # The engine takes a quarter of the 47 elements whose variance is not 0, the paper a share of all 48.
    18: recipe("sce", BARE, {"select_topk": "0.23"}, "base"),
    19: recipe("ramplus_tl", BARE, {"epsilon": "0.00001", "r": "0.1", "alpha": "0.2"}, "base"),
    20: deltas("task_arithmetic", ADDED),
    21: deltas("ties", TIES | {"vote": "unweighted", "divide": "count"}, density="0.25"),
    22: deltas("magnitude_prune", ADDED | {"scope": "tensor", "rescale": "none"}, density="0.5"),
    23: deltas("ties", TIES | {"vote": "count", "divide": "count"}, density="0.5"),
    24: "dare_ties: the engine's masks come from torch's generator",
    25: alike("0.21", divide="count"),
    26: alike("0.21", divide="max"),
    27: "ties where an even vote takes the majority sign of the whole tensor: here it takes the positive one",
    28: "MergeLM's DARE: its masks come from torch's generator",
    29: slerp("0.3"),
}

CLAIMED = [number for number, said in CASES.items() if not isinstance(said, str)]
LEFT_OUT = {number: said for number, said in CASES.items() if isinstance(said, str)}


def test_every_case_is_claimed_or_left_out_for_a_reason(shared):
    cases = json.loads((shared / "vectors/merge_golden.json").read_text())["cases"]
    assert sorted(CASES) == list(range(len(cases)))


def document(case):
    """Write a case of mergekit's as the document that its users would hand to it."""
    params = case["params"]
    shared = params.get("global_", {k: v for k, v in params.items() if k not in ("base_model", "weight")})
    own = params.get("per_model") or {
        m: {"weight": w} for m, w in zip(case["inputs"], params.get("weight", []), strict=False)
    }
    lines = [f"merge_method: {case['method']}@mergekit-0.1", f"parameters: {json.dumps(shared)}", "models:"]
    lines += [f"  - {json.dumps({'model': m, 'parameters': own.get(m, {})})}" for m in case["inputs"]]
    lines += [f"base_model: {params['base_model']}"] if params["base_model"] else []
    return "\n".join(lines) + "\n"


# Our share counts all elements, mergekit's those whose variance is not 0: the note says so.
WRITTEN_OTHERWISE = {18}


def test_documents_for_mergekit_come_to_the_recipes_that_have_its_values(shared):
    cases = json.loads((shared / "vectors/merge_golden.json").read_text())["cases"]
    claimed = [n for n in CLAIMED if cases[n]["engine"].startswith("mergekit@")]
    for number in set(claimed) - WRITTEN_OTHERWISE:
        said = CASES[number]
        said = said | {"parents": [p | {"model": artifact(p["model"])} for p in said["parents"]]}
        said |= {"base": artifact(said["base"])} if "base" in said else {}
        found = compiled(document(cases[number]))
        assert found.recipe == Recipe.of(said), number
        assert any(note.startswith("mergekit-0.1: ") for note in found.notes)
    assert compiled(document(cases[13]), seed="7").recipe.parameters["rescale"] == "l1"


@pytest.mark.parametrize("number", CLAIMED)
def test_other_engines_come_to_the_same_numbers(shared, number):
    golden = json.loads((shared / "vectors/merge_golden.json").read_text())
    size = len(golden["tensors"]["base"])
    named = golden["tensors"] | {"zeros": [0.0] * size}
    names = list(named)
    said = dict(CASES[number])
    said["parents"] = [p | {"model": str(names.index(p["model"]))} for p in said["parents"]]
    said |= {"base": str(names.index(said["base"]))} if "base" in said else {}
    shape = golden["shape"]
    models = tuple({"w": packed(named[name], "F32", shape)} for name in names)
    with on_disk() as disk:
        got = values(disk.tensors(Case(models, said))["w"])
    assert np.abs(got - np.float32(golden["cases"][number]["output"])).max() <= 1e-6
