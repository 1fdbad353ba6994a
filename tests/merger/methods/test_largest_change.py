"""MagMax, NearSwap and WiSE-FT, on numbers worked by hand, and what they come to at their ends."""

import numpy as np
import pytest
from filling import packed, values
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW, Case, cases, on_disk

from merger.kernels.blocks import NumpyKernels
from merger.methods.magmax import merge as magmax
from merger.methods.nearswap import merge as nearswap


def merged(method, base, parents, shared):
    models = [{"w": packed(one, "F32")} for one in (base, *parents)]
    recipe = {
        "arithmetic": "1",
        "method": method,
        "base": "0",
        "parents": [{"model": str(i + 1), "parameters": {}} for i in range(len(parents))],
        "parameters": shared,
        "shard_bytes": "5000000000",
        "allow_nonfinite": False,
    }
    with on_disk() as disk:
        return values(disk.tensors(Case(tuple(models), recipe))["w"]).tolist()


def test_magmax_takes_the_largest_change_and_the_first_of_equals():
    # Changes 1, -2, 2 and -1, 2, 3 and 0, -1, 0.
    found = merged("magmax", [1, 1, 1], [[2, -1, 3], [0, 3, 4], [1, 0, 1]], {"lambda": "0.5"})
    assert found == [1.5, 0, 2.5]


def test_magmax_leaves_an_early_nan_and_takes_no_later_one():
    k = NumpyKernels("F32")
    base, early, late = (np.array(given, np.float32) for given in ([0, 0], [np.nan, 1], [2, np.nan]))
    found = magmax(k, base, [early, late], (), 1.0)
    assert np.isnan(found[0])
    assert found[1] == 1


def test_nearswap_takes_what_is_near_and_goes_t_towards_what_is_not():
    found = merged("nearswap", [1, 1, 1, 1, 1], [[1.25, 0.5, 3, -3, 1]], {"t": "0.5"})
    assert found == [1.25, 0.5, 1.5, 0.5, 1]


def test_nearswap_with_t_0_is_the_base_and_with_a_large_t_the_other():
    base, other = [1.0, -2.0, 3.0], [4.0, -2.5, 3.0]
    assert merged("nearswap", base, [other], {"t": "0"}) == base
    assert merged("nearswap", base, [other], {"t": "100"}) == other


def test_nearswap_takes_a_nan_for_near():
    k = NumpyKernels("F64")
    assert np.isnan(nearswap(k, np.array([1.0]), [np.array([np.nan])], (), 0.5))[0]
    assert nearswap(k, np.array([np.nan]), [np.array([2.0])], (), 0.5)[0] == 2


def test_wise_ft_goes_a_share_of_the_way():
    assert merged("wise_ft", [1, -2], [[3, 2]], {"alpha": "0.25"}) == [1.5, -1]


@given(data=st.data(), alpha=st.integers(1, 10**20 - 1))
@settings(LAW, max_examples=25)
def test_wise_ft_is_linear_to_the_byte(data, alpha):
    case = data.draw(cases("wise_ft", rules=False, odd=False))
    alpha, rest = (f"0.{n:020d}".rstrip("0") for n in (alpha, 10**20 - alpha))
    # A tensor that is not tuned stays as it is (docs/arithmetic.md, "Tensors", 4), where linear rounds.
    base, tuned = case.models
    kept = {
        name for name in base if base[name] == tuned[name] and base[name][0] in ("F64", "F32", "F16", "BF16")
    }
    models = tuple({n: t for n, t in m.items() if n not in kept} for m in case.models)
    if not models[0]:
        return
    own = [{"model": "0", "parameters": {"weight": rest}}, {"model": "1", "parameters": {"weight": alpha}}]
    mine = Case(models, case.recipe).shared(alpha=alpha)
    theirs = mine.but(method="linear", base=None, parents=own, parameters={"normalize": False})
    with on_disk() as disk:
        assert disk.outcome(mine) == disk.outcome(theirs)


@pytest.mark.parametrize(("alpha", "end"), [("0", 0), ("1", 1)])
def test_the_ends_of_wise_ft_are_the_models(alpha, end):
    models = [[1.5, -2, 0.1], [3, 7, 0.7]]
    assert merged("wise_ft", models[0], [models[1]], {"alpha": alpha}) == pytest.approx(models[end])
