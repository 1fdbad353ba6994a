"""What every method means, as laws: what leaves no trace, what gives a parent back, how far rounding may go."""

from dataclasses import replace

import numpy as np
import pytest
from adapting import seeds, with_tensors
from filling import filled, packed, values
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import LAW, MODELS, SHAPES, cases, given_parameters, on_disk

from merger.manifest import FLOATS
from merger.methods import METHODS
from signing.errors import Refused


def having(name):
    return sorted(m for m in METHODS if any(p.name == name for p in METHODS[m].parameters))


def outcome(disk, case):
    try:
        return disk.tensors(case)
    except Refused:
        return "refused"


@pytest.mark.parametrize("method", [m for m in having("weight") if METHODS[m].parents[1] is None])
@given(data=st.data())
@settings(LAW, max_examples=14)
def test_a_parent_of_weight_0_is_absent(method, data):
    case = data.draw(cases(method))
    stranger = {
        name: filled(data.draw(seeds), dtype, shape) if dtype in FLOATS else (dtype, shape, bytes(len(raw)))
        for name, (dtype, shape, raw) in case.models[1].items()
        # What an adapter holds of its base is the base's.
        if ".base_layer." not in name
    }
    grown = replace(case, models=(*case.models, with_tensors(case.models[1], stranger)))
    # Its own model, or one more occurrence of a parent: neither may move another parent's mask.
    model = data.draw(st.sampled_from([str(len(case.models)), *(p["model"] for p in case.parents)]))
    zero = {
        "model": model,
        "parameters": data.draw(given_parameters(METHODS[method], per_parent=True, rules=False))
        | {"weight": "0"},
    }
    at = data.draw(st.integers(0, len(case.parents)))
    with on_disk() as disk:
        without = outcome(disk, case)
        assume(without != "refused")
        assert outcome(disk, grown.but(parents=[*case.parents[:at], zero, *case.parents[at:]])) == without


@pytest.mark.parametrize("method", sorted(m for m in having("t") if METHODS[m].copies))
@pytest.mark.parametrize("end", [0, 1])
@given(data=st.data())
@settings(LAW, max_examples=9)
def test_the_ends_of_a_path_are_the_parents_to_the_byte(method, end, data):
    dtype = data.draw(st.sampled_from(["F64", "F32", "F16", "BF16"]))
    case = data.draw(cases(method, odd=True, dtype=dtype, converting=False, rules=False)).but(
        allow_nonfinite=False
    )
    with on_disk() as disk:
        wanted = case.models[int(case.parents[end]["model"])]
        assert disk.tensors(case.shared(t=str(end))) == wanted


MASKED = {
    "dare_linear": "task_arithmetic",
    "dare_ties": "ties",
    "della_linear": "task_arithmetic",
    "della": "ties",
}


@pytest.mark.parametrize(("masked", "plain"), MASKED.items())
@given(data=st.data())
@settings(LAW, max_examples=12)
def test_a_mask_of_density_1_drops_nothing(masked, plain, data):
    case = data.draw(cases(masked)).each(density="1")
    known = {p.name for p in METHODS[plain].parameters if p.per_parent}
    own = [p | {"parameters": {k: v for k, v in p["parameters"].items() if k in known}} for p in case.parents]
    same = case.but(method=plain, seed=None, parents=own)
    shared = {p.name for p in METHODS[plain].parameters if not p.per_parent}
    given = {k: v for k, v in same.recipe["parameters"].items() if k in shared}
    same = same.but(parameters=given)
    same = same.shared(scope="tensor", rescale="none") if plain == "ties" else same
    with on_disk() as disk:
        assert outcome(disk, same) == outcome(disk, case)


@pytest.mark.parametrize("method", [m for m in MODELS if METHODS[m].base != "none"])
@given(data=st.data())
@settings(LAW, max_examples=9)
def test_parents_that_are_the_base_give_the_base(method, data):
    case = data.draw(cases(method, odd=True, converting=False)).but(allow_nonfinite=False, base="0")
    case = replace(case, models=(case.models[0],) * len(case.models))
    with on_disk() as disk:
        result = outcome(disk, case)
        assert result in ("refused", case.models[0])  # rules may miss a layer, or weights sum to 0


@pytest.mark.parametrize("method", [m for m in MODELS if METHODS[m].base != "none"])
@given(data=st.data())
@settings(LAW, max_examples=9)
def test_deltas_of_zero_give_the_base_but_no_negative_zero(method, data):
    narrow = data.draw(st.sampled_from(["BF16", "F16"]))
    case = data.draw(cases(method, odd=False, dtype=narrow, converting=False, rules=False)).but(base="0")
    case = case.shared(normalize=False) if "normalize" in case.recipe["parameters"] else case
    # The same numbers in a wider type: nothing is copied, everything is computed.
    wider = {n: packed(values(t), "F32", t[1]) for n, t in case.models[0].items()}
    case = replace(case, models=(case.models[0], *(wider,) * (len(case.models) - 1)))
    assume(any(p["parameters"].get("weight") != "0" for p in case.parents))
    with on_disk() as disk:
        wanted = {n: packed(values(t) + 0.0, narrow, t[1]) for n, t in case.models[0].items()}
        found = outcome(disk, case)
        assume(found != "refused")  # weights may sum to 0
        assert found == wanted


@pytest.mark.parametrize(
    "method",
    [m for m in MODELS if not (METHODS[m].sums or METHODS[m].rows or METHODS[m].whole or METHODS[m].terms)],
)
@given(data=st.data())
@settings(LAW, max_examples=9)
def test_permuted_elements_give_the_permuted_result(method, data):
    case = data.draw(cases(method, rules=False))
    case = case.each(density="1") if method in having("density") else case
    orders = {
        name: np.random.Generator(np.random.PCG64(data.draw(seeds))).permutation(
            int(np.prod(shape, dtype=int))
        )
        for name, (_, shape, _) in case.models[0].items()
    }

    def permuted(model):
        shuffled = {}
        for name, (dtype, shape, raw) in model.items():
            size = max(1, int(np.prod(shape, dtype=int)))
            rows = np.frombuffer(raw, "u1").reshape(-1, max(1, len(raw) // size))
            shuffled[name] = (dtype, shape, rows[orders[name]].tobytes())
        return shuffled

    with on_disk() as disk:
        first = outcome(disk, case)
        other = outcome(disk, replace(case, models=tuple(permuted(m) for m in case.models)))
        assert other == (permuted(first) if first != "refused" else first)


@pytest.mark.parametrize("method", ["linear", "slerp", "ties"])
@given(data=st.data())
@settings(LAW, max_examples=14)
def test_equal_parents_give_the_parent_within_two_units_in_the_last_place(method, data):
    shape = data.draw(st.sampled_from(SHAPES))
    dtype = data.draw(st.sampled_from(["F32", "BF16"]))
    random = np.random.Generator(np.random.PCG64(data.draw(seeds)))
    size = int(np.prod(shape, dtype=int))
    base = packed(random.normal(size=size), dtype, shape)
    parent = packed(values(base) * (1 + random.normal(size=size) / 8), dtype, shape)
    case = data.draw(cases(method, odd=False, rules=False, converting=False))
    positive = st.integers(1, 300).map(lambda n: str(n / 100).removesuffix(".0"))
    if method != "slerp":
        own = [
            {"weight": data.draw(positive)} | ({"density": "1"} if method == "ties" else {})
            for _ in case.parents
        ]
        case = case.but(parents=[{"model": "1", "parameters": p} for p in own])
    else:
        case = case.but(parents=[{"model": "1", "parameters": {}}] * 2)
    shared = {"normalize": True} if method == "linear" else {}
    if method == "ties":
        shared = {"lambda": "1", "divide": "weights", "scope": "tensor"}
    case = replace(case.shared(**shared), models=({"w": base}, {"w": parent}))
    with on_disk() as disk:
        got = values(disk.tensors(case)["w"]).astype(np.float64)
    want = values(parent).astype(np.float64)
    largest = np.maximum(np.abs(want), np.abs(values(base)) if method == "ties" else 0).astype(np.float32)
    unit = np.spacing(largest).astype(np.float64) * (1 if dtype == "F32" else 1 << 16)
    assert (np.abs(got - want) <= 2 * unit).all()
