"""Standing: how far incidents reach, against the definition and against an incremental fold."""

from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.around import Edge, Incident
from lineage.facts import RELATIONS, WEIGHTLESS, Evidence
from lineage.incidents import KINDS
from lineage.standing import (
    ENDED,
    Affected,
    Clean,
    Hit,
    Unknown,
    by_closure,
    carries,
    flow,
    spread,
    standing,
    way,
    ways,
)

NODES = "abcdefghij"
kinds = st.sampled_from(KINDS)


def edge(parent, child, relation="merge"):
    return Edge(child, parent, relation, "{}", Evidence.SIGNED, "e")


def incident(*artifacts, what="compromised", stage="reported", severity="low", of="1"):
    return Incident(of, artifacts, what, severity, stage, "summary", "contact")


@st.composite
def graphs(draw, relations=RELATIONS):
    pairs = draw(st.sets(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=20))
    return [edge(a, b, draw(st.sampled_from(relations))) for a, b in sorted(pairs) if a < b]


def test_what_flows_along_which_edge_is_decided_for_every_pair():
    weights = {relation for relation in RELATIONS if relation not in WEIGHTLESS}
    by_kind = {kind: {relation for relation in RELATIONS if carries(kind, relation)} for kind in KINDS}

    assert by_kind.pop("license") == set(RELATIONS)
    assert by_kind.pop("evaluation-invalid") == {"same_as"}
    assert all(relations == weights for relations in by_kind.values())
    assert all(flow(kind) == weights for kind in by_kind)
    assert {kind for kind in KINDS if not by_closure(kind)} == {"license", "evaluation-invalid"}


@given(kind=kinds, edges=graphs(), named=st.sets(st.sampled_from(NODES), min_size=1))
def test_a_spread_is_the_named_and_their_descendants_by_edges_that_carry(kind, edges, named):
    graph = nx.DiGraph([(one.parent, one.child) for one in edges if carries(kind, one.relation)])
    graph.add_nodes_from(NODES)

    assert spread(named, kind, edges) == named.union(*(nx.descendants(graph, one) for one in named))


@given(
    kind=kinds.filter(by_closure),
    edges=graphs([r for r in RELATIONS if r not in WEIGHTLESS]),
    named=st.sampled_from(NODES),
)
def test_where_nothing_is_excluded_the_closure_is_the_spread(kind, edges, named):
    closure = nx.transitive_closure(nx.DiGraph([(one.parent, one.child) for one in edges]))
    below = set(closure[named]) if named in closure else set()

    assert spread([named], kind, edges) == {named} | below


@given(
    kind=kinds,
    edges=graphs().flatmap(st.permutations),
    named=st.sampled_from(NODES),
    reported_after=st.integers(0, 20),
)
def test_flags_kept_edge_by_edge_equal_flags_computed_at_the_end(kind, edges, named, reported_after):
    """Propagate at report, inherit at insert (4-lineage): any interleaving comes to the same flags."""
    flagged = set()
    for position, one in enumerate([*edges, None]):
        if position == min(reported_after, len(edges)):
            flagged |= spread([named], kind, edges[:position])
        if one is not None and one.parent in flagged and carries(kind, one.relation):
            flagged |= spread([one.child], kind, edges[: position + 1])

    assert flagged == spread([named], kind, edges)


@given(
    kind=kinds,
    edges=graphs(),
    named=st.sets(st.sampled_from(NODES), min_size=1, max_size=2),
    artifact=st.sampled_from(NODES),
)
def test_an_artifact_is_affected_if_it_is_flagged_and_the_way_shows_why(kind, edges, named, artifact):
    found = standing(artifact, edges, [incident(*named, what=kind)], [])

    if artifact not in spread(named, kind, edges):
        assert found == Clean()
        return
    steps = {(one.parent, one.child) for one in edges if carries(kind, one.relation)}
    assert found.via[0] in named
    assert found.via[-1] == artifact
    assert steps.issuperset(pairwise(found.via))
    graph = nx.DiGraph(list(steps))
    graph.add_nodes_from(NODES)
    ways = [
        nx.shortest_path_length(graph, one, artifact) for one in named if nx.has_path(graph, one, artifact)
    ]
    assert len(found.via) == min(ways) + 1


@given(
    kind=kinds,
    edges=graphs().flatmap(st.permutations),
    named=st.sets(st.sampled_from(NODES), min_size=1, max_size=3),
)
def test_law_ways_found_in_one_pass_are_those_that_standing_shows_of_each(kind, edges, named):
    before = ways(named, kind, edges)

    assert before.keys() == spread(named, kind, edges)
    for artifact in before:
        shown = standing(artifact, edges, [incident(*named, what=kind)], [])
        assert way(artifact, before) == shown.via


def test_a_hundred_thousand_ways_are_found_in_one_pass():
    edges = [edge(str((number - 1) // 50), str(number)) for number in range(1, 100_001)]

    before = ways(["0"], "compromised", edges)

    assert way("100000", before) == ("0", "39", "1999", "100000")
    assert len(before) == 100_001


def test_the_same_one_of_several_shortest_ways_is_shown_whatever_the_order():
    edges = [edge("a", "b"), edge("a", "c"), edge("b", "d"), edge("c", "d")]

    for order in (edges, edges[::-1]):
        assert standing("d", order, [incident("a")], []).via == ("a", "b", "d")


@pytest.mark.parametrize("stage", ["reported", "confirmed", "resolved", "rejected", "retracted"])
def test_what_was_taken_back_affects_nothing_and_what_was_resolved_still_does(stage):
    found = standing("b", [edge("a", "b")], [incident("a", stage=stage)], [])

    if stage in ENDED:
        assert found == Clean()
    else:
        assert found == Affected((Hit(incident("a", stage=stage), ("a", "b")),))


def test_affected_wins_over_unknown_and_still_lists_what_is_missing():
    edges = [edge("a", "b"), edge("hf:x/y", "b")]

    assert standing("b", edges, [], ["hf:x/y", "hf:x/y"]) == Unknown(("hf:x/y",))
    assert standing("b", edges, [incident("a")], ["hf:x/y"]) == Affected(
        (Hit(incident("a"), ("a", "b")),), ("hf:x/y",)
    )
    assert standing("b", edges, [incident("a", stage="retracted")], ["hf:x/y"]) == Unknown(("hf:x/y",))


def test_the_gravest_incident_comes_first():
    mild = incident("a", severity="high", of="1")
    far = incident("a", severity="critical", of="3")
    near = incident("b", severity="critical", of="4")
    confirmed = incident("a", stage="confirmed", of="2")

    found = standing("b", [edge("a", "b")], [mild, far, near, confirmed], [])

    assert [hit.incident.id for hit in found.incidents] == ["2", "4", "3", "1"]


def test_t21_a_chain_deeper_than_the_stack_is_walked():
    names = [f"n{i}" for i in range(20_000)]
    edges = [edge(a, b) for a, b in pairwise(names)]

    assert len(spread(names[:1], "compromised", edges)) == len(names)
    assert standing(names[-1], edges, [incident(names[0])], []).via == tuple(names)
