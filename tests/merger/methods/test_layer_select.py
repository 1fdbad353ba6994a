"""layer_select: the paper's score worked by hand, what it decides, and what stands of it in the account."""

import json
import math
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
from applying import pair, write_adapter
from filling import Model, packed, values
from making import Made, add_all, floats, make
from strategies import Case, on_disk

from merger.attribution import attribute
from merger.card import configs_of
from merger.chunks import Chunks
from merger.claim import Claim
from merger.execute import Result
from merger.folder import describe
from merger.kernels.blocks import NumpyKernels
from merger.kernels.compiled import CompiledKernels
from merger.measure import measure
from merger.methods import METHODS
from merger.plan import plan
from merger.recipe import Recipe
from merger.reduce import SPAN, block_sum, total
from merger.sample import sample
from merger.steps import Compute
from merger.weights import opened_weights
from signing.errors import Malformed

NAME = "model.layers.0.w"


def case(models, tau: str = "0.35", weight: str = "0.8", **members: object) -> Case:
    recipe = {
        "arithmetic": "1",
        "method": "layer_select",
        "base": "0",
        "parents": [{"model": str(i), "parameters": {}} for i in (1, 2, 3)],
        "parameters": {"tau": tau, "weight": weight},
        "shard_bytes": "5000000000",
        "allow_nonfinite": False,
    }
    return Case(tuple(models), recipe | members)


def models(*arrays, name: str = NAME, dtype: str = "F32") -> list[Model]:
    """Base, tuned, aligned and safe models of one tensor."""
    return [{name: packed(np.array(x), dtype)} for x in arrays]


def done(one: Case, **how) -> tuple[list[float], dict]:
    """Return the tensor and its entry in the account."""
    with on_disk() as disk:
        made = disk.make(one, **how)
        (name,) = one.models[0]
        return values(disk.tensors(one, **how)[name]).tolist(), json.loads(made.result.account)["tensors"][
            name
        ]


# V = aligned - base has one direction, the first row; the tuning moved by (3, 4) along it and across it.
BASE, ALIGNED = [[1, 1], [1, 1]], [[2, 1], [1, 1]]
TUNED, SAFE = [[5, 1], [5, 1]], [[0, 11], [0, 11]]


@pytest.mark.parametrize(
    ("tau", "kept", "wanted"),
    [
        ("0.6", True, [5, 1, 5, 1]),
        ("0.61", False, [4, 3, 4, 3]),
        ("0", True, [5, 1, 5, 1]),
        ("1", False, [4, 3, 4, 3]),
    ],
)
def test_a_score_of_three_fifths_by_hand(tau, kept, wanted):
    found, entry = done(case(models(BASE, TUNED, ALIGNED, SAFE), tau))
    # |Δ| = 5 and |P| = 3, with P = V Vᵀ Δ = Δ's first row: 9 / (5 · 3).
    assert found == pytest.approx(wanted, rel=1e-6)
    assert entry["scalars"] == {"score": (0.6).hex(), "kept": kept, "tuned": (0.8).hex(), "safe": (0.2).hex()}
    assert {n: [float.fromhex(v) for v in column] for n, column in entry["sums"].items()} == {
        "dot": [9.0],
        "delta": [25.0],
        "projected": [9.0],
    }


def test_what_is_not_merged_is_what_linear_makes_of_tuned_and_safe():
    tensors = models(BASE, TUNED, ALIGNED, SAFE, dtype="BF16")
    linear = {"method": "linear", "base": None, "parameters": {"normalize": False}}
    own = [{"model": m, "parameters": {"weight": w}} for m, w in (("1", "0.7"), ("3", "0.3"))]
    with on_disk() as disk:
        one = case(tensors, "1", "0.7")
        assert disk.tensors(one) == disk.tensors(one.but(**linear, parents=own))


@pytest.mark.parametrize(
    ("tuned", "aligned", "score", "kept"),
    [(ALIGNED, ALIGNED, 1.0, True), (TUNED, BASE, 0.0, False), ([[2, 1], [9, 1]], ALIGNED, 0.0, False)],
    ids=["not tuned", "not aligned", "across"],
)
def test_without_a_move_it_is_kept_and_without_a_subspace_it_is_not(tuned, aligned, score, kept):
    _, entry = done(case(models(BASE, tuned, aligned, SAFE), "0.001"))
    assert (float.fromhex(entry["scalars"]["score"]), entry["scalars"]["kept"]) == (score, kept)


def test_a_score_that_is_no_number_keeps_nothing():
    odd = [[np.inf, 1], [1, 1]]
    found, entry = done(case(models(BASE, odd, ALIGNED, SAFE), "0", allow_nonfinite=True))
    assert math.isnan(float.fromhex(entry["scalars"]["score"]))
    assert not entry["scalars"]["kept"]
    assert found[1:] == pytest.approx([3, 0.8, 3])
    with pytest.raises(Malformed, match="element 0 is NaN or infinite"):
        done(case(models(BASE, odd, ALIGNED, SAFE)))


@pytest.mark.parametrize("name", ["model.norm.weight", "model.layers.0.norm", "model.layers.0.conv"])
def test_what_is_no_matrix_of_a_layer_stays_as_it_was_tuned(name):
    shape = {"model.norm.weight": (2, 2), "model.layers.0.norm": (4,), "model.layers.0.conv": (2, 2, 1)}[name]
    bits = np.array([0x7FA00001, 0x80000000, 1, 2], "<u4").tobytes()
    tensors = models(*(np.reshape(x, shape) for x in (BASE, TUNED, ALIGNED, SAFE)), name=name)
    tensors[1] = {name: ("F32", shape, bits)}
    with on_disk() as disk:
        assert disk.tensors(case(tensors, "1")) == tensors[1]


def product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    made = left[:, :1] * right[:1]
    for k in range(1, left.shape[1]):
        made = made + left[:, k : k + 1] * right[k : k + 1]
    return made


@pytest.mark.parametrize("shape", [(260, 300), (300, 260), (0, 3), (3, 0)])
@pytest.mark.parametrize("dtype", ["BF16", "F64"])
def test_sums_are_those_of_the_page_over_several_spans(shape, dtype):
    random = np.random.Generator(np.random.PCG64(5))
    tensors = models(*(random.normal(size=shape) for _ in range(4)), dtype=dtype)
    tensors[3] = {
        NAME: packed(np.ones(shape), "F32")
    }  # of nothing at all, too, not every one is the base's twin
    b, x, a, _ = (values(m[NAME]).reshape(shape) for m in tensors)
    v, delta = (a - b).astype(np.float64), (x - a).astype(np.float64)
    one = case(tensors, "0.5", out_dtype="float32")
    found, entry = done(one)
    assert done(one, kernels=CompiledKernels, threads=3, factor=2) == (found, entry)
    if 0 in shape:
        assert (found, entry["scalars"]["kept"]) == ([], True)
        return
    p = product(product(v, v.T), delta) if shape[0] < shape[1] else product(v, product(v.T, delta))
    sums = {}
    for name, term in {"dot": delta * p, "delta": delta * delta, "projected": p * p}.items():
        flat = term.reshape(-1)
        sums[name] = [block_sum(flat[at : at + SPAN]) for at in range(0, flat.size, SPAN)]
    assert entry["sums"] == {name: [value.hex() for value in column] for name, column in sums.items()}
    assert len(sums["dot"]) == 2
    d, r, q = (total(sums[name]) for name in ("dot", "delta", "projected"))
    assert entry["scalars"]["score"] == (d / (math.sqrt(r) * math.sqrt(q))).hex()


class Opened:
    """A merge with its account, to be looked at."""

    def __init__(self, disk, one: Case, stack) -> None:
        self.result: Result = disk.make(one).result
        recipe = Recipe.of(disk.recipe(one))
        places = {name: disk.folders[name] for name in recipe.artifacts()}
        known = {name: (d.manifest, d.blocks) for name, d in ((n, describe(f)) for n, f in places.items())}
        self.weights = stack.enter_context(opened_weights(places, known))
        manifests = {name: w.manifest for name, w in self.weights.items()}
        self.plan = plan(recipe, manifests, configs_of(recipe, self.weights))
        self.claim = Claim(self.result.manifest, self.result.blocks, json.loads(self.result.account))

    def faults(self, claim: Claim) -> list[str]:
        found = sample(self.plan, self.weights, claim, NumpyKernels, 100, lambda n: n - 1)
        assert found.witnessed or found.faults
        return [fault.said for fault in found.faults]


@pytest.fixture
def opened():
    random = np.random.Generator(np.random.PCG64(6))
    tensors = models(*(random.normal(size=(256, 300)) for _ in range(4)))
    with ExitStack() as stack:
        yield Opened(stack.enter_context(on_disk()), case(tensors, "0.3"), stack)


def test_a_sample_checks_scores_and_decisions_against_their_witnesses(opened):
    assert opened.faults(opened.claim) == []
    for change, words in (
        (lambda e: e["scalars"].update(kept=not e["scalars"]["kept"]), "account's scalars are not"),
        (lambda e: e["scalars"].update(score=(0.9).hex()), "account's scalars are not"),
        (lambda e: e["sums"]["dot"].reverse(), "is another than the one signed"),
        (lambda e: e["sums"].pop("dot"), "the account has sums ['delta', 'projected'], not"),
        (lambda e: e["sums"]["delta"].pop(), "no value for every block"),
    ):
        account = json.loads(opened.result.account)
        change(account["tensors"][NAME])
        faults = opened.faults(replace(opened.claim, account=account))
        assert any(words in said for said in faults), (words, faults)


def test_a_weight_is_followed_to_tuned_and_safe(opened):
    chunks = Chunks(opened.plan.recipe, opened.weights, NumpyKernels)
    (step,) = opened.plan.steps
    assert isinstance(step, Compute)
    found = measure(chunks, step, map)
    for kept, factors in ((True, [1, 0, 0]), (False, [0.8, 0, 0.2])):
        measured = replace(found, scalars=replace(found.scalars, kept=kept))
        parts = attribute(chunks, step, measured, 70_000).parts
        assert [part.factor for part in parts] == pytest.approx(factors, rel=1e-6)


def test_matrices_beyond_what_is_multiplied_are_refused_by_name(monkeypatch):
    monkeypatch.setattr("merger.methods.layer_select.MOST", 2)
    long = [np.zeros((2, 9)) for _ in range(4)]
    done(case(models(*long)))
    square = [np.full((3, 3), float(i)) for i in range(4)]
    with pytest.raises(
        Malformed, match=r"layers\.0\.w: a matrix of shape \(3, 3\) is projected only where one side is"
    ):
        done(case(models(*square)))


def test_it_takes_a_base_and_three_parents_that_fit():
    one = case(models(BASE, TUNED, ALIGNED, SAFE))
    for change, words in (
        ({"base": None}, "layer_select needs base"),
        ({"parents": one.parents[:2]}, "layer_select merges exactly 3 parents, not 2"),
        ({"parameters": {"tau": "1.1", "weight": "0.8"}}, "tau is 1.1; it must be at least 0 and at most 1"),
    ):
        with on_disk() as disk, pytest.raises(Malformed, match=words):
            disk.make(one.but(**change))
    other = replace(one, models=(*one.models[:3], {NAME: ("F32", (4,), floats([1, 2, 3, 4]))}))
    with on_disk() as disk, pytest.raises(Malformed, match=rf"{NAME}: .*shape"):
        disk.make(other)


def test_the_defaults_are_those_of_the_papers_code():
    assert [(p.name, p.default) for p in METHODS["layer_select"].parameters] == [
        ("tau", "0.35"),
        ("weight", "0.8"),
    ]


def test_a_tuned_model_may_be_an_adapter_on_the_aligned_one(tmp_path):
    random = np.random.Generator(np.random.PCG64(7))
    shape, name = (6, 5), "model.layers.0.w.weight"
    base, aligned, safe = models(*(random.normal(size=shape) for _ in range(3)), name=name)
    with on_disk() as disk:
        ids = [disk.add(one) for one in (base, aligned, safe)]
        written = write_adapter(tmp_path / "adapter", pair("model.layers.0.w", shape, 2, 3), lora_alpha=2)
        (adapter,) = add_all([written])
        disk.folders[adapter] = written

        def made(recipe: dict) -> Made:
            known = Recipe.of(recipe)
            return make(known, {one: disk.folders[one] for one in known.artifacts()})

        tuned = {"model": ids[1], "adapter": adapter, "scale": "1"}
        linear = {"arithmetic": "1", "method": "linear", "parameters": {"normalize": False}}
        dense = made(linear | {"parents": [tuned | {"parameters": {"weight": "1"}}]})
        (disk.root / "dense").mkdir()
        for file, data in dense.files.items():
            (disk.root / "dense" / file).write_bytes(data)
        disk.folders |= add_all([disk.root / "dense"])

        recipe = case([{}]).recipe | {"base": ids[0]}
        others = [{"model": ids[i], "parameters": {}} for i in (1, 2)]
        by_adapter = made(recipe | {"parents": [tuned | {"parameters": {}}, *others]})
        by_model = made(recipe | {"parents": [{"model": dense.result.artifact, "parameters": {}}, *others]})
    assert by_adapter.files["model.safetensors"] == by_model.files["model.safetensors"]
    accounts = [json.loads(one.result.account)["tensors"] for one in (by_adapter, by_model)]
    assert accounts[0] == accounts[1]
    assert 0 < float.fromhex(accounts[0][name]["scalars"]["score"]) < 1
