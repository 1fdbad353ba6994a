"""NaN and infinity: refused by tensor and flat index, or merged where the recipe allows them."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from filling import packed, values
from strategies import MODELS, big, long_ones, on_disk

from merger.methods import METHODS
from signing.errors import Malformed

SIZE = (1 << 19) + 70000
METHOD = pytest.mark.parametrize("method", MODELS)


def case(method, place=None, value=np.nan, model=1, **members):
    made = big(method, {"w": (9,)}, ("F32", "F32", "F32"), **members)
    random = np.random.Generator(np.random.PCG64(3))
    arrays = [random.normal(size=SIZE).astype(np.float32) for _ in range(3)]
    if place is not None:
        arrays[model][place] = value
    return replace(made, models=tuple({"w": packed(a, "F32")} for a in arrays))


@METHOD
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_an_input_that_is_not_finite_is_refused_by_its_place(method, value):
    with (
        on_disk() as disk,
        pytest.raises(Malformed, match=f"^w.*element {SIZE - 3} is NaN or infinite; set allow_nonfinite"),
    ):
        # Bytes that are copied are not examined, so no method may copy here.
        disk.make(case(method, SIZE - 3, value, out_dtype="float64"))


def test_the_first_place_is_named_whatever_the_threads():
    made = case("linear", 5)
    array = values(made.models[1]["w"])
    array[[70000, SIZE - 1]] = np.inf
    made = replace(made, models=(made.models[0], {"w": packed(array, "F32")}, made.models[2]))
    with on_disk() as disk:
        for threads in (1, 4):
            with pytest.raises(Malformed, match="element 5 is NaN"):
                disk.make(made, threads=threads)


@METHOD
def test_a_finite_value_that_overflows_on_the_way_out_is_refused(method):
    made = case(method, 70001, 1e30, out_dtype="float16")
    made = made.each(density="1") if method.startswith(("dare", "ties")) else made
    # What trims the largest must keep them here, and what moves a little must be allowed to move far.
    made = made.each(density="1", gamma="0") if method.startswith("breadcrumbs") else made
    # Nor may a parent's statistics say that the element does not count.
    made = made.shared(floor="1") if method == "fisher" else made
    made = made.shared(t="9" * 32) if method == "nearswap" else made
    # A mean length is that of the one huge element, and every parent is brought to it.
    place = "[0-9]+" if method in ("karcher", "multislerp") else "70001"
    with on_disk() as disk, pytest.raises(Malformed, match=f"^w as merged: element {place} is NaN or inf"):
        disk.make(made)


@pytest.mark.parametrize("method", long_ones(MODELS))
def test_allowed_they_are_merged_and_nothing_is_printed(method):
    made = case(method, 70001, np.inf, model=0, allow_nonfinite=True)
    made = replace(
        made,
        models=(
            made.models[0],
            *(
                {"w": packed(np.where(np.arange(SIZE) == 70001, np.inf, values(m["w"])), "F32")}
                for m in made.models[1:]
            ),
        ),
    )
    with on_disk() as disk, warnings.catch_warnings():
        warnings.simplefilter("error")
        got = disk.outcome(made)
        assert got == disk.second(made)
        result = values(disk.tensors(made)["w"])
    odd = np.flatnonzero(~np.isfinite(result))
    assert 70001 in odd or (METHODS[method].moves and len(odd) == 1)
    assert METHODS[method].sums or len(odd) == 1


def test_copied_bytes_are_not_examined():
    odd = {"w": packed([np.nan, -np.inf, -0.0], "F32")}
    made = big("task_arithmetic", {}, ("F32", "F32", "F32"))
    with on_disk() as disk:
        assert disk.tensors(replace(made, models=(odd, odd, odd))) == odd
        with pytest.raises(Malformed, match=r"w: element 0 is NaN|^w.*element 0 is NaN"):
            disk.make(replace(made.but(out_dtype="bfloat16"), models=(odd, odd, odd)))
