"""The second implementation against arithmetic done by hand, by fractions and by other people's vectors."""

import bisect
import json
import math
import struct
from fractions import Fraction

import numpy as np
import pytest
from reference.examples import BASE, ONE, TWO, both, deltas, floats, model, recipe, tensor
from reference.form import resolve
from reference.second import files, read_file, slerp_scalars
from reference.stored import narrow, widen
from reference.sums import lanes, largest, mask_key, threshold, total


def nearest_even(value, grid):
    """The index in the ascending grid of non-negative values of the nearest one, ties to the even index."""
    above = bisect.bisect_left(grid, value)
    if above == 0 or grid[min(above, len(grid) - 1)] == value:
        return above
    low, high = value - grid[above - 1], grid[above] - value
    return above - 1 if low < high or (low == high and above % 2) else above


@pytest.mark.parametrize(("stored", "width", "bias", "fraction"), [("F16", 5, 15, 10), ("BF16", 8, 127, 7)])
def test_rounding_agrees_with_a_search_among_all_values(stored, width, bias, fraction):
    finite = range(((1 << width) - 1) << fraction)
    exact = []
    for bits in finite:
        field, rest = bits >> fraction, bits & ((1 << fraction) - 1)
        exact.append(
            Fraction(rest + ((1 << fraction) if field else 0))
            * Fraction(2) ** (max(field, 1) - bias - fraction)
        )
    grid = [*exact, Fraction(2) ** ((1 << width) - 1 - bias)]  # where the next value would be: infinity
    assert [Fraction(float(v)) for v in widen(stored, np.arange(len(exact), dtype="<u2").tobytes())] == exact
    random = np.random.Generator(np.random.PCG64(1))
    values = [float(v) for v in exact[:: max(1, len(exact) // 3000)]]
    halves = [
        (a + b) / 2 for a, b in zip(values, [float(v) for v in grid[1 :: len(exact) // 3000]], strict=False)
    ]
    values += halves + [math.nextafter(v, s) for v in halves for s in (0.0, math.inf)]
    values += [float(grid[-1] + exact[-1]) / 2, math.nextafter(float(grid[-1] + exact[-1]) / 2, 0), 5e-324]
    values += list(np.exp(random.uniform(-110, 92, 3000)))
    for sign in (1, -1):
        got = np.frombuffer(narrow(sign * np.array(values), stored), "<u2").astype(int)
        want = [nearest_even(min(Fraction(v), grid[-1]), grid) for v in values]
        assert got.tolist() == [w + (32768 if sign < 0 else 0) for w in want]


def test_rounding_to_fp32_agrees_with_the_processor():
    random = np.random.Generator(np.random.PCG64(2))
    values = random.integers(0, 1 << 64, 200_000, dtype=np.uint64).view(np.float64)
    with np.errstate(all="ignore"):
        near = random.integers(0, 1 << 32, 200_000, dtype=np.uint32).view(np.float32).astype(np.float64)
    tiny = np.ldexp(random.uniform(-1, 1, 20_000), random.integers(-155, -120, 20_000))
    with np.errstate(all="ignore"):
        values = np.concatenate([values, near, near * (1 + 2.0**-24), near * (1 + 2.0**-24 + 2.0**-50), tiny])
        values = values[~np.isnan(values)]
        assert narrow(values, "F32") == values.astype("<f4").tobytes()
        assert narrow(values, "F16") == values.astype("<f2").tobytes()


def test_double_rounding_does_not_happen():
    assert narrow(np.array([1 + 2.0**-8 + 2.0**-40]), "BF16") == b"\x81\x3f"
    assert narrow(np.array([1 + 2.0**-11 + 2.0**-40]), "F16") == b"\x01\x3c"


@pytest.mark.parametrize(
    ("stored", "bits"), [("F16", 0x7E00), ("BF16", 0x7FC0), ("F32", 0x7FC00000), ("F64", 0x7FF8000000000000)]
)
def test_nan_has_one_form(stored, bits):
    odd = np.array([0xFFF0000000000001], np.uint64).view(np.float64)
    assert int.from_bytes(narrow(odd, stored), "little") == bits


def test_masks_are_those_of_the_vectors(shared):
    for case in json.loads((shared / "vectors/mask.json").read_text()):
        key = mask_key(case["seed"], case["tensor"], case["parent"], case["occurrence"])
        assert f"{key:032x}" == case["key_hex"]
        stream = lanes(key, 1003).tolist()
        assert stream[:32] == case["lanes_0_31"]
        assert stream[1000:] == case["lanes_1000_1003"][:3]
        kept = [place for place in range(32) if stream[place] < threshold("0.3")]
        assert kept == case["kept_of_first_32_at_density_0.3"]


def test_philox_is_the_published_one():
    key, low = mask_key("7", "w", BASE, 0), (1 << 64) - 1
    words = []
    for count in (1, 2):  # NumPy steps the counter before the first block
        counter, keys = [count, 0, 0, 0], [key & low, key >> 64]
        for _ in range(10):
            first, second = 0xD2E7470EE14C6C93 * counter[0], 0xCA5A826395121157 * counter[2]
            counter = [
                (second >> 64) ^ counter[1] ^ keys[0],
                second & low,
                (first >> 64) ^ counter[3] ^ keys[1],
                first & low,
            ]
            keys = [(keys[0] + 0x9E3779B97F4A7C15) & low, (keys[1] + 0xBB67AE8584CAA73B) & low]
        words += counter
    assert lanes(key, 32).tolist() == [(word >> (16 * lane)) & 0xFFFF for word in words for lane in range(4)]


def test_sums():
    assert total(np.zeros(0)) == 0
    assert total(np.array([1e16, 1.0, -1e16])) == 1  # element 1 meets padding, 0 and 2 meet each other first
    values = np.zeros((1 << 16) + 3)
    values[[0, 1 << 15, 1, 65536, 65538]] = [1e16, -1e16, 3.0, 5.0, 0.25]
    assert total(values) == 8.25


def test_the_largest_k():
    assert largest(np.array([1.0, -3.0, 3.0, -0.0]), "0.25").tolist() == [False, True, False, False]
    assert largest(np.float32([1, math.nan, math.inf, 2]), "0.5").tolist() == [False, True, True, False]
    assert largest(np.ones(10), "0.29999999999999999999").sum() == 2
    assert largest(np.ones(10), "0.3").sum() == 3
    assert largest(np.ones(10), "0.01").tolist() == [True] + [False] * 9


def test_rules():
    rules = [{"contains": "mlp", "by_layer": ["1", "2"], "value": "9"}, {"value": "5"}]
    assert [resolve(rules, n) for n in ("a.mlp", "a.1.mlp.0", "a.01.mlp", "a.1x.attn")] == [
        "9",
        "2",
        "2",
        "5",
    ]
    with pytest.raises(ValueError, match="layer 2"):
        resolve(rules, "a.2.mlp")


def test_slerp_scalars():
    assert slerp_scalars(0.0, 1.0, 1.0, 0.5) == (math.sqrt(0.5), math.sqrt(0.5))
    assert slerp_scalars(-1.0, 1.0, 1.0, 0.25) == (0.75, 0.25)
    assert slerp_scalars(0.0, 0.0, 1.0, 0.25) == (0.75, 0.25)
    assert slerp_scalars(0.0, 1.0, 1.0, 5e-324) == (1.0, 1e-323)  # π/2 of the smallest number, to even


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


def test_an_adapter(tmp_path):
    held = {"l.0.q.weight": tensor([[1.0, 2.0], [3.0, 4.0]]), "head.weight": tensor([1.0])}
    factors = {
        "l.0.q.lora_A.weight": tensor([[1.0, -1.0]]),
        "l.0.q.lora_B.weight": tensor([[2.0], [1.0]]),
        "head.weight": tensor([7.0]),
    }
    folder = model(tmp_path / "adapter", {f"base_model.model.{n}": t for n, t in factors.items()})
    said = {
        "peft_type": "LORA",
        "r": 8,
        "lora_alpha": 3,
        "rank_pattern": {"q": 1},
        "modules_to_save": ["head"],
    }
    one = model(tmp_path / "plain", held)

    def run(scale, **config):
        (folder / "adapter_config.json").write_text(json.dumps(said | config))
        made = recipe("linear", (ONE, {"weight": "1"}))
        made["parents"][0] |= {"adapter": TWO, "scale": scale}
        (tmp_path / "out").write_bytes(files(made, {ONE: one, TWO: folder})["model.safetensors"])
        return {name: floats(found) for name, found in read_file(tmp_path / "out").items()}

    assert run("1") == {"l.0.q.weight": [7, -4, 6, 1], "head.weight": [7]}
    assert run("0") == {"l.0.q.weight": [1, 2, 3, 4], "head.weight": [1]}
    assert run("1", alpha_pattern={"^l..\\.q": 1})["l.0.q.weight"] == [3, 0, 4, 3]
    assert run("1", fan_in_fan_out=True)["l.0.q.weight"] == [7, 5, -3, 1]
    for bad in ({"use_dora": True}, {"bias": "all"}, {"rank_pattern": {}}, {"init_lora_weights": "pissa"}):
        with pytest.raises(ValueError, match=r"."):
            run("1", **bad)


def test_slices(tmp_path):
    def stack(name, values, **config):
        held = {f"l.{layer}.w": tensor([value]) for layer, value in enumerate(values)}
        held |= {"embed": tensor([values[0] + 100]), "norm": tensor([values[0] + 200])}
        return model(tmp_path / name, held, json.dumps({"n_layer": len(values)} | config))

    folders = {ONE: stack("a", [1.0, 2.0], layer_types=["x", "y"])}
    folders[TWO] = stack("b", [3.0, 4.0, 5.0], layer_types=["x", "z", "y"])
    made = recipe(
        "passthrough", (ONE, {"scale": "1"}), (TWO, {"scale": [{"by_layer": ["0"] * 4, "value": "1"}]})
    )
    pieces = [("2", "1", "0"), ("1", "0", "1")]
    made["slices"] = [{"count": c, "sources": [{"parent": p, "first": f}]} for c, p, f in pieces]
    out = files(made, folders)
    (tmp_path / "out").write_bytes(out["model.safetensors"])
    got = {name: floats(found) for name, found in read_file(tmp_path / "out").items()}
    assert got == {"embed": [103], "l.0.w": [0], "l.1.w": [0], "l.2.w": [2], "norm": [201]}
    assert json.loads(out["config.json"]) == {"layer_types": ["x", "z", "y"], "n_layer": 3}
    for change in ({"count": "3"}, {"base_first": "0"}, {"count": 1}, {"sources": []}):
        with pytest.raises(ValueError, match=r"."):
            files(made | {"slices": [made["slices"][0], made["slices"][1] | change]}, folders)


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


def test_files(tmp_path):
    held = {"é": tensor([1.0]), "b": tensor([1.0, 2.0]), "a": tensor([1.0])}
    folder = model(tmp_path / "one", held, '{"dtype": "x", "n": 3, "e": 1.50, "f": 30.0}')
    (folder / "tokenizer.json").write_bytes(b"\xff")
    made = recipe("linear", (ONE, {"weight": "1"}), out_dtype="float16", shard_bytes="4")
    out = files(made, {ONE: folder})
    assert sorted(out) == [
        "config.json",
        *[f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)],
        "model.safetensors.index.json",
        "tokenizer.json",
    ]
    assert out["config.json"] == b'{"dtype":"float16","e":1.5,"f":30.0,"n":3}\n'
    head = '{"__metadata__":{"format":"pt"},"a":{"data_offsets":[0,2],"dtype":"F16","shape":[1]}}'
    head += " " * (-len(head) % 8)
    assert (
        out["model-00001-of-00003.safetensors"] == struct.pack("<Q", len(head)) + head.encode() + b"\x00\x3c"
    )
    index = '{"metadata":{"total_size":8},"weight_map":{' + ",".join(
        f'"{name}":"model-0000{number}-of-00003.safetensors"' for number, name in enumerate("abé", 1)
    )
    assert out["model.safetensors.index.json"].decode() == index + "}}\n"
    for file in [name for name in out if "-of-" in name or "index" in name]:
        (folder / file).write_bytes(out[file])
    with pytest.raises(ValueError, match="both there"):
        files(made, {ONE: folder})
    (folder / "model.safetensors").unlink()
    assert set(files(made | {"shard_bytes": "6"}, {ONE: folder})) > {"model-00001-of-00002.safetensors"}
    assert "model.safetensors" in files(made | {"shard_bytes": "5000000000"}, {ONE: folder})


GOOD = recipe("ties", (ONE, {"weight": "1", "density": "0.5"}), base=BASE)


@pytest.mark.parametrize(
    "change",
    [
        {"arithmetic": "2"},
        {"method": "sum"},
        {"extra": 1},
        {"seed": "1"},
        {"dtype": "fp16"},
        {"out_dtype": None},
        {"tokenizer": "x"},
        {"license": 1},
        {"shard_bytes": 5},
        {"allow_nonfinite": "true"},
        {"parents": [{"model": ONE, "parameters": {"weight": "1"}}]},
        {"parents": [{"model": ONE, "parameters": {"weight": "1", "density": "0"}}]},
        {"parents": [{"model": ONE, "parameters": {"weight": "1", "density": "1.1"}}]},
        {
            "parents": [{"model": ONE, "parameters": {"weight": "1", "density": [{"value": "1"}]}}],
            "parameters": {"scope": "model"},
        },
        {"parameters": {"normalize": True}},
        {"parameters": {"scope": "all"}},
        *(
            {"parameters": {"lambda": bad}}
            for bad in (1, "+1", "01", "1.0", "1e3", ".5", "1.", "-0", "", "\u0661", [])
        ),
        {"parameters": {"lambda": [{"value": "1"}, {"contains": "x", "value": "1"}]}},
        {"parameters": {"lambda": [{"value": "1", "else": "1"}]}},
    ],
    ids=str,
)
def test_what_is_no_recipe(merge, change):
    models = {"base": {"w": tensor([1.0])}, "one": {"w": tensor([2.0])}}
    merge(GOOD, **models)
    changed = GOOD | change
    if "parameters" in change:
        changed["parameters"] = GOOD["parameters"] | change["parameters"]
    with pytest.raises(ValueError, match=r"."):
        merge(changed, **models)


def test_everything_is_written_out(merge):
    models = {"base": {"w": tensor([1.0])}, "one": {"w": tensor([2.0])}}
    for member in ("shard_bytes", "allow_nonfinite", "parameters", "parents"):
        with pytest.raises(ValueError, match="lacks"):
            merge({name: value for name, value in GOOD.items() if name != member}, **models)
    for name in GOOD["parameters"]:
        left = {key: value for key, value in GOOD["parameters"].items() if key != name}
        with pytest.raises(ValueError, match="exactly the parameters"):
            merge(GOOD | {"parameters": left}, **models)


def test_models_that_do_not_fit(merge):
    for other in ({"v": tensor([1.0])}, {"w": tensor([[1.0]])}, {}):
        with pytest.raises(ValueError, match=r"tensor '[vw]'|no tensors"):
            merge(GOOD, base={"w": tensor([1.0])}, one=other)
