"""Clip: no element further from the base than so many times the furthest parent, for every method and every backend."""

import json

import numpy as np
import pytest
from combining import merged as merge
from dialects import compiled, slerp
from filling import packed, values
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW, MODELS, Case, big, cases, decimals, on_disk

from merger.by_tensor import value_at
from merger.dialect import parse
from merger.kernels.compiled import CompiledKernels
from merger.methods import METHODS
from merger.recipe import Recipe
from signing.errors import Malformed

METHOD = pytest.mark.parametrize("method", [m for m in MODELS if METHODS[m].whole is None])
# Rounded to fp32 it is infinite.
HUGE = "1" + "0" * 60


def bounds(clip, base, parents):
    """Return the least and the most that clip lets an element be, operation by operation as the page has it."""
    moved = parents if base is None else [x - base for x in parents]
    furthest = moved[0]
    for one in moved[1:]:
        furthest = np.where(np.abs(one) > np.abs(furthest), one, furthest)
    most = furthest.dtype.type(float(clip)) * np.abs(furthest)
    centre = np.zeros_like(most) if base is None else base
    return centre - most, centre + most


LIMITS = decimals(100, 300) | st.builds(
    lambda some, other, layers: [
        {"contains": "mlp", "value": some},
        {"value": other, "by_layer": layers},
    ],
    decimals(100, 300),
    decimals(100, 300),
    st.lists(decimals(100, 300), min_size=2, max_size=2),
)


@METHOD
@given(data=st.data())
@settings(LAW, max_examples=7)
def test_clip_limits_what_is_computed_and_nothing_else(method, data):
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    case = data.draw(cases(method)).but(dtype=dtype, out_dtype=dtype, allow_nonfinite=True)
    clipped = case.but(clip=data.draw(LIMITS))
    wide = np.dtype(dtype)
    with on_disk() as disk, np.errstate(all="ignore"):
        if disk.outcome(case) == "refused":
            assert disk.outcome(clipped) == "refused"
            return
        free, limited = disk.tensors(case), disk.tensors(clipped)
        account = json.loads(disk.make(clipped).result.account)["tensors"]
        rules = Recipe.of(disk.recipe(clipped)).clip
        for name, stored in free.items():
            if account[name]["operation"] != "compute":
                assert limited[name] == stored
                continue
            clip, places = float(value_at(rules, name)), account[name]["parents"]
            parents = [values(case.models[int(case.parents[i]["model"])][name]).astype(wide) for i in places]
            base = values(case.models[0][name]).astype(wide) if "base" in case.recipe else None
            low, high = bounds(clip, base, parents)
            y = np.frombuffer(stored[2], wide)
            want = np.where(y < low, low, np.where(y > high, high, y)) + wide.type(0)
            assert np.array_equal(np.frombuffer(limited[name][2], wide), want, equal_nan=True)
            assert account[name]["clip"] == clip.hex()


@METHOD
@given(data=st.data())
@settings(LAW, max_examples=4)
def test_a_clip_that_nothing_can_exceed_changes_nothing(method, data):
    case = data.draw(cases(method)).but(dtype="float32")
    with on_disk() as disk:
        assert disk.outcome(case.but(clip=HUGE)) == disk.outcome(case)


@METHOD
@given(data=st.data())
@settings(LAW, max_examples=4)
def test_clipped_files_are_the_same_on_every_backend_and_thread(method, data):
    device = pytest.importorskip("merger.kernels.device")
    case = data.draw(cases(method)).but(clip=data.draw(LIMITS))
    with on_disk() as disk:
        first = disk.outcome(case, threads=1)
        assert disk.outcome(case, kernels=CompiledKernels) == first
        assert disk.outcome(case, kernels=device.TorchKernels) == first
        assert disk.outcome(case, threads=4, factor=2) == first


@METHOD
@pytest.mark.system
def test_tensors_of_several_chunks_are_clipped_the_same_every_way(method):
    device = pytest.importorskip("merger.kernels.device")
    shapes = {"a": (3, 5, 7), "b": ((1 << 19) + (1 << 16) + 77,)}
    case = big(method, shapes, ("BF16", "BF16", "BF16"), out_dtype="float32", clip="1")
    with on_disk() as disk:
        first = disk.outcome(case, threads=1)
        assert first != "refused"
        for kernels in (CompiledKernels, device.TorchKernels):
            assert disk.outcome(case, kernels=kernels, factor=2) == first
        assert disk.make(case, threads=1).result == disk.make(case, kernels=CompiledKernels).result


def test_a_sum_of_task_vectors_stays_within_the_furthest():
    own = [{"weight": "1"}, {"weight": "1"}]
    shared = {"lambda": "1", "normalize": False}
    case = {"base": [1.0, 1, 1, 1], "parents": [[2.0, 0, 3, 1], [3.0, 2, -2, 1]]}
    # Moved by (1, 2), (-1, 1), (2, -3) and (0, 0): 3 is more than 1.25 times 2.
    assert merge("task_arithmetic", case["parents"], own, shared, case["base"]).tolist() == [4, 1, 0, 1]
    with on_disk() as disk:
        found = disk.tensors(_case("task_arithmetic", own, shared, case, clip="1.25"))
    assert values(found["w"]).tolist() == [3.5, 1, 0, 1]


def test_without_a_base_what_counts_is_how_far_parents_lie_from_0():
    own = [{"weight": "1"}, {"weight": "1"}]
    with on_disk() as disk:
        case = _case("linear", own, {"normalize": False}, {"parents": [[2.0, -3, 0], [1.0, -2, 0]]}, clip="1")
        assert values(disk.tensors(case)["w"]).tolist() == [2, -3, 0]


def _case(method, own, shared, tensors, **members):
    arrays = ([tensors["base"]] if "base" in tensors else []) + tensors["parents"]
    first = len(arrays) - len(tensors["parents"])
    recipe = {
        "arithmetic": "1",
        "method": method,
        "parents": [{"model": str(first + i), "parameters": p} for i, p in enumerate(own)],
        "parameters": shared,
        "shard_bytes": "5000000000",
        "allow_nonfinite": False,
    } | ({"base": "0"} if "base" in tensors else {})
    return Case(tuple({"w": packed(one, "F32")} for one in arrays), recipe | members)


@pytest.mark.parametrize(
    ("clip", "reason"),
    [
        ("0.99", "clip is 0.99; it must be at least 1"),
        ("-2", "clip is -2; it must be at least 1"),
        ("many", "'many' is no canonical decimal"),
        ([{"value": "2"}, {"value": "1"}], "every rule but the last, and no other"),
        ([{"contains": "mlp", "value": "0"}, {"value": "1"}], "clip is 0; it must be at least 1"),
    ],
)
def test_a_clip_that_would_undo_a_parent_is_refused(clip, reason):
    case = big("linear", {"w": (4,)}, ("F32", "F32", "F32"))
    with on_disk() as disk, pytest.raises(Malformed, match=reason):
        disk.make(case.but(clip=clip))


def test_a_clip_without_a_value_for_a_layer_is_refused_though_the_tensor_is_copied():
    case = big("linear", {"layers.3.w": (4,)}, ("F32", "F32", "F32"))
    with on_disk() as disk, pytest.raises(Malformed, match="layer 3, but the recipe gives values for 2"):
        disk.make(case.but(clip=[{"value": "1", "by_layer": ["1", "2"]}]))


def test_a_recipe_without_clip_does_not_mention_it():
    case = big("linear", {"w": (4,)}, ("F32", "F32", "F32"))
    with on_disk() as disk:
        recipe = Recipe.of(disk.recipe(case))
        assert b"clip" not in recipe.encode() + disk.make(case).result.account


def test_the_dialect_takes_one_limit_for_the_whole_merge():
    assert compiled(slerp("0.5", "clip: 1.5\n")).recipe.clip == "1.5"
    found = compiled(slerp("0.5", "clip: [{filter: mlp, value: [1, 2]}, {value: 3}]\n"))
    ruled = [value_at(found.recipe.clip, f"layers.{i}.mlp") for i in range(4)]
    assert ruled == ["1", "1.3333333333333333", "1.6666666666666667", "2"]
    assert value_at(found.recipe.clip, "norm") == "3"
    assert compiled(slerp("0.5")).recipe.clip is None


@pytest.mark.parametrize(
    ("clip", "reason"),
    [
        ("0.5", "clip is 0.5; it must be at least 1"),
        ("hard", "clip is 'hard'; write a number"),
        ("[{filter: mlp, value: 1}]", "clip has no value for tensors that no filter matches"),
    ],
)
def test_the_dialect_refuses_other_limits_by_their_place(clip, reason):
    with pytest.raises(Malformed, match=f"^{reason}"):
        parse(slerp("0.5", f"clip: {clip}\n"))
