"""The second implementation's methods, on tensors small enough to merge by hand."""

import math

import numpy as np
import pytest
from reference.examples import BASE, ONE, TWO, both, deltas, floats, recipe, tensor
from reference.sums import lanes, mask_key


def test_linear(merge):
    made = recipe("linear", (ONE, {"weight": "1"}), (TWO, {"weight": "3"}))
    got = merge(made, one={"w": tensor([4.0, -0.0])}, two={"w": tensor([8.0, -0.0])})["w"]
    assert floats(got) == [7, 0]
    assert got.data[-1] == 0
    zero = recipe("linear", (ONE, {"weight": "1"}), (TWO, {"weight": "-1"}))
    with pytest.raises(ValueError, match="sum to 0"):
        merge(zero, one={"w": tensor([1.0])}, two={"w": tensor([1.0])})
    with pytest.raises(ValueError, match="no parent remains"):
        merge(recipe("linear", (ONE, {"weight": "0"})), one={"w": tensor([1.0])})


def test_task_arithmetic(merge):
    made = recipe("task_arithmetic", (ONE, {"weight": "1"}), (TWO, {"weight": "2"}), base=BASE)
    made["parameters"]["lambda"] = "0.5"
    models = {"base": {"w": tensor([1.0])}, "one": {"w": tensor([3.0])}, "two": {"w": tensor([5.0])}}
    assert floats(merge(made, **models)["w"]) == [6]


def test_ties(merge):
    made = recipe("ties", *((name, {"weight": "1", "density": "0.5"}) for name in (ONE, TWO)), base=BASE)
    models = {
        "base": {"w": tensor([0.0] * 4)},
        "one": {"w": tensor([4.0, -3.0, 2.0, 1.0])},
        "two": {"w": tensor([-1.0, 5.0, 6.0, 0.5])},
    }
    assert floats(merge(made, **models)["w"]) == [4, 5, 6, 0]
    made["parents"][0]["parameters"]["weight"] = "2"
    assert floats(merge(made, **models)["w"]) == [4, -3, 6, 0]
    made["parameters"] |= {"vote": "unweighted", "divide": "none"}
    assert floats(merge(made, **models)["w"]) == [8, 5, 6, 0]


def test_ties_over_the_model(merge):
    made = recipe("ties", (ONE, {"weight": "1", "density": "0.5"}), base=BASE, parameters={"scope": "model"})
    base = {"b": tensor([1.0, 1.0]), "a": tensor([1.0, 1.0]), "same": tensor([[7.0, 7.0]]), "e": tensor([])}
    one = base | {"b": tensor([3.0, 4.0]), "a": tensor([2.0, 3.0])}
    got = merge(made, base=base, one=one)
    assert [floats(got[name]) for name in ("a", "b", "same", "e")] == [[1, 3], [3, 4], [7, 7], []]
    made["parents"][0]["parameters"]["density"] = "0.4"
    got = merge(made, base=base, one=one)
    assert [floats(got[name]) for name in ("a", "b")] == [[1, 3], [1, 4]]


def test_ties_counts_signs_and_takes_the_largest(merge):
    own = {"weight": "1"}
    made = both("ties", own, vote="count", divide="max")
    assert deltas(merge, made, [4.0, -9.0, 1.0, -2.0], [-1.0, -2.0, 3.0, -2.5]) == [4, -9, 3, -2.5]
    made["parents"][0]["parameters"]["weight"] = "-1"  # the vote counts v, what is divided is w·v
    assert deltas(merge, made, [4.0, 5.0], [1.0, 5.0]) == [-4, -5]


def test_the_l1_norm_of_what_is_kept_is_restored(merge):
    one = recipe("magnitude_prune", (ONE, {"weight": "1", "density": "0.5"}), base=BASE)
    one["parameters"]["rescale"] = "l1"
    assert deltas(merge, one, [4.0, -4.0, 3.0, 1.0]) == [6, -6, 0, 0]
    ties = recipe("ties", (ONE, {"weight": "2", "density": "0.5"}), base=BASE, parameters={"rescale": "l1"})
    assert deltas(merge, ties, [4.0, -4.0, 3.0, 1.0]) == [6, -6, 0, 0]
    assert deltas(merge, one, [0.0, 0.0]) == [0, 0]


def test_breadcrumbs_skip_the_largest(merge):
    own = {"weight": "1", "density": "0.5", "gamma": "0.25"}
    made = recipe("breadcrumbs", (ONE, own), base=BASE)
    assert deltas(merge, made, [4.0, -3.0, 2.0, 1.0]) == [0, -3, 2, 0]
    own["gamma"] = "1"  # no more is skipped than leaves k
    assert deltas(merge, recipe("breadcrumbs", (ONE, own), base=BASE), [4.0, -3.0, 2.0, 1.0]) == [0, 0, 2, 1]
    assert deltas(merge, both("breadcrumbs_ties", own), [4.0, -3.0, 2.0, 1.0], [1.0, 1.0, 5.0, 9.0]) == [
        1,
        1,
        2,
        1,
    ]


def test_magmax_nearswap_and_wise_ft(merge):
    assert deltas(merge, both("magmax"), [4.0, -3.0, 2.0], [-4.0, 5.0, 1.0]) == [4, 5, 2]
    near = recipe("nearswap", (ONE, {}), base=BASE, parameters={"t": "0.5"})
    assert deltas(merge, near, [4.0, -3.0, 0.5, -0.25]) == [0.5, -0.5, 0.5, -0.25]
    wise = recipe("wise_ft", (ONE, {}), base=BASE, parameters={"alpha": "0.25"})
    assert floats(merge(wise, base={"w": tensor([8.0])}, one={"w": tensor([16.0])})["w"]) == [10]


def test_sce(merge):
    # spreads 0, 16 and 9 select one of three: 4 and -4, weights 1/2 each, votes cancel and count as positive
    made = both("sce", select_topk="0.34")
    assert deltas(merge, made, [1.0, 4.0, 3.0], [1.0, -4.0, -3.0]) == [0, 4, 0]
    # all selected: sums of squares 48 and 16, weights 3/4 and 1/4
    assert deltas(merge, both("sce"), [4.0, 4.0, 4.0, 0.0], [2.0] * 4) == [3.5, 3.5, 3.5, 2]


def test_ram(merge):
    made = both("ram", epsilon="0.5")
    assert deltas(merge, made, [4.0, 2.0, 0.5, 0.0], [2.0, 0.25, 0.0, -3.0]) == [3, 2, 0, -3]
    made = both("ramplus_tl", epsilon="0.5", r="0.5", alpha="0.5")
    # one: 1 shared, 2 own, 1 + 0.5·min(0.5, 0.5); two: 1 shared, 1 own, 1 + 0.5·min(1, 0.5)
    assert deltas(merge, made, [4.0, 2.0, 8.0, 0.0], [2.0, 0.25, 0.0, -3.0]) == [3, 2.5, 10, -3.75]


def test_passthrough(merge):
    made = recipe("passthrough", (ONE, {"scale": "1"}))
    assert merge(made, one={"w": tensor([-0.0])})["w"].data == b"\0\0\0\x80"
    made["parents"][0]["parameters"]["scale"] = "2"
    assert floats(merge(made, one={"w": tensor([3.0])})["w"]) == [6]


def test_what_gram_sums_say(merge):
    right = {"one": {"w": tensor([2.0, 0.0])}, "two": {"w": tensor([0.0, 4.0])}}
    root = float(np.float32(math.sqrt(0.5)))
    nuslerp = both("nuslerp", {"weight": "1"}, base=None)
    assert floats(merge(nuslerp, **right)["w"]) == [2 * root, 4 * root]
    multislerp = both("multislerp", {"weight": "1"}, base=None)
    assert floats(merge(multislerp, **right)["w"]) == [float(np.float32(3 * math.sqrt(0.5)))] * 2
    karcher = both("karcher", base=None)
    assert floats(merge(karcher, **right)["w"]) == [float(np.float32(3 * math.sqrt(0.5)))] * 2
    zero = {"base": {"w": tensor([0.0, 0.0])}}
    assert floats(merge(both("model_stock"), **zero, **right)["w"]) == [0, 0]  # at a right angle a is 0
    same = {"one": {"w": tensor([2.0, 0.0])}, "two": {"w": tensor([4.0, 0.0])}}
    assert floats(merge(both("model_stock"), **zero, **same)["w"]) == [3, 0]
    assert floats(merge(nuslerp, **same)["w"]) == [3, 0]


@pytest.mark.parametrize("method", ["dare_linear", "dare_ties"])
def test_dare(merge, method):
    made = recipe(method, *[(ONE, {"weight": "1", "density": "0.25"})] * 2, base=BASE, seed="3")
    got = merge(made, base={"w": tensor([0.0] * 64)}, one={"w": tensor([1.0] * 64)})["w"]
    masks = [lanes(mask_key("3", "w", ONE, occurrence), 64) < 16384 for occurrence in (0, 1)]
    assert floats(got) == (4.0 * masks[0] + 4.0 * masks[1]).tolist()


def test_slerp(merge):
    made = recipe("slerp", (ONE, {}), (TWO, {}), parameters={"t": "0.5"})
    models = {"one": {"w": tensor([1.0, 0.0])}, "two": {"w": tensor([0.0, 1.0])}}
    assert floats(merge(made, **models)["w"]) == [float(np.float32(math.sqrt(0.5)))] * 2
    assert floats(merge(made | {"parameters": {"t": "1"}}, **models)["w"]) == [0, 1]


def test_copies(merge):
    minus = ("BF16", [2], b"\x00\x80\xc1\x7f")  # -0 and a NaN with a payload
    made = recipe("task_arithmetic", (ONE, {"weight": "1"}), base=BASE)
    models = {"base": {"w": minus}, "one": {"w": minus}}
    assert merge(made, **models)["w"].data == minus[2]
    assert merge(made | {"dtype": "float32", "out_dtype": "bfloat16"}, **models)["w"].data == minus[2]
    with pytest.raises(ValueError, match="'w' is not finite at index 1"):
        merge(made | {"out_dtype": "float16"}, **models)
    allowed = made | {"out_dtype": "float16", "allow_nonfinite": True}
    assert merge(allowed, **models)["w"].data == b"\x00\x00\x00\x7e"


def test_types(merge):
    wide, small = tensor([1 + 2.0**-40], "F64"), tensor([2.0], "BF16")
    made = recipe("linear", (ONE, {"weight": "1"}), (TWO, {"weight": "1"}), parameters={"normalize": False})
    assert merge(made, one={"w": wide}, two={"w": small})["w"].dtype == "F64"
    got = merge(made, one={"w": small}, two={"w": wide})["w"]
    assert (got.dtype, floats(got)) == ("BF16", [3])
    got = merge(made | {"dtype": "float32", "out_dtype": "float64"}, one={"w": small}, two={"w": wide})["w"]
    assert (got.dtype, floats(got)) == ("F64", [3])
    with pytest.raises(ValueError, match="output of tensor 'w'"):
        merge(made | {"out_dtype": "float16"}, one={"w": tensor([65520.0])}, two={"w": tensor([0.0])})
    whole = ("I64", [1], bytes(8))
    assert merge(made, one={"w": whole}, two={"w": whole})["w"].data == bytes(8)
    with pytest.raises(ValueError, match="differs"):
        merge(made, one={"w": whole}, two={"w": small})


@pytest.mark.parametrize("method", ["linear", "task_arithmetic", "slerp", "dare_linear", "ties", "dare_ties"])
def test_empty_and_scalar_tensors(merge, method):
    given = {"weight": "1"} | ({"density": "1"} if method in ("ties", "dare_linear", "dare_ties") else {})
    made = recipe(method, *[(name, {} if method == "slerp" else given) for name in (ONE, TWO)])
    made |= {"parameters": {"t": "0.5"}} if method == "slerp" else {}
    made |= {"seed": "0"} if method.startswith("dare") else {}
    models = {"one": {"e": ("F32", [0, 3], b""), "s": tensor(2.0)}}
    models["two"] = {"e": ("F16", [0, 3], b""), "s": tensor(4.0)}
    if method not in ("linear", "slerp"):
        made |= {"base": BASE}
        models["base"] = models["one"]
    got = merge(made, **models)
    assert (got["e"].shape, got["e"].data, got["s"].shape) == ((0, 3), b"", ())
    assert floats(got["s"]) == [
        4.0 if method in ("task_arithmetic", "dare_linear", "ties", "dare_ties") else 3.0
    ]
