"""Influence: against networkx's own enumeration of paths on small graphs, by laws, and on graphs that nobody could enumerate."""

import math
from fractions import Fraction
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.around import Edge
from lineage.facts import WEIGHTLESS, Evidence
from lineage.influence import (
    ALL,
    ANY,
    NONE,
    Interval,
    agreed,
    by_recipe,
    by_word,
    influences,
    placed,
    weighed,
)
from merger.recipe import Recipe
from signing.errors import Refused

NODES = "abcdefgh"
HALF = Interval(Fraction(1, 2), Fraction(1, 2))


def artifact(name: str) -> str:
    return f"sha256:{name.encode().hex():0>64}"


def exactly(value) -> Interval:
    return Interval(Fraction(value), Fraction(value))


@st.composite
def graphs(draw, nodes=NODES):
    """Children with shares of parents that come before them, in eighths of which there are at most eight."""
    made = {}
    for place, child in enumerate(nodes):
        left, shares = 8, {}
        for parent in draw(st.lists(st.sampled_from(nodes[:place] or "-"), max_size=3, unique=True)):
            eighths = draw(st.integers(0, left))
            left -= eighths
            shares[parent] = Fraction(eighths, 8)
        made[child] = {parent: share for parent, share in shares.items() if parent != "-"}
    return made


def oracle(made, source, descendant):
    graph = nx.DiGraph([(parent, child) for child, shares in made.items() for parent in shares])
    graph.add_nodes_from(made)
    paths = nx.all_simple_paths(graph, source, descendant)
    return sum(
        math.prod((made[child][parent] for parent, child in pairwise(path)), start=Fraction(1))
        for path in paths
    )


def points(made):
    return {child: {parent: exactly(share) for parent, share in some.items()} for child, some in made.items()}


@given(graphs(), st.sampled_from(NODES))
@settings(max_examples=200, deadline=None)
def test_influence_is_the_sum_over_all_paths_of_the_products(made, source) -> None:
    found = influences(source, points(made))

    graph = nx.DiGraph([(parent, child) for child, shares in made.items() for parent in shares])
    below = nx.descendants(graph, source) if source in graph else set()
    assert found.keys() == below
    for descendant, bounds in found.items():
        assert bounds == exactly(oracle(made, source, descendant))


@given(graphs(), st.sampled_from(NODES), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_law_order_changes_nothing(made, source, random) -> None:
    children = list(points(made).items())
    random.shuffle(children)
    shuffled = {}
    for child, shares in children:
        parents = list(shares.items())
        random.shuffle(parents)
        shuffled[child] = dict(parents)

    assert influences(source, shuffled) == influences(source, points(made))


@given(graphs(), st.sampled_from(NODES), st.data())
@settings(max_examples=100, deadline=None)
def test_law_bounds_hold_whatever_the_shares_are_within_theirs(made, source, data) -> None:
    wide = {
        child: {
            parent: Interval(
                share * data.draw(st.sampled_from([0, Fraction(1, 2), 1])),
                share + (1 - share) * data.draw(st.sampled_from([0, Fraction(1, 2), 1])),
            )
            for parent, share in shares.items()
        }
        for child, shares in made.items()
    }

    within, around = influences(source, points(made)), influences(source, wide)

    assert within.keys() == around.keys()
    for one, exact in within.items():
        assert 0 <= around[one].low <= exact.low <= exact.high <= around[one].high <= 1


@given(graphs(), st.sampled_from(NODES), st.sampled_from(NODES), st.data())
@settings(max_examples=100, deadline=None)
def test_law_a_larger_share_never_makes_less_influence(made, source, child, data) -> None:
    if not made[child]:
        return
    parent = data.draw(st.sampled_from(sorted(made[child])))
    more = {one: dict(shares) for one, shares in made.items()}
    more[child][parent] += 1 - sum(made[child].values())

    before, after = influences(source, points(made)), influences(source, points(more))

    assert all(before[one].low <= after[one].low and before[one].high <= after[one].high for one in before)


def linear(weights, **members) -> Recipe:
    parents = [{"model": artifact(name), "parameters": {"weight": weight}} for name, weight in weights]
    said = {"arithmetic": "1", "method": "linear", "parents": parents, "parameters": {"normalize": True}}
    return Recipe.of(said | members)


@st.composite
def averages(draw):
    """Recipes of weighted averages, each of parents before it; what has no recipe is a root."""
    recipes = {}
    for place, child in enumerate(NODES[2:], 2):
        parents = draw(st.lists(st.sampled_from(NODES[:place]), max_size=4))
        if parents:
            weights = [draw(st.sampled_from(["0.125", "0.3", "1", "2.5", "7"])) for _ in parents]
            recipes[child] = linear(list(zip(parents, weights, strict=True)))
    return recipes


@given(averages())
@settings(max_examples=200, deadline=None)
def test_law_the_roots_of_weighted_averages_share_them_without_rest(recipes) -> None:
    made = {artifact(child): by_recipe(recipe, by_rows=False) for child, recipe in recipes.items()}
    roots = [artifact(one) for one in NODES if one not in recipes]

    found = {root: influences(root, made) for root in roots}

    for child in made:
        lows = sum(one[child].low for one in found.values() if child in one)
        highs = sum(one[child].high for one in found.values() if child in one)
        assert lows <= 1 <= highs
        assert highs - lows <= Fraction(len(NODES) ** 2, 1 << 60)


def test_the_ways_through_a_lattice_are_not_enumerated() -> None:
    names = [[f"{level}.{i}" for i in range(4)] for level in range(40)]
    made = {
        below: {above: exactly(Fraction(1, 4)) for above in upper}
        for upper, lower in pairwise(names)
        for below in lower
    }

    found = influences("0.0", made)

    # 4^38 paths of 4^-39 each.
    assert found["39.3"] == exactly(Fraction(1, 4))


def test_t21_a_chain_deeper_than_the_stack_is_walked_and_its_bounds_are_rounded_outward() -> None:
    names = [f"{i:05}" for i in range(5_000)]
    share = Fraction(9999, 10_000)
    found = influences(names[0], {below: {above: exactly(share)} for above, below in pairwise(names)})

    exact, last = share ** (len(names) - 1), found[names[-1]]
    assert last.low < exact < last.high
    assert last.high - last.low < Fraction(len(names), 1 << 63)
    assert last.low.denominator <= 1 << 64


def test_what_is_missing_leaves_nothing_bounded_from_above() -> None:
    assert influences("a", {"b": {"a": HALF}}, complete=False) == {"b": Interval(Fraction(1, 2), Fraction(1))}


def test_a_cycle_is_refused_by_name() -> None:
    with pytest.raises(Refused, match=r"these artifacts descend from each other: [ab], [ab]"):
        influences("a", {"a": {"b": HALF}, "b": {"a": HALF}})


@pytest.mark.parametrize(
    ("weights", "members", "shares"),
    [
        ([("a", "0.6"), ("b", "0.4")], {}, ["0.6", "0.4"]),
        ([("a", "3"), ("b", "1")], {}, ["0.75", "0.25"]),
        # Turned round it is as much of it.
        ([("a", "-1"), ("b", "1")], {}, ["0.5", "0.5"]),
        ([("a", "0"), ("b", "2")], {}, ["0", "1"]),
        ([("a", "0"), ("b", "0")], {}, ["0", "0"]),
    ],
)
def test_a_share_is_the_normalised_weight(weights, members, shares) -> None:
    assert weighed(linear(weights, **members)) == tuple(map(exactly, shares))


def test_weights_by_tensor_are_as_wide_as_they_are_apart() -> None:
    rules = [{"contains": "mlp", "value": "1"}, {"value": "3"}]
    first, second = weighed(linear([("a", rules), ("b", "1")]))

    assert first == Interval(Fraction(1, 2), Fraction(3, 4))
    assert second == Interval(Fraction(1, 4), Fraction(1, 2))


def test_of_slices_a_share_is_between_its_least_and_its_most() -> None:
    slices = [
        {"count": "9", "sources": [{"parent": "0", "first": "0"}]},
        {"count": "1", "sources": [{"parent": "0", "first": "9"}, {"parent": "1", "first": "9"}]},
    ]
    first, second = weighed(linear([("a", "1"), ("b", "1")], slices=slices))

    assert first == Interval(Fraction(1, 2), Fraction(1))
    assert second == Interval(Fraction(0), Fraction(1, 2))


def test_a_method_without_weights_leaves_shares_open_and_one_parent_whole() -> None:
    said = {"arithmetic": "1", "method": "slerp", "parameters": {"t": "0.5"}}
    both = Recipe.of(said | {"parents": [{"model": artifact(name)} for name in "ab"]})
    alone = Recipe.of(
        {
            "arithmetic": "1",
            "method": "passthrough",
            "parents": [{"model": artifact("a"), "parameters": {"scale": "1"}}],
        }
    )

    assert weighed(both) == (ANY, ANY)
    assert weighed(alone) == (ALL,)


def test_what_no_weight_speaks_of_is_unknown_and_not_nothing() -> None:
    recipe = Recipe.of(
        {
            "arithmetic": "1",
            "method": "task_arithmetic",
            "base": artifact("base"),
            "parents": [
                {"model": artifact("a"), "parameters": {"weight": "0.5"}},
                {
                    "model": artifact("b"),
                    "adapter": artifact("c"),
                    "scale": "1",
                    "parameters": {"weight": "0.5"},
                },
            ],
            "parameters": {"lambda": "1", "normalize": False},
            "tokenizer": artifact("t"),
        }
    )
    half = Interval(Fraction(0), Fraction(1, 2))

    assert by_recipe(recipe, by_rows=False) == {
        artifact("base"): ANY,
        artifact("a"): HALF,
        artifact("b"): half,
        artifact("c"): half,
        artifact("t"): NONE,
    }
    assert by_recipe(recipe, by_rows=True)[artifact("t")] == ANY


def test_what_stands_in_two_places_has_both_shares() -> None:
    recipe = linear([("a", "1"), ("b", "2"), ("a", "1")])

    assert by_recipe(recipe, by_rows=False) == {artifact("a"): HALF, artifact("b"): HALF}


def test_statistics_weigh_and_how_much_is_unknown() -> None:
    parents = [
        {"model": artifact(model), "statistics": artifact(of), "parameters": {"weight": "1"}}
        for model, of in ("ax", "by")
    ]
    recipe = Recipe.of(
        {"arithmetic": "1", "method": "fisher", "parents": parents, "parameters": {"floor": "0"}}
    )

    found = placed(recipe, [HALF, HALF], by_rows=False)

    assert (found[artifact("a")], found[artifact("x")]) == (HALF, ANY)


def edge(parent, relation="merge", part="{}", entry="e") -> Edge:
    return Edge("child", parent, relation, part, Evidence.SIGNED, entry)


@pytest.mark.parametrize(
    ("edges", "shares"),
    [
        ([edge("a", "quantize")], {"a": ALL}),
        ([edge("a", "convert")], {"a": ALL}),
        ([edge("a", "same_as")], {"a": ALL}),
        ([edge("a", "finetune")], {"a": ANY}),
        ([edge("a", "quantize"), edge("b", "finetune")], {"a": ANY, "b": ANY}),
        ([edge("a"), edge("b")], {"a": ANY, "b": ANY}),
        ([edge("a", part='{"weight":"3"}'), edge("b", part='{"weight":"1"}')], {"a": "3/4", "b": "1/4"}),
        ([edge("a", part='{"weight":"3"}'), edge("b")], {"a": ANY, "b": ANY}),
        ([edge("a", part='{"weight":"much"}')], {"a": ANY}),
        ([edge("a", part='{"slices":"0-9","weight":"1"}')], {"a": ANY}),
        ([edge("a", "quantize"), edge("t", "tokenizer")], {"a": ALL, "t": NONE}),
    ],
)
def test_a_word_without_a_recipe_says_what_it_says(edges, shares) -> None:
    expected = {one: exactly(share) if isinstance(share, str) else share for one, share in shares.items()}
    assert by_word(edges) == expected


@pytest.mark.parametrize("relation", sorted(WEIGHTLESS))
def test_what_gives_no_weights_gives_none(relation) -> None:
    assert by_word([edge("a", relation)]) == {"a": NONE}


def test_statements_that_differ_leave_both_open() -> None:
    assert agreed([{"a": HALF, "b": HALF}, {"a": ALL}]) == {
        "a": Interval(Fraction(1, 2), Fraction(1)),
        "b": Interval(Fraction(0), Fraction(1, 2)),
    }
    # A tokenizer said apart does not make less of the parents.
    assert agreed([{"a": ALL}, {"t": NONE}]) == {"a": ALL, "t": NONE}
    assert agreed([{"t": NONE}]) == {"t": NONE}
