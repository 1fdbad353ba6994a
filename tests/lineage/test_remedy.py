"""Remedy: which recipe each affected artifact gets, in which order, and what has none, decided from values alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.remedy import Elsewhere, Executed, Instead, corrected, exchanged, plan
from merger.recipe import Recipe
from signing.errors import Refused

ELSEWHERE = Elsewhere("it was made elsewhere (finetune), and no recipe of it is logged")


def artifact(name: str) -> str:
    return f"sha256:{name.encode().hex():0>64}"


def recipe(
    method: str,
    parents: Sequence[str | Mapping[str, Any]],
    own: Mapping[str, Any] | None = None,
    **members: Any,
) -> Recipe:
    """Write a recipe in short: parents by name or with members, artifacts by name everywhere."""
    listed = [
        {"parameters": dict(own or {})} | ({"model": one} if isinstance(one, str) else dict(one))
        for one in parents
    ]
    for one in listed:
        one |= {word: artifact(one[word]) for word in ("model", "adapter", "statistics") if word in one}
    said = {"arithmetic": "1", "method": method, "parents": listed} | members
    said |= {word: artifact(members[word]) for word in ("base", "tokenizer") if word in members}
    return Recipe.of(said)


def linear(*parents: str | Mapping[str, Any], **members: Any) -> Recipe:
    return recipe("linear", parents, {"weight": "1"}, **{"parameters": {"normalize": True}} | members)


def models(found: Recipe) -> list[str]:
    return [bytes.fromhex(one.model.removeprefix("sha256:")).strip(b"\0").decode() for one in found.parents]


def mended(
    found: Recipe, *, by_rows: bool = False, again: Sequence[str] = (), **instead: str | None
) -> Recipe:
    exchange = {artifact(old): None if new is None else artifact(new) for old, new in instead.items()}
    return corrected(Executed(found, by_rows), exchange, [artifact(one) for one in again])


def test_what_is_dropped_is_left_out_and_the_rest_stays_as_it_was() -> None:
    before = linear("a", {"model": "b", "parameters": {"weight": "0.3"}}, "c", dtype="float32", license="mit")

    after = mended(before, a=None)

    assert models(after) == ["b", "c"]
    assert after.parents == before.parents[1:]
    assert (after.dtype, after.license, after.parameters) == ("float32", "mit", {"normalize": True})


def test_what_is_replaced_is_exchanged_wherever_it_stands_and_the_license_is_open_again() -> None:
    before = recipe(
        "task_arithmetic", ["a", "b"], {"weight": "1"},
        base="a", tokenizer="a", parameters={"lambda": "1", "normalize": False}, license="mit",
    )  # fmt: skip

    after = mended(before, a="n")

    assert models(after) == ["n", "b"]
    assert (after.base, after.tokenizer, after.license) == (artifact("n"), artifact("n"), None)


def test_an_adapter_that_is_dropped_leaves_its_model() -> None:
    before = linear({"model": "a", "adapter": "x", "scale": "1"}, "b")

    assert mended(before, x=None) == linear("a", "b")


def test_slices_lose_the_parent_and_the_others_move_up() -> None:
    def cut(*groups: Sequence[str]) -> list[dict[str, Any]]:
        return [
            {"count": "2", "sources": [{"parent": place, "first": "0"} for place in group]}
            for group in groups
        ]

    before = linear("a", "b", "c", slices=cut("01", "2", "012"))

    assert mended(before, a=None) == linear("b", "c", slices=cut("0", "1", "01"))
    with pytest.raises(Refused, match="slice 1 is made of nothing but what is dropped"):
        mended(before, c=None)


def test_a_plain_sum_that_was_an_average_is_one_still() -> None:
    plain = {"normalize": False}
    half = {"model": "b", "parameters": {"weight": "0.5"}}
    average = linear({"model": "a", "parameters": {"weight": "0.5"}}, half, parameters=plain)
    scaled = linear("a", "b", parameters=plain)
    by_tensor = [{"contains": "mlp", "value": "0.5"}, {"value": "0.5"}]
    ruled = linear({"model": "a", "parameters": {"weight": by_tensor}}, half, parameters=plain)

    assert mended(average, a=None) == linear(half, parameters={"normalize": True})
    # What is exchanged one for one changes no sum.
    assert mended(scaled, a="n").parameters == plain
    for one in (scaled, ruled):
        with pytest.raises(Refused, match=f"without {artifact('a')} its scale would be another"):
            mended(one, a=None)


def test_with_a_base_a_sum_of_deltas_only_loses_one() -> None:
    before = recipe(
        "task_arithmetic",
        ["a", "b"],
        {"weight": "1"},
        base="o",
        parameters={"lambda": "1", "normalize": False},
    )

    assert mended(before, a=None).parameters == {"lambda": "1", "normalize": False}


SLERP = recipe("slerp", ["a", "b"], parameters={"t": "0.5"})
BASED = recipe(
    "task_arithmetic", ["a"], {"weight": "1"}, base="o", parameters={"lambda": "1", "normalize": False}
)
FISHER = recipe(
    "fisher",
    [{"model": "a", "statistics": "x"}, {"model": "b", "statistics": "y"}],
    {"weight": "1"},
    parameters={"floor": "0"},
)
MAPPED = linear("a", "b", "c", tokenizer="t")


@pytest.mark.parametrize(
    ("found", "instead", "by_rows", "again", "sentence"),
    [
        (linear("a"), {"a": None}, False, "", "linear is left without a parent"),
        (SLERP, {"a": None}, False, "", "slerp merges exactly 2 parents, not 1"),
        (BASED, {"o": None}, False, "", f"task_arithmetic cannot do without its base {artifact('o')}: replace that"),
        (MAPPED, {"t": None}, False, "", f"linear cannot do without its tokenizer {artifact('t')}"),
        (MAPPED, {"a": None}, True, "", f"its row map {artifact('t')} is for {artifact('a')}, which is another now"),
        (MAPPED, {"a": "n"}, True, "", "is another now: replace both"),
        (MAPPED, {}, True, "a", "is another now: replace both"),
        (FISHER, {"x": None}, False, "", f"fisher cannot do without statistics of {artifact('a')}"),
        (FISHER, {"a": "n"}, False, "", f"its statistics {artifact('x')} are of {artifact('a')}, which is another now"),
        (FISHER, {}, False, "a", "which is another now: replace both"),
    ],
)  # fmt: skip
def test_what_a_merge_cannot_do_without_is_not_dropped(
    found: Recipe, instead: dict[str, str | None], by_rows: bool, again: str, sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        mended(found, by_rows=by_rows, again=again, **instead)


def test_what_goes_with_a_parent_goes_or_is_replaced_with_it() -> None:
    assert mended(FISHER, a=None, x=None).artifacts() == (artifact("b"), artifact("y"))
    assert mended(FISHER, a="n", x="m").artifacts()[:2] == (artifact("n"), artifact("m"))
    assert mended(MAPPED, by_rows=True, a="n", t="u").tokenizer == artifact("u")
    assert models(mended(MAPPED, a=None)) == ["b", "c"]


def planned(
    made: Mapping[str, Recipe | Elsewhere],
    instead: Mapping[str, str | None],
    absent: Mapping[str, str] | None = None,
):
    told = {
        artifact(name): how if isinstance(how, Elsewhere) else Executed(how, by_rows=False)
        for name, how in made.items()
    }
    exchange: Instead = {artifact(old): new and artifact(new) for old, new in instead.items()}
    found = plan(told, exchange, {artifact(one): why for one, why in (absent or {}).items()})
    named = {artifact(name): name for name in [*made, *instead]}
    return (
        {named[one.artifact]: one for one in found.rebuilds},
        {named[one.artifact]: one.why for one in found.stuck},
    )


def test_levels_follow_what_is_made_of_what() -> None:
    rebuilds, stuck = planned(
        {"z": linear("x", "bad"), "y": linear("z", "x"), "x": linear("bad", "c"), "w": linear("bad", "d")},
        {"bad": None},
    )

    assert stuck == {}
    assert {name: one.level for name, one in rebuilds.items()} == {"w": 0, "x": 0, "z": 1, "y": 2}
    assert rebuilds["y"].awaits == (artifact("z"), artifact("x"))
    assert rebuilds["z"].awaits == (artifact("x"),)
    assert (rebuilds["z"].dropped, rebuilds["y"].dropped) == ((artifact("bad"),), ())
    # Until it is made, what it is made of is named by what it was.
    assert models(rebuilds["y"].recipe) == ["z", "x"]
    assert models(exchanged(rebuilds["y"].recipe, {artifact("x"): artifact("q")})) == ["z", "q"]


def test_what_was_made_elsewhere_stops_what_was_made_of_it_until_it_is_replaced_or_dropped() -> None:
    made = {"tuned": ELSEWHERE, "m": linear("tuned", "c"), "n": linear("m", "d")}

    rebuilds, stuck = planned(made, {"bad": None})
    assert rebuilds == {}
    assert stuck["tuned"] == ELSEWHERE.why
    assert stuck["m"] == f"it is made of {artifact('tuned')}, which is not made again: replace or drop that"
    assert stuck["n"] == f"it is made of {artifact('m')}, which is not made again: replace or drop that"

    rebuilds, stuck = planned(made, {"bad": None, "tuned": "again"})
    assert (list(rebuilds), stuck) == (["m", "n"], {})
    assert rebuilds["m"].replaced == ((artifact("tuned"), artifact("again")),)

    rebuilds, stuck = planned(made, {"bad": None, "tuned": None})
    assert [models(one.recipe) for one in rebuilds.values()] == [["c"], ["m", "d"]]


def test_weights_that_are_not_here_stop_it_unless_they_go_or_are_made_again() -> None:
    made = {"x": linear("bad", "c"), "y": linear("x", "bad")}

    rebuilds, stuck = planned(made, {"bad": None}, {"c": "the files of c are not here"})
    assert (rebuilds, stuck["x"]) == ({}, "the files of c are not here")

    rebuilds, stuck = planned(made, {"bad": None}, {"bad": "gone", "x": "gone"})
    assert (list(rebuilds), stuck) == (["x", "y"], {})


def test_what_is_affected_by_another_statement_than_its_recipe_is_not_made_again_the_same() -> None:
    _, stuck = planned({"x": linear("c", "d")}, {"bad": None})

    assert stuck["x"].startswith("its recipe names nothing that is affected")


@st.composite
def lineages(draw):
    names = "abcdefgh"
    made: dict[str, Recipe | Elsewhere] = {}
    for place, name in enumerate(names):
        parents = draw(st.lists(st.sampled_from(("bad", "clean", *names[:place])), min_size=1, max_size=3))
        made[name] = draw(st.sampled_from([linear(*parents), linear(*parents), ELSEWHERE]))
    return made


@given(lineages(), st.sampled_from([None, "new"]), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_law_every_one_is_planned_once_after_all_it_awaits_and_names_nothing_bad(made, new, random) -> None:
    names = list(made)
    random.shuffle(names)

    rebuilds, stuck = planned({name: made[name] for name in names}, {"bad": new})

    assert (rebuilds.keys() | stuck.keys(), rebuilds.keys() & stuck.keys()) == (made.keys(), set())
    assert (rebuilds, stuck) == planned(made, {"bad": new})
    for one in rebuilds.values():
        assert artifact("bad") not in one.recipe.artifacts()
        below = {other.artifact for other in rebuilds.values() if other.level < one.level}
        assert (
            {name for name in one.recipe.artifacts() if name in map(artifact, made)}
            == set(one.awaits)
            <= below
        )
        assert one.level == 0 or any(
            other.artifact in one.awaits and other.level == one.level - 1 for other in rebuilds.values()
        )
