"""Methods that weigh by statistics, on examples worked by hand from their papers."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from applying import planned
from filling import Model, packed, values
from making import add_all, write_model, write_statistics
from strategies import big, on_disk, tensors

from merger.cost import cost
from merger.explain import groups
from merger.folder import describe
from merger.kernels.blocks import NumpyKernels
from merger.kernels.compiled import CompiledKernels
from merger.methods import METHODS
from merger.recipe import Recipe
from merger.steps import Compute
from signing.errors import Malformed, Refused

SHARED = {"fisher": {"floor": "0"}, "regmean": {"alpha": "1", "ridge": "0"}}


class Weighed:
    """Models with their statistics on a disk, merged by a method."""

    def __init__(
        self, method: str, folder, models: Sequence[Model], known: Sequence[Model], weights: Sequence[str]
    ) -> None:
        self.folders, parents = {}, []
        for i, (model, statistics) in enumerate(zip(models, known, strict=True)):
            (one,) = add_all([at := write_model(folder / f"model-{i}", model)])
            kind = METHODS[method].statistics.kind
            written = write_statistics(folder / f"statistics-{i}", kind, one, statistics)
            (other,) = add_all([written])
            self.folders |= {one: at, other: written}
            parents.append({"model": one, "statistics": other, "parameters": {"weight": weights[i]}})
        self.said = {
            "arithmetic": "1",
            "method": method,
            "parents": parents,
            "parameters": SHARED[method],
            "out_dtype": "float64",
        }

    def recipe(self, **members) -> Recipe:
        parameters = members.pop("parameters", {})
        return Recipe.of(self.said | members | {"parameters": self.said["parameters"] | parameters})

    def merged(self, name="w", **members) -> list:
        from making import make

        return values(tensors(make(self.recipe(**members), self.folders).files)[name]).tolist()


@pytest.fixture
def weighed(tmp_path):
    def build(method, parents, statistics, weights=("1", "1")) -> Weighed:
        models = [{"w": packed(x, "F32")} for x in parents]
        known = [{"w": packed(f, "F32")} for f in statistics]
        return Weighed(method, tmp_path, models, known, weights)

    return build


def test_fisher_is_the_mean_weighed_by_fisher_information(weighed) -> None:
    # (1·3·4 + 1·1·8) / (3 + 1) = 5; where one says 0 the other is taken; where both do, their mean.
    one = weighed("fisher", ([4, 2, 10, 1], [8, 6, 20, 3]), ([3, 0, 0, 0.5], [1, 2, 0, 0.5]))
    assert one.merged() == [5, 6, 15, 2]


def test_fisher_counts_weights_too(weighed) -> None:
    # Shares 1/4 and 3/4: (1·2·4 + 3·2·8) / (2 + 6) = 7, and 10/4 + 3·20/4 = 17.5 without information.
    one = weighed("fisher", ([4, 10], [8, 20]), ([2, 0], [2, 0]), ("0.5", "1.5"))
    assert one.merged() == [7, 17.5]


def test_no_information_is_below_the_floor(weighed) -> None:
    one = weighed("fisher", ([4, 4, 4], [8, 8, 8]), ([0, -5, 3], [0, 1, 0.5]))
    # Floored to 1: equal; equal; 3 to 1.
    assert one.merged(parameters={"floor": "1"}) == [6, 6, 5]


def test_information_too_small_to_multiply_still_counts(weighed) -> None:
    one = weighed("fisher", ([4, 1], [8, 5]), ([3 * 2.0**-147, 2.0**-140], [2.0**-147, 3 * 2.0**-140]))
    assert one.merged() == [5, 4]


def test_fisher_that_is_nan_is_refused_and_counts_as_the_floor_where_allowed(weighed) -> None:
    one = weighed("fisher", ([4, 4], [8, 8]), ([np.nan, 1], [1, 1]))
    with pytest.raises(Malformed, match=r"^w of sha256:.*element 0 is NaN or infinite"):
        one.merged()
    assert one.merged(allow_nonfinite=True) == [8, 6]


def test_regmean_solves_the_example_that_was_worked_by_hand(weighed) -> None:
    # G1 = [[2, 1], [1, 2]], G2 = I, w1 = (1, 0), w2 = (0, 1): (G1 + G2) w = G1 w1 + G2 w2 = (2, 1) + (0, 1) = (2, 2), so
    # [[3, 1], [1, 3]] w = (2, 2) and w = (1/2, 1/2).
    one = weighed("regmean", ([[1, 0]], [[0, 1]]), ([[2, 1], [1, 2]], [[1, 0], [0, 1]]))
    assert one.merged() == pytest.approx([0.5, 0.5], rel=1e-7)


def test_alpha_scales_what_lies_off_the_diagonal(weighed) -> None:
    # With alpha 0 only diagonals count, input by input: (2·1 + 1·0) / 3 and (2·0 + 1·1) / 3.
    one = weighed("regmean", ([[1, 0]], [[0, 1]]), ([[2, 1], [1, 2]], [[1, 0], [0, 1]]))
    assert one.merged(parameters={"alpha": "0"}) == pytest.approx([2 / 3, 1 / 3], rel=1e-7)


def test_inputs_that_nobody_saw_are_averaged_by_the_ridge(weighed) -> None:
    one = weighed("regmean", ([[1, 4]], [[3, 8]]), ([[1, 0], [0, 0]], [[1, 0], [0, 0]]))
    with pytest.raises(
        Malformed, match=r"^w: its Gram matrices are not positive definite, pivot 1 is 0\.0; a larger"
    ):
        one.merged()
    assert one.merged(parameters={"ridge": "0.5"}) == pytest.approx([2, 6], rel=1e-7)


def test_regmean_is_the_least_squares_solution(weighed) -> None:
    random = np.random.Generator(np.random.PCG64(5))
    x, w = random.normal(size=(2, 90, 40)), random.normal(size=(2, 7, 40)).astype(np.float32)
    one = weighed("regmean", w, [a.T @ a for a in x], ("0.25", "0.75"))
    sides = np.concatenate([np.sqrt(c) * a @ b.T for c, a, b in zip((0.25, 0.75), x, w, strict=True)])
    inputs = np.concatenate([np.sqrt(c) * a for c, a in zip((0.25, 0.75), x, strict=True)])
    want = np.linalg.lstsq(inputs, sides, rcond=None)[0].T
    assert one.merged() == pytest.approx(want.reshape(-1).tolist(), rel=1e-4, abs=1e-5)


def test_what_has_no_gram_matrix_is_averaged_and_the_plan_says_so(tmp_path) -> None:
    models: list[Model] = [{"w": packed([[x, 0]], "F32"), "b": packed([x, 1], "F32")} for x in (1, 3)]
    known: list[Model] = [{"w": packed(np.eye(2), "F32")}] * 2
    one = Weighed("regmean", tmp_path, models, known, ("1", "3"))
    assert one.merged("b") == [2.5, 1]
    plan = planned(one.recipe(), one.folders)
    assert [(g.tensors, g.operation, len(g.inputs)) for g in groups(plan)] == [
        ("b", "regmean without statistics", 2),
        ("w", "regmean", 4),
    ]
    manifests = {artifact: describe(folder).manifest for artifact, folder in one.folders.items()}
    # Arrays of 2 + 2 + 4 + 4 and 2 elements in fp32, two 2 x 2 and three 1 x 2 in fp64, and three fp64 results of 2.
    solving = replace(plan, steps=plan.steps[1:])
    assert cost(solving, manifests, threads=1).memory == 14 * 4 + 14 * 8 + 3 * 2 * 8


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({}, r"^w: the statistics sha256:.* do not hold w, and those of another parent do"),
        (
            {"b": packed(np.eye(2), "F32")},
            r"^b: .* of weights \(outputs, inputs\) with 1 to 8192 inputs, not \(2,\)",
        ),
        ({"wide": packed([[1]], "F32")}, r"^wide: .* with 1 to 8192 inputs, not \(1, 8193\)"),
        (
            {"w": packed(np.eye(3), "F32")},
            r"^w: the statistics sha256:.* are \(3, 3\), and \(2, 2\) are of a tensor of \(1, 2\)",
        ),
    ],
)
def test_gram_matrices_that_do_not_fit_are_refused_by_name(tmp_path, second: Model, words: str) -> None:
    model = {"w": packed([[1, 0]], "F32"), "b": packed([1, 1], "F32"), "wide": packed([[0.0] * 8193], "F32")}
    other = model | {"b": packed([2, 1], "F32")}
    one = Weighed("regmean", tmp_path, [model, other], [{"w": packed(np.eye(2), "F32")}, second], ("1", "1"))
    with pytest.raises(Malformed, match=words):
        planned(one.recipe(), one.folders)


@pytest.mark.parametrize("method", sorted(SHARED))
def test_a_parent_that_remains_alone_is_copied(weighed, method: str) -> None:
    one = weighed(
        method, ([[-0.0, 3]], [[5, 4]]), (np.eye(2)[: 1 if method == "fisher" else 2],) * 2, ("2", "0")
    )
    assert str(one.merged(out_dtype="float32")) == "[-0.0, 3.0]"


def test_a_whole_tensor_is_the_same_on_every_backend_and_with_any_threads() -> None:
    device = pytest.importorskip("merger.kernels.device")
    shapes = {"model.layers.0.w": (600, 200), "model.layers.1.w": (5, 200), "norm": (70001,)}
    case = big("regmean", shapes, ("BF16", "F32", "BF16"), out_dtype="bfloat16", shard_bytes="300000")
    with on_disk() as disk:
        plan = planned(Recipe.of(disk.recipe(case)), disk.folders)
        assert [step.whole for step in plan.steps if isinstance(step, Compute)] == [True, True, False]
        want = disk.outcome(case, threads=1)
        assert want != "refused"
        for threads, factor, kernels in (
            (2, 2, NumpyKernels),
            (4, 1, device.TorchKernels),
            (2, 1, CompiledKernels),
        ):
            assert disk.outcome(case, threads=threads, factor=factor, kernels=kernels) == want


def test_an_input_of_a_whole_tensor_that_is_not_finite_is_refused_by_its_place(weighed) -> None:
    one = weighed("regmean", ([[1, 0]], [[0, np.inf]]), (np.eye(2), np.eye(2)))
    with pytest.raises(Refused, match=r"^w of sha256:.*: element 1 is NaN or infinite"):
        one.merged()
