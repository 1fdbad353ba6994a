"""Selection: which edges are walked and which artifacts listed, by laws over every grade, standing and place in the log."""

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.around import Edge, Node
from lineage.facts import RELATIONS, Evidence
from lineage.selection import Moment, Recorded, Selection, states

NODES = "abcdefgh"
GRADES = ("CLAIMED", "SIGNED", "CONSISTENT", "REPRODUCED")


def edge(relation="merge", evidence=Evidence.SIGNED, parent="a", child="b"):
    return Edge(child, parent, relation, "{}", evidence, "e")


@pytest.mark.parametrize("least", [*Evidence])
def test_a_grade_is_a_least_one_and_contradicted_stands_by_itself(least) -> None:
    walked = {one for one in Evidence if Selection(evidence=least).walks(edge(evidence=one))}

    if least is Evidence.CONTRADICTED:
        assert walked == {Evidence.CONTRADICTED}
    else:
        assert walked == {Evidence[one] for one in GRADES[GRADES.index(least.name) :]}


@given(st.sets(st.sampled_from(RELATIONS)), st.sampled_from(RELATIONS), st.sampled_from(Evidence))
def test_law_nothing_asked_is_everything_and_more_asked_is_never_more(relations, relation, evidence) -> None:
    one = edge(relation, evidence)

    assert Selection().walks(one)
    assert Selection(relations=frozenset(relations)).walks(one) == (not relations or relation in relations)
    for least in Evidence:
        both = Selection(relations=frozenset(relations), evidence=least).walks(one)
        assert both == (
            Selection(relations=frozenset(relations)).walks(one) and Selection(evidence=least).walks(one)
        )


@st.composite
def slices(draw):
    pairs = draw(st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=16))
    edges = [edge(parent=one, child=other) for one, other in pairs if one < other]
    nodes = [Node(one, draw(st.integers(0, 4)) > 0) for one in NODES]
    return nodes, edges


@given(slices(), st.sets(st.sampled_from(NODES), max_size=2), st.booleans())
@settings(max_examples=200, deadline=None)
def test_law_what_descends_from_anything_unknown_is_never_clean(slice_, affected, complete) -> None:
    nodes, edges = slice_
    graph = nx.DiGraph([(one.parent, one.child) for one in edges])
    graph.add_nodes_from(NODES)
    unseen = {node.id for node in nodes if not node.seen}

    found = states(nodes, edges, affected, complete=complete)

    for one in NODES:
        missing = unseen & (nx.ancestors(graph, one) | {one}) or not complete
        assert found[one] == ("affected" if one in affected else "unknown" if missing else "clean")


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.sampled_from(["entry", "time"]))
def test_law_since_and_until_are_inclusive_and_what_nobody_recorded_is_in_neither(
    since, until, at, of
) -> None:
    node = Node("a", seen=True)
    asked = Selection(since=Moment(since, of), until=Moment(until, of))
    recorded = Recorded(at, 100) if of == "entry" else Recorded(100, at)

    assert asked.recorded
    assert asked.lists(node, None, recorded) == (since <= at <= until)
    assert not Selection(since=Moment(0, of)).lists(node, None, None)
    assert not Selection(until=Moment(200, of)).lists(node, None, None)


@pytest.mark.parametrize(
    ("owner", "owns"),
    [
        ("acme", True),
        ("ACME", True),
        ("acm", False),
        ("kennel", True),
        ("Kennel", False),
        ("ab" * 4, True),
        ("ab" * 32, True),
        ("ab" * 3, False),
        ("cd" * 4, False),
    ],
)
def test_an_owner_is_a_namespace_an_operator_or_a_key(owner: str, owns: bool) -> None:
    node = Node(f"sha256:{'0' * 64}", seen=True, names=("Acme/one",))
    recorded = Recorded(3, 3, ("kennel",), ("ab" * 32,))

    assert Selection(owner=owner).lists(node, None, recorded) == owns
    assert not Selection(owner="ab" * 4).lists(node, None, None)
    assert Selection(owner="meta").lists(Node("hf:meta/llama", seen=False), None, None)


def test_a_license_is_the_one_declared_last_in_any_case_and_a_claim_is_none() -> None:
    asked = Selection(license="MIT")

    assert asked.lists(Node("a", seen=True, licenses=("mit", "apache-2.0")), None, None)
    assert not asked.lists(Node("a", seen=True, licenses=("apache-2.0", "mit")), None, None)
    assert not asked.lists(Node("hf:a/b", seen=False, claimed=("mit",)), None, None)
    assert not asked.lists(Node("a", seen=True), None, None)
