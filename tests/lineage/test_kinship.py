"""Kinship: common ancestors, roots and what is known, against networkx on random slices."""

from itertools import combinations

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.around import Around, Edge, Node
from lineage.facts import Evidence
from lineage.kinship import known, roots, shared

NODES = "abcdefgh"


@st.composite
def slices(draw):
    pairs = draw(st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=16))
    return [
        Edge(child, parent, "merge", "{}", draw(st.sampled_from(Evidence)), str(place))
        for place, (parent, child) in enumerate(pairs)
        if parent < child
    ]


def oracle(edges):
    graph = nx.DiGraph([(one.parent, one.child) for one in edges])
    graph.add_nodes_from(NODES)
    return graph


@given(slices(), st.lists(st.sampled_from(NODES), min_size=2, max_size=4, unique=True))
@settings(max_examples=300, deadline=None)
def test_law_common_ancestors_are_those_of_networkx_and_the_nearest_have_none_below(edges, artifacts) -> None:
    graph = oracle(edges)
    above = [nx.ancestors(graph, one) | {one} for one in artifacts]
    common = set.intersection(*above)

    found = shared(artifacts, edges)

    assert {one.artifact for one in found} == common
    for one in found:
        assert one.nearest == (not nx.descendants(graph, one.artifact) & common)
        assert list(one.distances) == [
            nx.shortest_path_length(graph, one.artifact, artifact) for artifact in artifacts
        ]
    assert [one.nearest for one in found] == sorted((one.nearest for one in found), reverse=True)
    if len(artifacts) == 2:
        lowest = nx.lowest_common_ancestor(graph, *artifacts)
        assert lowest in {one.artifact for one in found if one.nearest} | {None}
        assert (lowest is None) == (not found)


@given(slices(), st.permutations(NODES[:3]))
@settings(max_examples=100, deadline=None)
def test_law_the_order_of_the_question_only_orders_the_distances(edges, artifacts) -> None:
    one = {
        (far.artifact, far.nearest): dict(zip(artifacts, far.distances, strict=True))
        for far in shared(artifacts, edges)
    }
    other = {
        (far.artifact, far.nearest): dict(zip(NODES, far.distances, strict=False))
        for far in shared(NODES[:3], edges)
    }
    assert one == other


@given(slices(), st.sampled_from(NODES))
@settings(max_examples=200, deadline=None)
def test_law_roots_are_the_ancestors_without_parents(edges, artifact) -> None:
    graph = oracle(edges)

    found = roots(artifact, edges)

    far = nx.single_source_shortest_path_length(graph.reverse(), artifact)
    assert found == {one: far[one] for one in nx.ancestors(graph, artifact) if not graph.in_degree(one)}
    assert list(found.values()) == sorted(found.values())
    # Whatever is above descends from a root, or is one.
    assert bool(found) == bool(graph.in_degree(artifact))


@given(slices(), st.sampled_from(NODES), st.sets(st.sampled_from(NODES)))
@settings(max_examples=200, deadline=None)
def test_law_every_ancestor_is_registered_or_missing_and_every_edge_counted_once(
    edges, artifact, unseen
) -> None:
    graph = oracle(edges)
    above = nx.ancestors(graph, artifact)
    held = [edge for edge in edges if edge.child in above | {artifact}]
    named = {one: f"hf:x/{one}" if one in "ab" else one for one in NODES}
    nodes = tuple(Node(named[one], one not in unseen | {"a", "b"}) for one in (artifact, *sorted(above)))
    renamed = tuple(
        Edge(named[one.child], named[one.parent], one.relation, one.part, one.evidence, one.entry)
        for one in held
    )

    found = known(Around(named[artifact], 9, nodes, renamed))

    gone = {named[one] for one in above & (unseen | {"a", "b"})}
    assert set(found.missing) == gone
    assert set(found.stubs) == {one for one in gone if one.startswith("hf:")}
    assert not set(found.stubs) & set(found.unknown)
    assert set(found.registered) == {named[one] for one in above} - gone
    assert sum(found.edges.values()) == len(held)
    assert found.edges == {grade: sum(edge.evidence == grade for edge in held) for grade in Evidence}


def test_one_that_the_others_descend_from_is_their_nearest_common_ancestor() -> None:
    edges = [
        Edge(child, parent, "finetune", "{}", Evidence.SIGNED, "e") for parent, child in ("ab", "bc", "bd")
    ]

    for some in combinations("bcd", 2):
        assert [one.artifact for one in shared(some, edges) if one.nearest] == ["b"]
    assert shared(("b", "c"), edges)[0].distances == (0, 1)
