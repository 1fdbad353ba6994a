"""Attribution: the factors that are followed through a method add up to the weight it makes, on every method."""

import numpy as np
import pytest
from adapting import PREFIX
from filling import values
from strategies import MODELS, big, on_disk

from merger.attribution import attribute, parse, place
from merger.following import NUMBER, Following
from merger.kernels.blocks import NumpyKernels
from merger.measure import Measured, measure
from merger.methods import METHODS
from merger.steps import Compute
from signing.errors import Malformed

SHAPES = {"w": (300, 300), "v": (7,)}
# Some methods multiply parents with each other, or solve for all elements of a row at once: nothing in the result
# belongs to one parent.
ENTANGLED = {"nearswap", *(method for method in METHODS if METHODS[method].whole)}


def attributed(case, tensor, flats):
    """Return what is attributed at some places of a tensor, and the bytes that a merge has there."""
    with on_disk() as disk, disk.opened(case) as (chunks, steps):
        step = next(step for step in steps if step.name == tensor)
        found = measure(chunks, step, map) if isinstance(step, Compute) else Measured(None)
        made = disk.tensors(case)[tensor]
        return [attribute(chunks, step, found, flat) for flat in flats], values(made)


@pytest.mark.parametrize(
    ("method", "clip"),
    [(m, {}) for m in MODELS] + [(m, {"clip": "1"}) for m in MODELS if METHODS[m].whole is None],
)
def test_base_and_contributions_add_up_to_the_weight(method, clip):
    flats = [0, 1, 5, 65535, 65536, 70001, 89999]
    case = big(method, SHAPES, ("F32", "F32", "F32"), **clip)
    found, made = attributed(case, "w", flats)
    for flat, one in zip(flats, found, strict=True):
        assert one.result == made[flat]
        if one.source is not None:
            continue
        parts = [part.contribution for part in one.parts]
        if None in parts:
            assert method in ENTANGLED
            continue
        whole = sum(parts) + (one.base or 0.0)
        assert whole == pytest.approx(one.result, rel=1e-5, abs=1e-5)
        assert all(part.contribution == 0 for part in one.parts if part.kept is False)


def test_a_clipped_weight_belongs_to_the_parent_that_moved_furthest():
    case = big("magmax", SHAPES, ("F32", "F32", "F32"), clip="1.5").shared(**{"lambda": "3"})
    found, _ = attributed(case, "w", [1, 5, 70001])
    for one in found:
        furthest = max(one.parts, key=lambda part: abs(part.delta))
        assert furthest.delta != 0
        assert {part.factor for part in one.parts if part is not furthest} == {0}
        assert furthest.factor == 1.5


@pytest.mark.parametrize("method", ["nuslerp", "model_stock"])
def test_factors_of_a_row_are_those_its_weights_have(method):
    flats = [0, 299, 300, 65535, 65536, 70001, 89999]
    found, made = attributed(big(method, SHAPES, ("F32", "F32", "F32")).shared(by="row"), "w", flats)
    for flat, one in zip(flats, found, strict=True):
        whole = sum(part.contribution for part in one.parts) + one.base
        assert whole == pytest.approx(made[flat], rel=1e-5, abs=1e-5)
    factors = [[part.factor for part in one.parts] for one in found]
    assert factors[0] == factors[1] != factors[2]


def test_kept_and_agreed_are_what_the_method_saw():
    case = big("ties", SHAPES, ("F32", "F32", "F32"))
    flats = range(0, 90000, 977)
    found, _ = attributed(case, "w", flats)
    base, *tuned = (values(model["w"]) for model in case.models)
    for flat, one in zip(flats, found, strict=True):
        assert one.base == base[flat]
        for i, part in enumerate(one.parts):
            assert (part.position, part.value) == (i, tuned[i][flat])
            assert part.delta == np.float32(tuned[i][flat]) - np.float32(base[flat])
            assert (part.agreed is None) == (part.kept is False)
            assert bool(part.factor) == bool(part.agreed)
    assert {part.kept for one in found for part in one.parts} == {True, False}
    assert True in {part.agreed for one in found for part in one.parts}


def test_a_copied_weight_comes_from_one_source():
    ids = ("I64", (3,), np.arange(3, dtype="<i8").tobytes())
    case = big("linear", SHAPES, ("F32", "F32", "F32"), out_dtype="bfloat16")
    case = type(case)(tuple(model | {"ids": ids} for model in case.models), case.recipe)
    with on_disk() as disk, disk.opened(case) as (chunks, (step, *_)):
        found = attribute(chunks, step, Measured(None), 2)
    assert (found.result, found.parts, found.base) == (2, (), None)
    assert found.source.startswith("ids of sha256:")


def test_a_weight_of_a_stack_comes_from_one_adapter():
    case = big("cat", {"w": (70000,)}, ("F32", "BF16", "F16"))
    one, two = case.models[1:]
    name = f"{PREFIX}w.down.lora_B.weight"
    found, made = attributed(case, name, [0, 1, 2, 3 * 69999 + 2])
    assert [part.position for part in (each.parts[0] for each in found)] == [0, 1, 1, 1]
    assert [each.parts[0].value for each in found] == [
        values(one[name])[0],
        *values(two[name])[[0, 1, 2 * 69999 + 1]],
    ]
    assert all(each.parts[0].factor == 1.0 for each in found)
    name = f"{PREFIX}w.across.lora_A.weight"
    found, made = attributed(case, name, [69999, 70000])
    # Weights 0.7 and -0.25, alpha 3, ranks 1 and 2.
    assert [each.parts[0].factor for each in found] == [0.7 * 3, -0.25 * 3 / 2]
    assert [each.result for each in found] == list(made[[69999, 70000]])
    assert found[1].parts[0].contribution == -0.375 * values(two[name])[0]


def test_a_place_is_one_number_for_every_dimension():
    assert parse("a.b[0].c[1, 2]") == ("a.b[0].c", [1, 2])
    assert place("w[2,3]", (4, 5)) == 13
    assert place("w[]", ()) == 0
    for text, shape, words in [
        ("w", (1,), "is no weight: write TENSOR"),
        ("w[-1]", (1,), "is no weight"),
        ("w[1,]", (1,), "is no weight"),
        ("w[0]", (1, 1), "gives 1 indices, and w has the shape"),
        ("w[4,0]", (4, 5), "index 4 lies outside the shape"),
    ]:
        with pytest.raises(Malformed, match=words):
            place(text, shape)


def test_what_is_not_linear_has_no_factors():
    k = Following(NumpyKernels("F32"))
    two, three = np.full(1, 2, np.float32), np.full(1, -3, np.float32)
    x, y = k.parent(0, two), k.parent(1, three)
    four, none = k.fill(x, 4.0), k.fill(x, 0.0)

    def factors(value):
        if value.factors is None:
            return None
        found = {place: float(np.ravel(factor)[0]) for place, factor in value.factors.items()}
        return None if found.get(NUMBER) else [found.get(place, 0) for place in (0, 1)]

    for value in (k.mul(x, y), k.ratio(x, y), k.products(x, y), k.add(k.mul(x, y), x), k.add(x, four)):
        assert factors(value) is None
    assert factors(k.mul(x, four)) == [4, 0]
    assert factors(k.mul(four, y)) == [0, 4]
    assert factors(k.ratio(x, four)) == [0.25, 0]
    assert factors(k.ratio(x, none)) == [0, 0]
    assert factors(k.absolute(y)) == [0, -1]
    assert factors(k.choose(k.exceeds(x, y), x, y)) == [1, 0]
    assert factors(k.choose(k.without(k.exceeds(x, y)), x, y)) == [0, 1]
    assert factors(k.sub(k.add(x, four), four)) == [1, 0]
    assert factors(k.add(k.sub(x, x), y)) == [0, 1]
