"""Graph: against networkx's own answers on random slices, on lattices, and on the lineage of a real hub."""

import csv
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.around import Edge
from lineage.facts import Evidence
from lineage.graph import Slice
from signing.errors import Refused

NODES = "abcdefgh"


def edge(parent, child, entry="e"):
    return Edge(child, parent, "merge", "{}", Evidence.SIGNED, entry)


@st.composite
def slices(draw):
    pairs = draw(st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=18))
    return [edge(a, b, str(i)) for i, (a, b) in enumerate(pairs) if a < b]


def oracle(edges):
    graph = nx.DiGraph([(one.parent, one.child) for one in edges])
    graph.add_nodes_from(NODES)
    return graph


@given(slices(), st.sampled_from(NODES), st.sampled_from(NODES))
def test_why_counts_all_paths_and_shows_a_shortest(edges, ancestor, descendant):
    paths = list(nx.all_simple_paths(oracle(edges), ancestor, descendant))
    found = Slice(edges).why(ancestor, descendant)

    if ancestor == descendant or not paths:
        assert found is None or (found.paths, found.witness, found.edges) == (1, (ancestor,), ())
        return
    assert found.paths == len(paths)
    assert list(found.witness) in paths
    assert len(found.witness) == min(map(len, paths))
    used = {step for path in paths for step in pairwise(path)}
    assert {(one.parent, one.child) for one in found.edges} == used
    assert set(found.edges) == {one for one in edges if (one.parent, one.child) in used}


@given(slices(), st.sampled_from(NODES))
def test_levels_are_distances(edges, artifact):
    graph = oracle(edges)
    for direction, towards in (("descendants", graph), ("ancestors", graph.reverse())):
        steps = nx.single_source_shortest_path_length(towards, artifact)
        found = Slice(edges).levels(artifact, direction)
        assert [(one, depth) for depth, level in enumerate(found, 1) for one in level] == sorted(
            ((one, depth) for one, depth in steps.items() if depth), key=lambda item: (item[1], item[0])
        )


@given(st.permutations([edge(a, b) for a, b in ["ab", "ac", "ad", "bx", "cx", "dx", "xy"]]))
def test_the_same_one_of_several_shortest_paths_is_shown_whatever_the_order(edges):
    assert Slice(edges).why("a", "y").witness == ("a", "b", "x", "y")


def test_an_artifact_without_edges_stands_alone():
    alone = Slice([])

    assert alone.levels("a", "ancestors") == ()
    assert alone.why("a", "b") is None


def test_the_number_of_paths_through_a_lattice_is_not_counted_one_by_one():
    names = [[f"{level}.{i}" for i in range(4)] for level in range(16)]
    edges = [edge(a, b) for upper, lower in pairwise(names) for a in upper for b in lower]

    found = Slice(edges).why("0.0", "15.3")

    assert found.paths == 4**14
    assert len(found.witness) == 16
    assert len(found.edges) == 4 + 16 * 13 + 4


@pytest.mark.parametrize("edges", [[edge("a", "a")], [edge("a", "b"), edge("b", "c"), edge("c", "a")]])
def test_t21_a_cycle_is_refused_and_named(edges):
    with pytest.raises(Refused, match="these artifacts descend from each other: a"):
        Slice(edges)


def test_t21_a_chain_deeper_than_the_stack_is_walked():
    names = [f"{i:05}" for i in range(5_000)]
    chain = Slice([edge(a, b) for a, b in pairwise(names)])

    assert chain.why(names[0], names[-1]).witness == tuple(names)
    assert chain.levels(names[-1], "ancestors")[-1] == (names[0],)


def test_real_lineage_has_1224_paths_between_one_pair(shared):
    with (shared / "data" / "edges.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["parent"], row["child"]) for row in csv.DictReader(file)]
    # 42 models of the hub name themselves as their parent; admission refuses that.
    real = Slice([edge(parent, child) for parent, child in rows if parent != child])

    adapter = "ResplendentAI/RP_Format_QuoteAsterisk_Llama3"
    levels = real.levels(adapter, "descendants")
    assert [sum(map(len, levels)), len(levels)] == [38, 4]
    why = real.why("Qwen/Qwen2.5-14B", "Lunzima/NQLSG-Qwen2.5-14B-MegaFusion-v9.3")
    assert (why.paths, len(why.witness), len(why.edges)) == (1224, 3, 103)
