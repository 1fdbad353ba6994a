"""Subjects: the same whoever folded the log, and never calmer about an incident than what is known."""

import pytest
from exported import pedigrees
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.around import Around, Edge, Incident, Node
from lineage.facts import RELATIONS, Evidence
from lineage.standing import Affected
from lineage.status import Policy
from lineage.subjects import AsOf, Logged, narrowed, pedigree, reach, spared

AT = AsOf("log", 9, 1000)
SAID = Logged("e1", 5)


def node(name: str, *, seen: bool = True) -> Node:
    return Node(name, seen)


def edge(child: str, parent: str, relation: str = "merge", entry: str = "1") -> Edge:
    return Edge(child, parent, relation, "{}", Evidence.SIGNED, entry)


def incident(*artifacts: str, stage: str = "confirmed", what: str = "compromised") -> Incident:
    return Incident("i1", artifacts, what, "high", stage, "bad", "vet")


ABOVE = Around("b", 9, (node("b"), node("a")), (edge("b", "a"),), (incident("a"),))
BELOW = Around("b", 9, (node("b"), node("d"), node("c")), (edge("d", "b"), edge("c", "b")))
FLAGS = {"b": (incident("a"), incident("a", stage="retracted"))}


@pytest.mark.parametrize(
    ("scope", "nodes", "edges"),
    [
        ("ancestors", ["a", "b"], [("b", "a")]),
        ("descendants", ["b", "c", "d"], [("c", "b"), ("d", "b")]),
        ("both", ["a", "b", "c", "d"], [("b", "a"), ("c", "b"), ("d", "b")]),
    ],
)
def test_a_pedigree_holds_the_relatives_that_were_asked_for_in_order_of_ids(scope, nodes, edges):
    found = pedigree(AT, ABOVE, BELOW, scope, {"z": "1", "y": "2"}, {"b": SAID}, FLAGS)

    assert [one.id for one in found.nodes] == nodes
    assert [(one.child, one.parent) for one in found.edges] == edges
    assert found.ancestors == ({"a"} if "a" in nodes else set())
    assert found.descendants == ({"c", "d"} if "c" in nodes else set())
    assert found.here.id == "b"
    assert found.relatives(found.ancestors | found.descendants) == tuple(
        one for one in found.nodes if one.id != "b"
    )
    assert found.files == (("y", "2"), ("z", "1"))
    assert found.complete


def test_a_pedigree_is_judged_by_what_lies_above_whatever_its_scope():
    found = pedigree(AT, ABOVE, BELOW, "descendants", {}, {}, FLAGS)

    assert found.verdict.standing == Affected(found.verdict.standing.incidents)
    assert found.verdict.judged == AT.time
    assert [one.stage for one in found.incidents["b"]] == ["confirmed"]


def test_a_pedigree_whose_slice_is_cut_says_so():
    cut = Around("b", 9, BELOW.nodes, BELOW.edges, complete=False)

    assert not pedigree(AT, ABOVE, cut, "both", {}, {}, {}).complete
    assert pedigree(AT, ABOVE, None, "ancestors", {}, {}, {}).complete


TREE = Around(
    "bad",
    9,
    tuple(map(node, ("bad", "merged", "vocabulary", "doubtful"))),
    (edge("merged", "bad"), edge("vocabulary", "bad", "tokenizer"), edge("doubtful", "bad", "tokenizer")),
)
UP = Around(
    "doubtful",
    9,
    (node("doubtful"), node("vocabulary"), node("bad"), node("between"), node("stub", seen=False)),
    (*TREE.edges, edge("between", "stub"), edge("doubtful", "between"), edge("doubtful", "stub")),
)


@pytest.mark.parametrize(
    ("stage", "merged", "doubtful", "vocabulary"),
    [
        ("reported", "under_investigation", "under_investigation", "not_affected"),
        ("confirmed", "affected", "under_investigation", "not_affected"),
        ("resolved", "affected", "under_investigation", "not_affected"),
        ("retracted", "not_affected", "not_affected", "not_affected"),
        ("rejected", "not_affected", "not_affected", "not_affected"),
    ],
)
def test_an_incident_bears_on_what_it_flags_and_what_is_unknown_is_not_cleared(
    stage, merged, doubtful, vocabulary
):
    one = incident("bad", stage=stage)
    assert spared(one, TREE) == ("doubtful", "vocabulary")

    found = reach(AT, one, SAID, SAID, TREE, UP, Policy(7))

    assert found.flagged == {"bad", "merged"}
    assert found.missing == {"doubtful": ("stub",)}
    assert [found.status(one) for one in ("bad", "merged", "doubtful", "vocabulary")] == [
        merged,
        merged,
        doubtful,
        vocabulary,
    ]
    assert [one.id for one in found.nodes] == ["bad", "doubtful", "merged", "vocabulary"]


def test_a_reach_without_anything_spared_needs_no_look_upward_and_says_whether_it_is_cut():
    one = incident("bad", what="license")
    assert spared(one, TREE) == ()

    found = reach(
        AT, one, SAID, SAID, Around("bad", 9, TREE.nodes, TREE.edges, complete=False), None, Policy(7)
    )

    assert found.flagged == {one.id for one in TREE.nodes}
    assert found.missing == {}
    assert not found.complete


@given(pedigrees(), st.data())
@settings(max_examples=100, deadline=None)
def test_law_what_is_narrowed_holds_edges_between_what_it_holds_and_says_if_it_is_less(subject, data) -> None:
    kept = data.draw(st.sets(st.sampled_from([node.id for node in subject.nodes])))
    relations = data.draw(st.sets(st.sampled_from(RELATIONS)))

    found = narrowed(subject, kept, lambda edge: edge.relation in relations)

    ids = kept | {subject.here.id}
    assert {node.id for node in found.nodes} == ids
    assert set(found.edges) == {
        edge for edge in subject.edges if {edge.child, edge.parent} <= ids and edge.relation in relations
    }
    assert found.ancestors == subject.ancestors & ids
    less = len(found.nodes) + len(found.edges) < len(subject.nodes) + len(subject.edges)
    assert found.complete == (subject.complete and not less)
    assert narrowed(subject, [node.id for node in subject.nodes], lambda _: True) == subject
