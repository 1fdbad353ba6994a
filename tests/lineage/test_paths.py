"""Paths: against networkx's own enumeration on small graphs, by laws, and on graphs that nobody could enumerate."""

import math
from fractions import Fraction
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.influence import ALL, ANY, Interval
from lineage.paths import paths
from signing.errors import Malformed, Refused

NODES = "abcdefgh"


def artifact(name: str) -> str:
    return f"sha256:{name.encode().hex():0>64}"


@st.composite
def steps(draw):
    """Children with bounds, in eighths, on the shares of parents that come before them."""
    made = {}
    for place, child in enumerate(NODES):
        parents = draw(st.lists(st.sampled_from(NODES[:place]), max_size=4, unique=True)) if place else []
        made[child] = {}
        for parent in parents:
            low, high = sorted(draw(st.tuples(st.integers(0, 8), st.integers(0, 8))))
            made[child][parent] = Interval(Fraction(low, 8), Fraction(high, 8))
    return made


def every(made, source, target):
    graph = nx.DiGraph([(parent, child) for child, shares in made.items() for parent in shares])
    graph.add_nodes_from(NODES)
    return [tuple(path) for path in nx.all_simple_paths(graph, source, target)]


def weight(made, path):
    some = [made[child][parent] for parent, child in pairwise(path)]
    return (
        math.prod((one.high for one in some), start=Fraction(1)),
        math.prod((one.low for one in some), start=Fraction(1)),
    )


@given(steps(), st.sampled_from(NODES), st.sampled_from(NODES))
@settings(max_examples=300, deadline=None)
def test_law_all_paths_are_counted_and_a_shortest_and_a_heaviest_shown(made, source, target) -> None:
    if source == target:
        with pytest.raises(Malformed, match=f"both of these are {source}"):
            paths(source, target, made)
        return
    listed = every(made, source, target)

    found = paths(source, target, made)

    if not listed:
        assert found is None
        return
    assert found.count == len(listed)
    assert found.shortest in listed
    assert len(found.shortest) == min(map(len, listed))
    assert found.heaviest in listed
    assert weight(made, found.heaviest) == max(weight(made, path) for path in listed)
    assert (found.weight.high, found.weight.low) == weight(made, found.heaviest)


@given(steps(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_law_order_changes_nothing(made, random) -> None:
    children = list(made.items())
    random.shuffle(children)
    shuffled = {}
    for child, shares in children:
        parents = list(shares.items())
        random.shuffle(parents)
        shuffled[child] = dict(parents)

    assert paths("a", "h", shuffled) == paths("a", "h", made)


def test_what_could_be_large_stands_before_what_is_known_to_be_small() -> None:
    small = Interval(Fraction(1, 4), Fraction(1, 4))
    made = {"b": {"a": ANY}, "c": {"a": small}, "d": {"b": ALL, "c": ALL}}

    found = paths("a", "d", made)

    assert (found.heaviest, found.weight) == (("a", "b", "d"), ANY)
    # Of two that may be as large, the one that is known to be.
    made["c"] = {"a": ALL}
    assert paths("a", "d", made).heaviest == ("a", "c", "d")


def test_the_paths_of_a_lattice_are_counted_exactly_and_not_one_by_one() -> None:
    quarter = Interval(Fraction(1, 4), Fraction(1, 4))
    levels = [[f"{level:03}.{place}" for place in range(4)] for level in range(60)]
    made = {child: dict.fromkeys(upper, quarter) for upper, lower in pairwise(levels) for child in lower}

    found = paths("000.0", "059.3", made)

    assert found.count == 4**58
    assert (len(found.shortest), len(found.heaviest)) == (60, 60)
    assert found.weight == Interval(Fraction(1, 4**59), Fraction(1, 4**59))


def test_weights_of_many_digits_along_a_deep_chain_stay_within_bounds_and_in_order() -> None:
    share = Fraction(10**64 - 3, 10**64)
    names = [f"{place:04}" for place in range(1000)]
    heavy = {child: {parent: Interval(share, share)} for parent, child in pairwise(names)}
    # A second way to the end, one step of which weighs less by one in 10^64.
    less = Fraction(10**64 - 4, 10**64)
    heavy["0001x"] = {"0000": Interval(less, less)}
    heavy["0002"]["0001x"] = Interval(share, share)

    found = paths("0000", "0999", heavy)

    assert found.count == 2
    assert found.heaviest[1] == "0001"
    assert found.weight.low < share**999 < found.weight.high
    assert found.weight.high.denominator.bit_length() < 5000
    assert (found.weight.high - found.weight.low) / found.weight.high < Fraction(1, 2**200)


def test_steps_that_go_round_are_refused() -> None:
    with pytest.raises(Refused, match="these artifacts descend from each other"):
        paths("a", "c", {"b": {"a": ALL, "c": ALL}, "c": {"b": ALL}})


@given(st.permutations("bcd"))
def test_of_several_that_weigh_the_same_everybody_is_shown_the_same_one(parents) -> None:
    made = {**{one: {"a": ALL} for one in parents}, "x": dict.fromkeys(parents, ALL)}

    found = paths("a", "x", made)

    assert found.shortest == found.heaviest == ("a", "b", "x")
