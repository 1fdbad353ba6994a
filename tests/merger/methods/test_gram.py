"""What every method by Gram sums keeps: equal models, the order of models, the scale, and the last bit."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from combining import factors, gram, merged, ulps
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW

from merger.gram import BITS, below, nearest, reals
from merger.methods import METHODS

WEIGHED = {
    "nuslerp": {"by": "tensor"},
    "multislerp": {"normalize_weights": True, "eps": "0.00000001"},
    "karcher": {"max_iter": "10", "tol": "0.00001"},
    "model_stock": {"by": "tensor"},
}
METHOD = pytest.mark.parametrize("method", WEIGHED)
MANY = pytest.mark.parametrize("method", ["multislerp", "karcher", "model_stock"])


def own(method, weights):
    return [{"weight": w} if method in ("nuslerp", "multislerp") else {} for w in weights]


def wide(array, dtype):
    return array.astype(np.float64 if dtype == "F64" else np.float32)


def drawn(seed, count, size=33):
    random = np.random.Generator(np.random.PCG64(seed))
    return random.normal(size=(count, size)).astype(np.float32)


@METHOD
@pytest.mark.parametrize("dtype", ["F32", "F64"])
@given(seed=st.integers(0, 1 << 32), far=st.integers(-8, 8))
@settings(LAW, max_examples=10)
def test_equal_models_give_that_model(method, dtype, seed, far):
    x, base = drawn(seed, 2)
    base *= np.float32(2.0**far)
    how = own(method, ["0.7", "0.4"]), WEIGHED[method]
    if METHODS[method].base != "needed":
        assert ulps(merged(method, [x, x], *how, dtype=dtype), wide(x, dtype)) <= 2
    if METHODS[method].base != "none":
        # What is merged is as long as x and b together, where they point away from each other.
        longest = wide(np.abs(x) + np.abs(base), dtype)
        assert ulps(merged(method, [x, x], *how, base, dtype), wide(x, dtype), longest) <= 2


@pytest.mark.parametrize("method", ["karcher", "multislerp"])
@given(seed=st.integers(0, 1 << 32))
@settings(LAW, max_examples=10)
def test_two_of_length_one_meet_where_slerp_meets(method, seed):
    x, y = (v / np.linalg.norm(v) for v in drawn(seed, 2).astype(np.float64))
    found = merged(method, [x, y], own(method, ["0.3", "0.3"]), WEIGHED[method], dtype="F64")
    assert np.abs(found - merged("slerp", [x, y], [{}, {}], {"t": "0.5"}, dtype="F64")).max() < 1e-6


@MANY
@given(seed=st.integers(0, 1 << 32), order=st.permutations(range(4)))
@settings(LAW, max_examples=25)
def test_the_order_of_models_does_not_touch_a_bit_of_their_factors(method, seed, order):
    # Real arithmetic has no order, and neither have the sums of these weights.
    vectors, weights = drawn(seed, 4) + 0.25, ["0.5", "0.25", "1.5", "-0.125"]
    found = factors(method, gram(vectors), own(method, weights), WEIGHED[method])
    other = factors(
        method, gram(vectors[list(order)]), own(method, [weights[i] for i in order]), WEIGHED[method]
    )
    assert other == [found[i] for i in order]


def test_nuslerp_the_other_way_round_is_the_same_but_for_the_rounded_share():
    x, y = drawn(3, 2)
    one = factors("nuslerp", gram([x, y]), own("nuslerp", ["0.6", "0.4"]))
    other = factors("nuslerp", gram([y, x]), own("nuslerp", ["0.4", "0.6"]))
    assert other[::-1] == pytest.approx(one, rel=1e-15)


@METHOD
@given(seed=st.integers(0, 1 << 32), scale=st.integers(-30, 30))
@settings(LAW, max_examples=10)
def test_twice_the_models_give_twice_the_result(method, seed, scale):
    x, y, base = drawn(seed, 3)
    factor = np.float32(2.0**scale)
    beside = None if method == "karcher" else base
    how = own(method, ["0.7", "0.4"]), WEIGHED[method]
    found = merged(method, [x, y], *how, beside)
    scaled = merged(method, [x * factor, y * factor], *how, None if beside is None else base * factor)
    assert np.array_equal(scaled, found * factor)


@METHOD
@given(seed=st.integers(0, 1 << 32))
@settings(LAW, max_examples=10)
def test_sums_of_ever_so_few_elements_have_factors(method, seed):
    # One element, or multiples of one vector: every angle is 0 or half a turn, every length may be 0.
    random = np.random.Generator(np.random.PCG64(seed))
    numbers = random.choice([0.0, 1.0, -1.0, 0.5, -3.0, 2.0**-24, 1e-160, 1e160], 2)
    found = factors(method, gram(numbers[:, None]), own(method, ["0.75", "0.25"]), WEIGHED[method])
    assert not np.isnan(found).any()


def test_the_last_rounding_is_one_and_knows_the_ends_of_the_range():
    with reals() as real:
        halfway = real.mpf(1) + real.mpf(2) ** -53
        assert nearest(halfway) == 1.0
        # What is off by an evaluation's error is still half way, to the even neighbour.
        assert nearest(halfway + real.mpf(2) ** -(BITS - 2)) == 1.0
        assert nearest(halfway + real.mpf(2) ** -120) == 1 + 2.0**-52
        assert nearest(real.mpf(2) ** -1074) == 5e-324
        assert nearest(real.mpf(2) ** -1075) == 0.0
        assert nearest(-(real.mpf(2) ** 1024)) == -np.inf
        assert nearest(real.mpf(2) ** 1024 - real.mpf(2) ** 970) == np.inf
        assert nearest(real.mpf(2) ** 1024 - real.mpf(2) ** 971) == np.finfo(float).max
        third = real.mpf(1) / 3
        assert Fraction(nearest(third)) == Fraction(1 / 3)
    assert mpmath.mp.prec == 53


def test_equal_numbers_are_not_below_one_another():
    with reals() as real:
        root = real.sqrt(2)
        assert not below(root * root, real.mpf(2))
        assert not below(real.mpf(2), root * root)
        assert below(real.mpf(2), real.mpf(2) + real.mpf(2) ** -120)
