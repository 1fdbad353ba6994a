"""permute and transport: what statistics by axis do to a model, to the byte, and which of them are refused by name."""

import math

import numpy as np
import pytest
from filling import Model, packed, values
from making import floats
from strategies import Case, on_disk

from merger.attribution import attribute
from merger.card import configs_of
from merger.chunks import Chunks
from merger.cost import cost
from merger.explain import groups
from merger.folder import describe
from merger.kernels.blocks import NumpyKernels
from merger.kernels.compiled import CompiledKernels
from merger.measure import Measured
from merger.plan import plan
from merger.recipe import Recipe
from merger.weights import opened_weights
from signing.errors import Malformed

BOTH = pytest.mark.parametrize("method", ["permute", "transport"])
KIND = {"permute": "permutation", "transport": "transport"}


def case(method: str, model: Model, **members: object) -> Case:
    return Case(
        (model,),
        {
            "arithmetic": "1",
            "method": method,
            "parents": [{"model": "0", "parameters": {}}],
            "parameters": {},
            "shard_bytes": "5000000000",
            "allow_nonfinite": False,
        }
        | members,
    )


def laid(method: str, model: Model, found: Model, **members: object) -> Model:
    """Return the model as these statistics lay it."""
    with on_disk() as disk:
        disk.say(disk.add(model), KIND[method], found)
        made = disk.tensors(case(method, model, **members))
        assert made == disk.tensors(
            case(method, model, **members), kernels=CompiledKernels, threads=4, factor=2
        )
        return made


def order(*indices: int):
    return "I64", (len(indices),), np.array(indices, "<i8").tobytes()


def test_an_order_moves_bytes_whatever_they_stand_for():
    bits = np.array([[0x7FA01234, 0x80000000, 1], [0xFF800000, 2, 0xFFC00001]], "<u4")
    model: Model = {"w": ("F32", (2, 3), bits.tobytes()), "v": ("F32", (2,), bits[0, :2].tobytes())}

    made = laid("permute", model, {"w.0": order(1, 0), "w.1": order(2, 0, 1)})

    assert made["w"] == ("F32", (2, 3), bits[[1, 0]][:, [2, 0, 1]].tobytes())
    assert made["v"] == model["v"]


def test_every_axis_has_an_order_of_its_own():
    x = np.arange(24, dtype="<f4").reshape(2, 3, 4)
    model: Model = {
        "w": ("F32", (2, 3, 4), x.tobytes()),
        "s": ("F32", (), floats([3])),
        "e": ("F32", (0, 2), b""),
    }
    made = laid("permute", model, {"w.1": order(2, 0, 1), "w.2": order(0, 3, 1, 2), "e.1": order(1, 0)})
    assert made["w"][2] == x[:, [2, 0, 1]][:, :, [0, 3, 1, 2]].tobytes()
    assert (made["s"], made["e"]) == (model["s"], model["e"])


def test_where_a_copy_is_rounded_what_moves_is_rounded():
    model: Model = {"w": packed([1.0009765625, -0.0, 3.0], "F32")}
    made = laid("permute", model, {"w.0": order(2, 0, 1)}, out_dtype="bfloat16")
    assert made["w"] == ("BF16", (3,), floats([3.0, 1.0, 0.0], "BF16"))
    odd: Model = {"w": packed([1.0, np.nan], "F32")}
    with pytest.raises(Malformed, match="element 1 is NaN or infinite"):
        laid("permute", odd, {"w.0": order(1, 0)}, out_dtype="bfloat16")


def test_a_mixture_worked_by_hand():
    # T0 · x = [[1, 2], [2, 3]] with rows (a, (a + b) / 2); then its columns change places, and one of them doubles.
    model: Model = {"w": packed([[1, 2], [3, 4]], "F32"), "b": packed([8, 16], "BF16")}
    found = {
        "w.0": packed([[1, 0], [0.5, 0.5]], "F32"),
        "w.1": packed([[0, 2], [1, 0]], "BF16"),
        "b.0": packed([[0, 1], [0.25, 0]], "F16"),
    }
    made = laid("transport", model, found)
    assert values(made["w"]).tolist() == [4, 1, 6, 2]
    assert made["b"] == packed([16, 2], "BF16")


def slowly(x: np.ndarray, axis: int, matrix: np.ndarray) -> np.ndarray:
    """The page's line along one axis, sum by sum."""
    made = np.empty_like(x)
    for place in np.ndindex(*x.shape):
        total = None
        for k in range(x.shape[axis]):
            term = matrix[place[axis], k] * x[(*place[:axis], k, *place[axis + 1 :])]
            total = term if total is None else total + term
        made[place] = total
    return made


def test_axes_are_transported_one_after_another_in_one_order_of_sums():
    random = np.random.Generator(np.random.PCG64(8))
    x = random.normal(size=(3, 5, 4)).astype("<f4")
    matrices = {axis: random.normal(size=(n, n)).astype("<f4") for axis, n in ((0, 3), (2, 4))}
    found = {f"w.{axis}": ("F32", m.shape, m.tobytes()) for axis, m in matrices.items()}
    want = x.astype(np.float64)
    for axis, matrix in sorted(matrices.items()):
        want = slowly(want, axis, matrix.astype(np.float64))
    made = laid("transport", {"w": ("F32", x.shape, x.tobytes())}, found)
    assert made["w"][2] == want.astype("<f4").tobytes()


def test_a_matrix_of_ones_and_zeros_is_an_order():
    random = np.random.Generator(np.random.PCG64(9))
    x = random.normal(size=(700, 130)).astype("<f4")
    rows, columns = random.permutation(700), random.permutation(130)
    model: Model = {"w": ("F32", x.shape, x.tobytes())}
    moved = laid("permute", model, {"w.0": order(*rows), "w.1": order(*columns)})
    mixed = laid(
        "transport",
        model,
        {"w.0": packed(np.eye(700)[rows], "F32"), "w.1": packed(np.eye(130)[columns], "F32")},
    )
    assert moved["w"][2] == x[rows][:, columns].tobytes()
    assert moved == mixed


def test_matrices_in_fp64_are_computed_with_in_fp64():
    model: Model = {"w": packed([1.0], "F32")}
    found = {"w.0": packed([[1 + 2.0**-40]], "F64")}
    assert values(laid("transport", model, found, out_dtype="float64")["w"]).tolist() == [1 + 2.0**-40]


@pytest.mark.parametrize("indices", [(0, 0), (1, 2), (-1, 0), (0, 1 << 40)])
def test_an_order_that_is_none_is_refused_by_name(indices):
    with pytest.raises(Malformed, match="w: the order of axis 0 does not hold every index below 2 once"):
        laid("permute", {"w": packed([1, 2], "F32")}, {"w.0": order(*indices)}, allow_nonfinite=True)


def test_a_matrix_that_is_not_finite_is_refused_by_name():
    with pytest.raises(Malformed, match=r"w\.0 of sha256:[0-9a-f]*: element 1 is NaN or infinite"):
        laid("transport", {"w": packed([1, 2], "F32")}, {"w.0": packed([[1, np.inf], [0, 1]], "F32")})


@BOTH
@pytest.mark.parametrize(
    ("name", "shape", "dtype", "said"),
    [
        ("v.0", (2,), None, "v.0: sha256:[0-9a-f]* has statistics of it, and sha256:[0-9a-f]* has no such axis"),
        ("w.2", (2,), None, "has no such axis"),
        ("w.00", (2,), None, "has no such axis"),
        ("w.x", (2,), None, "has no such axis"),
        ("w", (2,), None, "has no such axis"),
        ("s.0", (1,), None, "has no such axis"),
        ("w.0", (3,), None, r"w\.0: the statistics sha256:[0-9a-f]* are \(3"),
        ("w.0", (2, 3), None, r"w\.0: the statistics sha256:[0-9a-f]* are \(2, 3"),
        ("w.0", (2,), "I32", r"w\.0 of sha256:[0-9a-f]* holds I32; statistics are (I64|floats), of floats"),
        ("ids.0", (2,), None, "ids of sha256:[0-9a-f]* holds I64; statistics are"),
    ],
)  # fmt: skip
def test_statistics_that_fit_no_axis_are_refused_before_a_weight_is_read(method, name, shape, dtype, said):
    model: Model = {
        "w": packed([[1, 2], [3, 4]], "F32"),
        "s": packed(1, "F32"),
        "ids": ("I64", (2,), bytes(16)),
    }
    shape = (*shape, *shape) if method == "transport" and len(shape) == 1 else shape
    dtype = dtype or ("I64" if method == "permute" else "F64")
    size = math.prod(shape) * (4 if dtype == "I32" else 8)
    with pytest.raises(Malformed, match=said):
        laid(method, model, {name: (dtype, shape, bytes(size))})


def test_more_than_8192_are_not_transported_and_are_permuted():
    x = np.arange(8193, dtype="<f4")
    model: Model = {"w": ("F32", (8193,), x.tobytes())}
    matrix = ("BF16", (8193, 8193), bytes(2 * 8193 * 8193))
    with pytest.raises(Malformed, match=r"w\.0: the axis has 8193 indices, and at most 8192 are transported"):
        laid("transport", model, {"w.0": matrix})
    assert laid("permute", model, {"w.0": order(*range(8192, -1, -1))})["w"][2] == x[::-1].tobytes()


@BOTH
def test_slices_take_statistics_by_the_parents_own_names(method):
    model: Model = {f"layers.{i}.w": packed([i, i + 10], "F32") for i in range(2)} | {
        "norm": packed([1, 2], "F32")
    }
    turned = order(1, 0) if method == "permute" else packed([[0, 1], [1, 0]], "F32")
    slices = [
        {"count": "1", "sources": [{"parent": "0", "first": "1"}]},
        {"count": "1", "sources": [{"parent": "0", "first": "1"}]},
    ]
    made = laid(method, model, {"layers.1.w.0": turned}, slices=slices)
    assert {name: values(x).tolist() for name, x in made.items()} == {
        "layers.0.w": [11, 1],
        "layers.1.w": [11, 1],
        "norm": [1, 2],
    }


@BOTH
def test_recipes_say_one_parent_with_statistics_and_no_adapter(method):
    model, other = (f"sha256:{digit * 64}" for digit in "12")
    said = case(method, {}).recipe | {"parents": [{"model": model, "parameters": {}}]}
    with pytest.raises(Malformed, match=f"parents.0: {method} needs statistics of kind {KIND[method]}"):
        Recipe.of(said)
    two = [{"model": one, "parameters": {}, "statistics": other} for one in (model, model)]
    with pytest.raises(Malformed, match=f"{method} merges exactly 1 parent, not 2"):
        Recipe.of(said | {"parents": two})
    adapted = two[0] | {"adapter": other, "scale": "1"}
    with pytest.raises(Malformed, match=f"{method} needs statistics of the model that is merged"):
        Recipe.of(said | {"parents": [adapted]})


@BOTH
def test_what_is_moved_is_explained_and_followed_to_where_it_was(method):
    model: Model = {"w": packed([[1, 2], [3, 4], [5, 6]], "F32"), "v": packed([1, 2], "F32")}
    turned = order(2, 0, 1) if method == "permute" else packed(np.eye(3)[[2, 0, 1]], "F32")
    with on_disk() as disk:
        artifact = disk.add(model)
        disk.say(artifact, KIND[method], {"w.0": turned})
        recipe = Recipe.of(disk.recipe(case(method, model)))
        places = {one: disk.folders[one] for one in recipe.artifacts()}
        known = {one: (d.manifest, d.blocks) for one, d in ((one, describe(f)) for one, f in places.items())}
        with opened_weights(places, known) as weights:
            manifests = {one: w.manifest for one, w in weights.items()}
            made = plan(recipe, manifests, configs_of(recipe, weights))
            chunks = Chunks(recipe, weights, NumpyKernels)
            by_name = {step.name: step for step in made.steps}
            found = attribute(chunks, by_name["w"], Measured(None), 1)
    assert {(g.tensors, g.operation) for g in groups(made)} == {("w", method), ("v", "copy")}
    assert cost(made, manifests).reads[0] == sum(t.size for m in manifests.values() for t in m.tensors)
    assert found.result == 6
    if method == "permute":
        assert found.source == f"w[2,1] of {artifact}"
    else:
        assert [(part.value, part.factor) for part in found.parts] == [(2, None)]
