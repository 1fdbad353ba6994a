"""Influence as the log has it: by signed weights, and by what merges counted of their parents."""

import math

import pytest
from fastapi.testclient import TestClient
from making import floats, write_model
from world import World

from registry.app import create
from registry.triage import InfluenceOut
from registry.work import influence as work
from registry.work.add import Declared, add
from registry.work.influence import influence
from registry.work.logged import find
from registry.work.make import make
from registry.work.prepared import prepare


def ranked(world: World, source: str) -> dict[str, tuple]:
    found = influence(world.home, source)
    return {
        one.artifact: (
            (one.analytic.low, one.analytic.high),
            one.measured and (one.measured.low, one.measured.high),
        )
        for one in found.descendants
    }


def merged(world: World, lines: str, name: str) -> str:
    return make(world.home, prepare(world.home, lines.encode()), world.folder / name).result.artifact


def written(world: World, name: str, weights: dict[str, list[float]]) -> str:
    tensors = {tensor: ("F32", (len(values),), floats(values)) for tensor, values in weights.items()}
    return add(world.home, write_model(world.folder / name, tensors), Declared()).description.artifact


def test_weights_along_the_way_are_multiplied_and_the_measured_share_stands_beside(world: World) -> None:
    one = written(world, "one", {"layers.0.weight": [3.0] * 4})
    two = written(world, "two", {"layers.0.weight": [4.0] * 4})
    models = f"models:\n  - {{model: {one}, parameters: {{weight: 0.75}}}}\n  - {{model: {two}, parameters: {{weight: 0.25}}}}\n"
    both = merged(world, f"merge_method: linear\ndtype: float32\n{models}", "both")
    third = f"models:\n  - {{model: {both}, parameters: {{weight: 1}}}}\n  - {{model: {two}, parameters: {{weight: 1}}}}\n"
    last = merged(world, f"merge_method: linear\ndtype: float32\n{third}", "last")
    tuned = world.model(last)

    found = ranked(world, one)

    # (0.75 · 3)² beside (0.25 · 4)²
    share = 2.25**2 / (2.25**2 + 1)
    assert list(found) == [both, last, tuned]
    assert found[both] == ((0.75, 0.75), pytest.approx((share, share)))
    halves = (0.5 * 3.25) ** 2 / ((0.5 * 3.25) ** 2 + 4)
    assert found[last] == ((0.375, 0.375), pytest.approx((share * halves, share * halves)))
    # What training left of it nobody wrote down.
    assert found[tuned] == ((0, 0.375), (0, pytest.approx(share * halves)))
    world.check()


def test_measured_counts_what_a_mask_kept_and_how_it_was_scaled(world: World) -> None:
    base = written(world, "base", {"layers.0.weight": [0.0] * 64})
    one = written(world, "one", {"layers.0.weight": [1.0] * 64})
    two = written(world, "two", {"layers.0.weight": [-1.0] * 64})
    models = "".join(
        f"  - {{model: {model}, parameters: {{weight: 0.5, density: {density}}}}}\n"
        for model, density in ((one, 0.25), (two, 1))
    )
    child = merged(
        world,
        f"merge_method: dare_linear\nbase_model: {base}\nmodels:\n{models}dtype: float32\nseed: 7\n",
        "child",
    )

    analytic, measured = ranked(world, one)[child]

    assert analytic == (0.5, 0.5)
    # A quarter of the elements, each four times as large: four times the energy of one that is whole, but for chance.
    assert 0.6 < measured[0] <= measured[1] < 0.9
    assert ranked(world, base)[child] == ((0, 1), (0, 1))


def test_what_was_taken_whole_may_be_anybody_s(world: World) -> None:
    """A tensor that only the first parent has stands in no account of shares."""
    same = [1.0] * 4
    base = written(world, "base", {"layers.0.weight": [0.0] * 4, "norm": same})
    one, two = (
        written(world, name, {"layers.0.weight": [value] * 4, "norm": same})
        for name, value in (("one", 1.0), ("two", 2.0))
    )
    models = f"models:\n  - {{model: {one}, parameters: {{weight: 1}}}}\n  - {{model: {two}, parameters: {{weight: 1}}}}\n"
    child = merged(
        world, f"merge_method: task_arithmetic\nbase_model: {base}\n{models}dtype: float32\n", "child"
    )

    _, measured = ranked(world, two)[child]

    # Four of eight elements are merged, four fifths of the energy there is this one's; the rest was copied.
    assert measured == pytest.approx((0.4, 0.9))


def test_a_merge_whose_account_is_not_here_is_named_and_its_weights_stand_alone(world: World) -> None:
    one, two = world.model(), world.model()
    child = world.merge("linear", one, two)
    account = find(world.home, child).account
    world.home.blobs.path(account).unlink()

    found = influence(world.home, one)

    (told,) = found.descendants
    assert (told.analytic.low, told.analytic.high, told.measured) == (0.5, 0.5, None)
    (missing,) = found.uncounted
    assert missing.artifact == child
    assert f"the account sha256:{account} of {child} is not stored here" in missing.why


def test_an_account_with_an_infinite_energy_measures_nothing() -> None:
    assert not work._finite({"energy": math.inf})
    assert not work._finite({"kept": 4})
    assert work._finite({"energy": 0.5})


def test_a_copy_has_all_of_it_and_a_student_no_weights(world: World) -> None:
    teacher = world.model()
    student = world.model(teacher, relation="distill")
    quantized = world.model(teacher, relation="quantize")

    found = ranked(world, teacher)

    assert found == {quantized: ((1, 1), None), student: ((0, 0), None)}


def test_a_list_that_is_cut_bounds_nothing_from_above(world: World) -> None:
    base = world.model()
    first = world.model(base, relation="quantize")
    world.model(first, relation="quantize")

    found = influence(world.home, base, most=2)

    assert not found.complete
    assert [(one.artifact, one.analytic.low, one.analytic.high) for one in found.descendants] == [
        (first, 1, 1)
    ]


def test_over_http_it_is_what_the_home_answers(world: World) -> None:
    one, two = world.model(name="kennel/one"), world.model()
    world.merge("linear", one, two)

    with TestClient(create(world.home)) as api:
        answer = api.get(f"/artifacts/{one}/influence")

    assert InfluenceOut.model_validate(answer.json()) == influence(world.home, one)
    assert answer.json()["clears"] == "nothing"
