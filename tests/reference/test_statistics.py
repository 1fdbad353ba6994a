"""Methods that take statistics, and products, in the second implementation: by hand and by NumPy's own routines."""

import json

import numpy as np
import pytest
from reference.examples import BASE, ONE, TWO, floats, model, recipe, tensor
from reference.second import files, read_file
from reference.statistics import scaled

THREE, FIRST, SECOND = ("sha256:" + digit * 64 for digit in "3ab")
KINDS = {"fisher": "fisher", "regmean": "gram", "permute": "permutation", "transport": "transport"}


def order(*indices):
    """Where the indices of an axis come from, as statistics store it."""
    return "I64", [len(indices)], np.array(indices, "<i8").tobytes()


@pytest.fixture
def weigh(tmp_path):
    """Merge models of one tensor `w` with the statistics of each, given as {name: tensor}."""

    def run(made, *parents, said=()):
        folders = {}
        made = made | {"parents": [dict(parent) for parent in made["parents"]]}
        for parent, artifact, (held, about) in zip(made["parents"], (FIRST, SECOND), parents, strict=False):
            one = model(tmp_path / str(len(list(tmp_path.iterdir()))), held)
            other = model(tmp_path / str(len(list(tmp_path.iterdir()))), about)
            sentence = {"v": "1", "kind": KINDS[made["method"]], "model": parent["model"]} | dict(said)
            (other / "statistics.json").write_text(json.dumps(sentence))
            folders |= {parent["model"]: one, artifact: other}
            parent["statistics"] = artifact
        out = tmp_path / f"{len(list(tmp_path.iterdir()))}.safetensors"
        out.write_bytes(files(made, folders)["model.safetensors"])
        return read_file(out)["w"]

    return run


def weighed(method, *weights, **parameters):
    """A recipe of a method that takes statistics."""
    parents = [(name, {"weight": weight}) for name, weight in zip((ONE, TWO), weights, strict=False)]
    return recipe(method, *(parents or [(ONE, {})]), parameters=parameters)


def test_fisher(weigh):
    one = ({"w": tensor([4.0, 4.0, 4.0, 4.0])}, {"w": tensor([1.0, 0.0, 0.0, -5.0])})
    two = ({"w": tensor([8.0, 8.0, 8.0, 8.0])}, {"w": tensor([3.0, 2.0, 0.0, -6.0])})
    # weights by certainty 1:3, 0:2, none (the plain mean, 1:1), none again
    assert floats(weigh(weighed("fisher", "1", "1"), one, two)) == [7, 8, 6, 6]
    assert floats(weigh(weighed("fisher", "3", "1", floor="1"), one, two)) == [6, 5.6000003814697266, 5, 5]
    odd = ({"w": tensor([-0.0])}, {"w": tensor([np.nan])})
    assert weigh(weighed("fisher", "1", "0"), odd, odd).data == b"\0\0\0\x80"  # a copy


def test_statistics_are_not_rounded_to_dtype(weigh):
    about = {"w": tensor([1 + 2.0**-40], "F64")}
    parents = [({"w": tensor([value])}, about) for value in (1.0, 2.0)]
    made = weighed("fisher", "1", "2") | {"dtype": "float32", "out_dtype": "float64"}
    want = 1.0 * (1 / 3 * (1 + 2.0**-40) / ((1 / 3 + 2 / 3) * (1 + 2.0**-40))) + 2.0 * (2 / 3)
    assert floats(weigh(made, *parents)) == [pytest.approx(want, rel=1e-15)]


def test_regmean_by_hand(weigh):
    # of one column: (2·1·4 + 6·1·1) / (4 + 1), with weights of 1/2 each, and no ridge
    one = ({"w": tensor([[2.0]])}, {"w": tensor([[4.0]])})
    two = ({"w": tensor([[6.0]])}, {"w": tensor([[1.0]])})
    made = weighed("regmean", "1", "1", ridge="0")
    assert floats(weigh(made, one, two)) == [float(np.float32(2.8))]
    with pytest.raises(ValueError, match="root at 0"):
        weigh(made, ({"w": tensor([[2.0]])}, {"w": tensor([[-4.0]])}), two)
    with pytest.raises(ValueError, match="some parents only"):
        weigh(made, one, (two[0], {}))
    assert floats(weigh(made, (one[0], {}), (two[0], {}))) == [4]


@pytest.mark.parametrize("shape", [(7, 5), (1, 6), (4, 1), (0, 3)])
def test_regmean_solves_the_normal_equations(weigh, shape):
    random = np.random.Generator(np.random.PCG64(3))
    d = shape[1]
    parents, right, whole = [], np.zeros(shape), np.zeros((d, d))
    for weight in (0.25, 0.75):
        x, samples = random.normal(size=shape), random.normal(size=(d, d + 9))
        gram = samples @ samples.T
        parents.append(({"w": tensor(x, "F64")}, {"w": tensor(gram, "F64")}))
        # G + ridge on the diagonal, alpha·G beside it
        shrunk = (0.5 * gram + 0.5 * np.diag(np.diag(gram)) + 0.125 * np.eye(d)) * weight
        right, whole = right + x @ shrunk, whole + shrunk
    got = weigh(weighed("regmean", "1", "3", alpha="0.5", ridge="0.125"), *parents)
    assert got.shape == shape
    assert np.allclose(np.reshape(floats(got), shape), np.linalg.solve(whole, right.T).T, rtol=1e-11)


def test_what_stands_above_the_diagonal_is_read_below_it():
    got = scaled(np.array([[1.0, np.nan], [3.0, 2.0]]), 2.0, 0.5, 1.0)
    assert got.tolist() == [[4, 3], [3, 6]]


def test_permute(weigh):
    held = {"w": tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "BF16")}
    made = weighed("permute")
    got = weigh(made, (held, {"w.1": order(2, 0, 1), "w.0": order(1, 0)}))
    assert (got.dtype, floats(got)) == ("BF16", [6, 4, 5, 3, 1, 2])
    odd = ("F32", [2], b"\x01\0\xc0\x7f\0\0\0\x80")  # a NaN with a payload, and -0
    assert weigh(made, ({"w": odd}, {"w.0": order(1, 0)})).data == odd[2][4:] + odd[2][:4]
    for bad in ({"w.0": order(1, 1)}, {"w.2": order(0)}, {"w": order(0, 1)}, {"w.00": order(0, 1)}):
        with pytest.raises(ValueError, match="w"):
            weigh(made, (held, bad))


def test_transport_is_a_product_for_each_axis(weigh):
    random = np.random.Generator(np.random.PCG64(4))
    x, first, last = (random.normal(size=shape) for shape in ((2, 3, 4), (2, 2), (4, 4)))
    about = {"w.2": tensor(last, "F64"), "w.0": tensor(first, "F64")}
    got = weigh(weighed("transport"), ({"w": tensor(x, "F64")}, about))
    want = np.einsum("ai,ck,ijk->ajc", first, last, x)
    assert np.allclose(np.reshape(floats(got), (2, 3, 4)), want, rtol=1e-12)
    with pytest.raises(ValueError, match="shape"):
        weigh(weighed("transport"), ({"w": tensor([1.0, 2.0])}, {"w.0": tensor([[1.0]])}))


@pytest.mark.parametrize(
    "said", [{"v": 1}, {"v": "2"}, {"kind": "gram"}, {"model": TWO}, {"kind": None}], ids=str
)
def test_statistics_that_say_something_else(weigh, said):
    good = ({"w": tensor([1.0])}, {"w": tensor([1.0])})
    weigh(weighed("fisher", "1"), good, said={"note": 1.5})
    with pytest.raises(ValueError, match="the statistics'"):
        weigh(weighed("fisher", "1"), good, said=said)


@pytest.mark.parametrize(
    "about",
    [{}, {"v": tensor([1.0])}, {"w": tensor([[1.0]])}, {"w": order(1)}, {"w": tensor([np.inf])}],
    ids=str,
)
def test_statistics_that_do_not_fit(weigh, about):
    with pytest.raises(ValueError, match=r"statistics|not finite"):
        weigh(
            weighed("fisher", "1", "1"),
            ({"w": tensor([1.0])}, {"w": tensor([1.0])}),
            ({"w": tensor([2.0])}, about),
        )


def test_layer_select(tmp_path):
    names = {BASE: "base", ONE: "tuned", TWO: "aligned", THREE: "safe"}
    matrices = {"base": [[0.0, 0.0]], "aligned": [[1.0, 0.0]], "safe": [[8.0, 8.0]]}

    def run(tuned, name="l.0.w", **parameters):
        folders = {}
        for artifact, called in names.items():
            folder = tmp_path / str(len(list(tmp_path.iterdir())))
            folders[artifact] = model(folder, {name: tensor((matrices | {"tuned": tuned})[called])})
        made = recipe("layer_select", (ONE, {}), (TWO, {}), (THREE, {}), base=BASE, parameters=parameters)
        (tmp_path / "out").write_bytes(files(made, folders)["model.safetensors"])
        return floats(read_file(tmp_path / "out")[name])

    # of one row, V·Vᵀ is a number and the projection is Δ itself
    assert run([[1.0, 4.0]]) == [1, 4]
    matrices |= {"base": [[0.0], [0.0]], "aligned": [[1.0], [0.0]], "safe": [[8.0], [8.0]]}
    assert run([[3.0], [0.0]], tau="1") == [3, 0]  # along the alignment: the cosine is 1
    assert run([[1.0], [4.0]], weight="0.75") == [2.75, 5]  # across it: B = 0, so that the score is 0
    assert run([[1.0], [4.0]], name="w") == [1, 4]  # no layer
    assert run([[1.0], [0.0]], tau="1") == [1, 0]  # nothing changed
    # Δ = (3, 4) and its projection (3, 0): a cosine of 3/5
    assert run([[4.0], [4.0]], tau="0.6") == [4, 4]
    assert run([[4.0], [4.0]], tau="0.61", weight="0.5") == [6, 6]
