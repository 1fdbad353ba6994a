"""What goes by rows, and clip, against arithmetic done by hand, by sorting in Python and by other exponentials."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from reference.divergence import G, divergence, exp, ln
from reference.examples import BASE, ONE, TWO, both, deltas, floats, recipe, tensor
from reference.rows import ranks, threshold_by_rank
from reference.sums import lanes, mask_key

RANDOM = np.random.Generator(np.random.PCG64(5))


def merged(merge, made, *held):
    """Merge matrices of deltas onto zeros."""
    models = {name: {"w": tensor(values)} for name, values in zip(("one", "two"), held, strict=False)}
    return floats(merge(made, base={"w": tensor(np.zeros_like(held[0], float))}, **models)["w"])


# --- By rank ----------------------------------------------------------------------------------------------


def test_ranks_are_places_in_rising_order_of_magnitude():
    assert ranks(np.float32([3, -1, 1, math.nan, -math.inf, 0])) == [3, 1, 2, 5, 4, 0]
    for _ in range(50):
        row = np.round(RANDOM.normal(size=20) * 4).astype(np.float32)
        order = sorted(range(20), key=lambda place: (abs(row[place]), place))
        assert ranks(row) == [order.index(place) for place in range(20)]


def test_thresholds_by_rank():
    def of(density, epsilon, n):
        return [threshold_by_rank(Fraction(density), Fraction(epsilon), rank, n) for rank in range(n)]

    assert of("0.5", "0.25", 5) == [16384, 24576, 32768, 40960, 49152]
    assert of("0.9", "0.1", 2) == [52428, 65536]
    assert of("0.3", "0.1", 4) == [13107, 17476, 21845, 26214]  # 13107.2 and 4369.0666… more for each rank
    assert of("0.3", "0", 3) == [19660] * 3
    assert of("0.3", "0.1", 1) == [19660]
    assert of("1", "0.5", 3) == [65536] * 3


STEPS = np.array([[1.0, -2.0, 4.0, -3.0, 0.0], [8.0, 2.0, -2.0, 1.0, 16.0]] * 4)
OWN = {"weight": "1", "density": "0.5", "epsilon": "0.25"}


def by_hand(occurrence=0):
    """t of every element of `STEPS`, and where it is kept."""
    t = np.array([[3, 5, 9, 7, 1], [7, 3, 5, 1, 9]] * 4)  # twice the rank, and 1
    t = (16384 + 4096 * (t - 1)).reshape(-1)
    return t, lanes(mask_key("3", "w", ONE, occurrence), t.size) < t


def della(method, *given, **parameters):
    """A recipe that keeps by rank."""
    return recipe(method, *given, base=BASE, seed="3", parameters=parameters)


@pytest.mark.parametrize("method", ["della_linear", "della"])
def test_della_keeps_by_rank(merge, method):
    t, kept = by_hand()
    flat = STEPS.reshape(-1)
    want = np.where(kept, (np.float32(65536) / t.astype(np.float32)) * flat.astype(np.float32), 0)
    one = della(method, (ONE, OWN))
    assert 0 < kept.sum() < kept.size
    assert merged(merge, one, STEPS) == want.tolist()
    one["parameters"]["rescale"] = "none"
    assert merged(merge, one, STEPS) == np.where(kept, flat, 0).tolist()
    one["parameters"]["rescale"] = "l1"
    r = np.float32(np.abs(flat).sum() / np.abs(flat[kept]).sum())
    assert merged(merge, one, STEPS) == np.where(kept, r * flat.astype(np.float32), 0).tolist()


def test_the_two_dellas_differ_in_how_they_merge(merge):
    masks = [by_hand(occurrence)[1] for occurrence in (0, 1)]
    given = [(ONE, OWN), (ONE, OWN | {"weight": "3"})]
    flat = STEPS.reshape(-1)
    linear = della("della_linear", *given, rescale="none")
    linear["parameters"]["lambda"] = "0.5"
    assert merged(merge, linear, STEPS) == (0.5 * (masks[0] * flat + 3 * masks[1] * flat)).tolist()
    elected = della("della", *given, rescale="none")
    assert merged(merge, elected, STEPS) == np.where(masks[0] | masks[1], flat, 0).tolist()


@pytest.mark.parametrize("method", ["della_linear", "della"])
def test_an_epsilon_needs_room(merge, method):
    def run(density, epsilon, values=(1.0,), weight="1"):
        own = {"weight": weight, "density": density, "epsilon": epsilon}
        made = della(method, (ONE, own), (TWO, {"weight": "1"}))
        models = {
            name: {"e": ("F32", [0, 4194304], b""), "w": tensor(values)} for name in ("base", "one", "two")
        }
        models["two"] = {"e": ("F16", [0, 4194304], b""), "w": tensor([2.0])}
        return merge(made, **models)

    assert floats(run("1", "0.5")["w"]) == [2]
    run("0.6", "0.4")
    run("0.4000152587890625", "0.4")  # 1/65536 and a little more is left of the smallest
    run("0.6", "0.5", weight="0")  # removed before anything else
    for density, epsilon in (("0.6", "0.41"), ("0.3", "0.3"), ("0.5", "0.49999"), ("0.1", "0.2")):
        with pytest.raises(ValueError, match=r"tensor 'e': density"):  # empty, but computed
            run(density, epsilon)
    run("1", [{"value": "1"}])
    for epsilon in ("1.01", "-0.1", [{"by_layer": ["1.01"], "value": "0"}]):
        with pytest.raises(ValueError, match="range"):
            run("1", epsilon)


def test_rows_are_not_too_long(merge):
    held = {"one": {"e": ("F32", [0, 4194305], b"")}, "two": {"e": ("F16", [0, 4194305], b"")}}
    made = both("nuslerp", {"weight": "1"}, base=None)
    assert merge(made, **held)["e"].shape == (0, 4194305)
    made["parameters"]["by"] = "row"
    with pytest.raises(ValueError, match="4194305"):
        merge(made, **held)
    based = made | {"base": BASE}
    assert merge(based, base=held["one"], one=held["one"], two=held["one"])["e"].shape == (0, 4194305)


# --- By divergence ----------------------------------------------------------------------------------------


def units_apart(got, want):
    """The largest error in units of the last place of what is wanted."""
    return max(abs(mpmath.mpf(g) - w) / math.ulp(float(w)) for g, w in zip(got.tolist(), want, strict=True))


def test_exp_and_ln_are_close_to_the_real_ones():
    v = np.concatenate([-RANDOM.exponential(20, 2000), -RANDOM.uniform(0, 708, 2000), [0.0, -0.0, -708.0]])
    v = np.concatenate([v, [-1e-300, -math.log(2) / 2, math.nextafter(-math.log(2) / 2, -1)]])
    u = np.concatenate([RANDOM.uniform(0.5, 2, 2000), np.exp(RANDOM.uniform(-19, 19, 2000)), [1.0, G, 2 * G]])
    u = np.concatenate([u, [math.nextafter(G, 0), math.nextafter(1, 0), math.nextafter(1, 2), 0.5, 2.0]])
    with mpmath.workprec(300):
        assert units_apart(exp(v), [mpmath.exp(mpmath.mpf(one)) for one in v.tolist()]) < 3
        assert units_apart(ln(u), [mpmath.log(mpmath.mpf(one)) for one in u.tolist()]) < 3
    assert exp(np.array([math.nextafter(-708.0, -709), -1e300, -math.inf])).tolist() == [0, 0, 0]
    assert ln(np.array([1.0])).tolist() == [0]


def kullback_leibler(x, b):
    """The divergence of softmaxes, each kept off 0, by the functions of a library."""

    def shares(row):
        powers = [math.exp(one - max(row)) for one in row]
        whole = math.fsum(powers)
        return [power / whole + 1e-8 for power in powers]

    pairs = zip(shares(x.tolist()), shares(b.tolist()), strict=True)
    return math.fsum(p * math.log(p / q) for p, q in pairs)


def test_divergence():
    for size, spread in ((1, 1), (3, 0.1), (100, 1), (1000, 8), (3000, 0.5)):
        b = RANDOM.normal(size=size) * spread
        x = b + RANDOM.normal(size=size) * spread / 4
        assert divergence(x, b) == pytest.approx(kullback_leibler(x, b), rel=1e-9, abs=1e-15)
    assert divergence(b, b) == 0
    with np.errstate(over="ignore"):
        assert divergence(np.array([1e308, -1e308]), np.array([0.0, -800.0])) == 0
    assert divergence(np.array([0.0, 800.0]), np.array([800.0, 0.0])) == pytest.approx(18.42, abs=0.01)
    assert math.isnan(divergence(np.array([0.0, math.inf]), np.zeros(2)))
    assert math.isnan(divergence(np.zeros(2), np.array([0.0, math.nan])))


def test_arcee_fusion_keeps_what_stands_out(merge):
    made = recipe("arcee_fusion", (ONE, {}), base=BASE)
    # of 8: the places 1, 3 and 5 hold 2, 4 and 6 times K, and the bound is 4 and 1.5 times 4
    assert deltas(merge, made, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 9.0, -11.0]) == [0] * 7 + [-11]
    # the second row does not diverge, being higher as a whole: five zeros, and 0 and 1.5 times K is the bound
    assert merged(merge, made, [[1.0, 0.0, 3.0, 2.0], [5.0] * 4]) == [0, 0, 3, 2, 0, 0, 0, 0]
    # rows of one element do not diverge either: the bound is 0
    assert merged(merge, made, [[1.0], [5.0], [0.0]]) == [1, 5, 0]
    assert deltas(merge, made, []) == []
    odd = made | {"allow_nonfinite": True}
    got = merged(merge, odd, [[1.0, math.nan], [1.0, 2.0], [0.0, 0.0], [0.0, 0.0]])
    assert got[:1] + got[2:] == [1, 0, 0, 0, 0, 0, 0]  # what is unknown is above the bound of 3 times K
    assert math.isnan(got[1])


# --- By Gram sums of rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [None, BASE])
def test_nuslerp_by_row(merge, base):
    made = both("nuslerp", {"weight": "1"}, base=base, by="row")
    one, two = [[2.0, 0.0], [2.0, 0.0]], [[0.0, 4.0], [4.0, 0.0]]
    zero = {"base": {"w": tensor([[0.0] * 2] * 2), "e": ("F32", [0], b"")}} if base else {}
    held = {
        "one": {"w": tensor(one), "e": ("F32", [0], b"")},
        "two": {"w": tensor(two), "e": ("F16", [0], b"")},
    }
    root = float(np.float32(math.sqrt(0.5)))
    assert floats(merge(made, **zero, **held)["w"]) == [2 * root, 4 * root, 3, 0]
    made["parents"][1]["parameters"]["weight"] = [{"contains": "e", "value": "-1"}, {"value": "1"}]
    with pytest.raises(ValueError, match="tensor 'e' sum to 0"):
        merge(made, **zero, **held)


def test_model_stock_by_row(merge):
    made = both("model_stock", by="row")
    assert merged(merge, made, [[2.0, 0.0], [2.0, 0.0]], [[0.0, 4.0], [4.0, 0.0]]) == [0, 0, 3, 0]
    assert merged(merge, made, 2.0, 4.0) == [3]


# --- Clip -------------------------------------------------------------------------------------------------


def test_clip(merge):
    made = both("task_arithmetic", {"weight": "2"}) | {"clip": "1.5"}
    assert deltas(merge, made, [1.0, -1.0, 4.0, 0.0], [2.0, -2.0, -1.0, 0.25]) == [3, -3, 6, 0.375]
    base = {"base": {"w": tensor([8.0])}, "one": {"w": tensor([7.0])}, "two": {"w": tensor([6.0])}}
    assert floats(merge(made, **base)["w"]) == [5]
    plain = recipe(
        "passthrough", (ONE, {"scale": "-3"}), clip=[{"contains": "v", "value": "2"}, {"value": "4"}]
    )
    got = merge(plain, one={"v": tensor([1.0, -2.0, 0.0]), "w": tensor([1.0])})
    assert [floats(got[name]) for name in "vw"] == [[-2, 4, 0], [-3]]
    copied = recipe("passthrough", (ONE, {"scale": "1"}), clip="1", out_dtype="float16")
    assert floats(merge(copied, one={"w": tensor([3.0])})["w"]) == [3]
    for bad in ("0.999", "-1", 2, [], None, [{"by_layer": ["0"], "value": "1"}]):
        with pytest.raises(ValueError, match=r"."):
            merge(plain | {"clip": bad}, one={"w": tensor([3.0])})
    with pytest.raises(ValueError, match="layer 1"):  # copied or not
        merge(copied | {"clip": [{"by_layer": ["1"], "value": "1"}]}, one={"1.w": tensor([3.0])})


def test_an_infinite_clip_limits_nothing(merge):
    made = both("task_arithmetic", {"weight": "2"}) | {"clip": "1" + 40 * "0", "allow_nonfinite": True}
    assert deltas(merge, made, [1.0, 0.0], [2.0, 0.0]) == [6, 0]
    made["clip"] = "1"  # what overflows is brought back
    assert deltas(merge, made, [2.0**127, -(2.0**127)], [2.0**127, -(2.0**127)]) == [2.0**127, -(2.0**127)]
    assert math.isnan(deltas(merge, made, [math.nan], [1.0])[0])
