"""Arcee Fusion: the divergence of rows to the last bits, the fence from exact order statistics, and what passes it."""

import mpmath
import numpy as np
import pytest
from combining import merged
from filling import packed, values
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW, Case, on_disk

from merger.divergence import FLOOR, divergence, exponential, logarithm
from merger.methods import METHODS

ODD = (np.nan, np.inf, -np.inf)


def units(found, exact):
    """Return how many units in the last place fp64 numbers are from exact ones."""
    pairs = zip(found.tolist(), exact, strict=True)
    return max(abs(mpmath.mpf(a) - b) / mpmath.mpf(float(np.spacing(abs(float(b))))) for a, b in pairs if b)


def test_exponential_and_logarithm_are_within_three_units_in_the_last_place():
    random = np.random.Generator(np.random.PCG64(1))
    with mpmath.workprec(200):
        v = -np.concatenate([random.uniform(0, 708, 1500), random.uniform(0, 2, 1500), [708.0]])
        assert units(exponential(v), [mpmath.exp(x) for x in v.tolist()]) < 1
        near = 1 + random.uniform(-0.5, 0.5, 1000) * 10.0 ** random.uniform(-15, 0, 1000)
        u = np.concatenate([10.0 ** random.uniform(-9, 9, 1500), random.uniform(0.5, 2, 1500), near])
        assert units(logarithm(u), [mpmath.log(x) for x in u.tolist()]) < 3
    assert exponential(np.array([0.0, -0.0, -708.5, -np.inf])).tolist() == [1, 1, 0, 0]
    assert logarithm(np.array([1.0])).tolist() == [0]


def test_two_rows_by_hand():
    # Softmaxes (3/4, 1/4) and (1/4, 3/4): the divergence is ln 3 / 2, and 0 of a row from itself.
    three = np.log(3)
    x = np.array([[three, 0.0], [1.0, 2.0]])
    y = np.array([[0.0, three], [1.0, 2.0]])
    found = divergence(x, y)
    assert found.shape == (2, 1)
    assert found[0, 0] == pytest.approx(np.log(3) / 2, rel=1e-7)
    assert found[1, 0] == 0


@given(
    seed=st.integers(0, 1 << 32), size=st.sampled_from([1, 2, 33, 700]), far=st.sampled_from([0.01, 1, 300])
)
@settings(LAW, max_examples=15)
def test_the_divergence_is_that_of_softmaxes(seed, size, far):
    random = np.random.Generator(np.random.PCG64(seed))
    x, y = random.normal(size=(2, 3, size)) * far

    def softmax(v):
        e = np.exp(v - v.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True) + FLOOR

    p, q = softmax(x), softmax(y)
    want = (p * np.log(p / q)).sum(axis=1)
    assert divergence(x, y)[:, 0] == pytest.approx(np.maximum(want, 0), rel=1e-9, abs=1e-13)
    assert (divergence(x, y) >= 0).all()


@pytest.mark.parametrize("odd", ODD)
def test_a_row_that_is_not_finite_has_no_divergence(odd):
    x, y = np.ones((3, 4), np.float32), np.ones((3, 4), np.float32)
    x[0, 1], y[2, 3] = odd, odd
    with np.errstate(all="ignore"):
        assert np.isnan(divergence(x, y)).tolist() == [[True], [False], [True]]
        whole = np.float64([[1e308, -1e308]])
        assert divergence(whole, whole).tolist() == [[0]]


@given(seed=st.integers(0, 1 << 32), shape=st.sampled_from([(5, 8), (1, 1), (40,), (3, 1), (2, 2, 6), ()]))
@settings(LAW, max_examples=20)
def test_what_reaches_the_fence_is_kept(seed, shape):
    random = np.random.Generator(np.random.PCG64(seed))
    base = (np.round(random.normal(size=shape) * 8) / 8).astype(np.float32)
    tuned = (base + np.round(random.normal(size=shape) * 4) / 16).astype(np.float32)
    case = Case(
        ({"w": packed(base, "F32")}, {"w": packed(tuned, "F32")}),
        {
            "arithmetic": "1",
            "method": "arcee_fusion",
            "base": "0",
            "parents": [{"model": "1", "parameters": {}}],
            "parameters": {},
            "shard_bytes": "5000000000",
            "allow_nonfinite": False,
        },
    )
    with on_disk() as disk:
        got = values(disk.tensors(case)["w"])
    rows = shape[-1] if shape else 1
    delta = (tuned - base).reshape(-1, rows)
    importance = (np.abs(delta) * divergence(tuned.reshape(-1, rows), base.reshape(-1, rows))).reshape(-1)
    rising = np.sort(importance)
    low, middle, high = (rising[(len(rising) - 1) * q // 4] for q in (1, 2, 3))
    fence = middle + np.float32(1.5) * (high - low)
    want = base.reshape(-1) + np.where(importance >= fence, delta.reshape(-1), 0)
    assert got.tolist() == (want + 0.0).tolist()


def test_of_a_change_everywhere_alike_nothing_stands_out_and_all_is_kept():
    # One row moved as a whole has the distribution it had: every importance is 0, and so is the fence.
    assert merged("arcee_fusion", [[2, 3, 4]], [{}], base=[1, 2, 3]).tolist() == [2, 3, 4]


def test_the_counts_are_those_of_the_order_statistics():
    cuts = METHODS["arcee_fusion"].cuts
    assert [cuts(None, size)[0].quartiles for size in (0, 1, 4, 9)] == [
        (0, 0, 0),
        (1, 1, 1),
        (4, 3, 2),
        (7, 5, 3),
    ]
