"""Statistics beside parents: pinned by the recipe, held to their models by the plan, and never rounded on the way."""

from pathlib import Path

import numpy as np
import pytest
from applying import planned
from filling import Model, packed, values
from making import add_all, floats, make, write_model, write_statistics
from measuring import measured
from strategies import big, on_disk, tensors

from merger.card import card
from merger.cost import cost
from merger.explain import groups
from merger.folder import describe
from merger.recipe import Recipe
from signing.errors import Malformed

ONE: Model = {"a": ("F32", (2, 2), floats([1, 2, 3, 4])), "b": ("F32", (3,), floats([5, 6, 7]))}
TWO: Model = {"a": ("F32", (2, 2), floats([2, 4, 6, 8])), "b": ("F32", (3,), floats([0, 6, -7]))}


class Measured:
    """Two models and what is said to be statistics of them."""

    def __init__(self, folder: Path, kind: str = "fisher") -> None:
        self.root, self.kind = folder, kind
        models = [write_model(folder / "one", ONE), write_model(folder / "two", TWO)]
        self.folders = add_all(models)
        self.models = list(self.folders)
        self.statistics = [self.add(measured(kind, m), i) for i, m in enumerate((ONE, TWO))]

    def add(self, tensors: Model, of: int, **said: object) -> str:
        at = self.root / f"statistics-{len(list(self.root.iterdir()))}"
        found = add_all([write_statistics(at, self.kind, self.models[of], tensors, **said)])
        self.folders |= found
        return next(iter(found))

    def recipe(self, *statistics: str | None, **members: object) -> Recipe:
        named = statistics or tuple(self.statistics)
        parents = [
            {"model": model, "parameters": {"weight": "1"}} | ({"statistics": one} if one else {})
            for model, one in zip(self.models, named, strict=True)
        ]
        said = {"arithmetic": "1", "method": self.kind, "parents": parents, "parameters": {"floor": "0"}}
        return Recipe.of(said | members)

    def refused(self, *statistics: str | None, **members: object) -> str:
        with pytest.raises(Malformed) as caught:
            planned(self.recipe(*statistics, **members), self.folders)
        return str(caught.value)


@pytest.fixture
def made(tmp_path: Path) -> Measured:
    return Measured(tmp_path)


def test_statistics_are_named_by_the_recipe_its_card_and_its_plan(made: Measured) -> None:
    recipe = made.recipe()
    assert recipe.artifacts() == (
        made.models[0],
        made.statistics[0],
        made.models[1],
        made.statistics[1],
    )
    assert f"| statistics of parent 2 | `{made.statistics[1]}` | |" in card(recipe).decode()
    plan = planned(recipe, made.folders)
    (one, _) = groups(plan)
    assert [(i.role, i.model) for i in one.inputs[2:]] == [
        ("statistics of parent 1", made.statistics[0]),
        ("statistics of parent 2", made.statistics[1]),
    ]
    manifests = {artifact: describe(folder).manifest for artifact, folder in made.folders.items()}
    assert cost(plan, manifests).reads[0] == sum(t.size for m in manifests.values() for t in m.tensors)


def test_other_statistics_make_another_recipe(made: Measured) -> None:
    other = made.add(measured("fisher", ONE), 0, samples="9")
    assert made.recipe(other, made.statistics[1]).digest != made.recipe().digest


def test_a_recipe_says_whether_there_are_statistics_as_its_method_does(made: Measured) -> None:
    assert "parents.1: fisher needs statistics of kind fisher of sha256:" in made.refused(
        made.statistics[0], None
    )
    linear = {"method": "linear", "parameters": {"normalize": True}}
    assert "parents.0: linear takes no statistics, and sha256:" in made.refused(**linear)
    both = made.recipe().json_value()
    both["parents"][0] |= {"adapter": made.statistics[0], "scale": "1"}
    with pytest.raises(Malformed, match=r"parents\.0: fisher needs statistics of the model that is merged"):
        Recipe.of(both)
    assert "is named as a model and as statistics; it is one of them" in made.refused(
        made.models[1], made.statistics[1]
    )


def test_statistics_that_are_of_something_else_are_refused_by_name(made: Measured) -> None:
    first, second = made.statistics
    for said, words in (
        ({"kind": "gram"}, ": kind is 'gram', and 'fisher' is merged with it"),
        ({"v": "2"}, ": v is '2', and '1' is merged with it"),
        ({"v": 1}, ": v is 1, and '1' is merged with it"),
        ({"kind": None}, ": kind is None, and 'fisher' is merged with it"),
    ):
        assert words in made.refused(made.add(measured("fisher", ONE), 0, **said), second)
    assert f": model is '{made.models[0]}', and '{made.models[1]}' is merged with it" in made.refused(
        first, first
    )


def test_statistics_that_do_not_fit_the_model_are_refused_by_name(made: Measured) -> None:
    right = measured("fisher", ONE)
    for odd, words in (
        ({"a": right["a"]}, "b: the statistics sha256:"),
        (right | {"c": right["b"]}, "c: sha256:"),
        (right | {"b": packed([1, 2], "F32")}, "are (2,), and (3,) are of a tensor of (3,)"),
        (right | {"b": ("I32", (3,), bytes(12))}, " holds I32; statistics are floats, of floats"),
    ):
        assert words in made.refused(made.add(odd, 0), made.statistics[1])


def test_an_artifact_without_statistics_json_is_none(made: Measured) -> None:
    stranger = write_model(made.root / "stranger", measured("fisher", ONE))
    (artifact,) = add_all([stranger])
    made.folders[artifact] = stranger
    assert "has no statistics.json, and it is named as statistics" in made.refused(
        artifact, made.statistics[1]
    )


def test_statistics_are_not_rounded_to_the_recipes_dtype(made: Measured) -> None:
    # As fp16 the first would be 0 and the second infinite.
    named = [
        made.add({n: packed(np.full(t[1], f), "F32") for n, t in ONE.items()}, i)
        for i, f in enumerate((2.0**-60, 2.0**-61))
    ]
    files = make(made.recipe(*named, dtype="float16", out_dtype="float32"), made.folders).files
    found = values(tensors(files)["b"])
    assert found == pytest.approx((2 * np.array([5, 6, 7]) + np.array([0, 6, -7])) / 3, rel=1e-6)


def test_fp64_statistics_are_computed_with_in_fp64(made: Measured) -> None:
    named = [
        made.add({n: packed(np.full(t[1], f), "F64") for n, t in ONE.items()}, i)
        for i, f in enumerate((1.0, 1 + 2.0**-40))
    ]
    plan = planned(made.recipe(*named), made.folders)
    assert [step.wide for step in plan.steps] == ["F64", "F64"]
    found = values(tensors(make(made.recipe(*named, out_dtype="float64"), made.folders).files)["b"])
    assert (found != np.array([2.5, 6, 0])).tolist() == [True, False, True]


def test_slices_take_statistics_by_the_names_the_parents_own_tensors_have() -> None:
    shapes = {"embed": (3,), "layers.0.w": (5,), "layers.1.w": (5,)}
    case = big("fisher", shapes, ("F32", "F32", "F32"))
    sliced = case.but(
        slices=[
            {"count": "1", "sources": [{"parent": "0", "first": "1"}, {"parent": "1", "first": "0"}]},
            {"count": "1", "sources": [{"parent": "1", "first": "1"}, {"parent": "0", "first": "0"}]},
        ]
    )
    with on_disk() as disk:
        plan = planned(Recipe.of(disk.recipe(sliced)), disk.folders)
    taken = {step.name: [one.tensor for one in step.statistics] for step in plan.steps}
    assert taken == {
        "embed": ["embed", "embed"],
        "layers.0.w": ["layers.1.w", "layers.0.w"],
        "layers.1.w": ["layers.1.w", "layers.0.w"],
    }
