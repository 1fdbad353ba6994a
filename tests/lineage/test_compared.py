"""What comparing weights makes of edges: for everybody's word on the same two artifacts, and for nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from lineage.around import Edge, Said
from lineage.checks import Compared
from lineage.compared import weighed
from lineage.facts import Evidence

EDGES = tuple(
    Edge("c", parent, relation, "{}", evidence, entry)
    for parent in "pq"
    for relation, evidence, entry in (
        ("merge", Evidence.CLAIMED, "1"),
        ("finetune", Evidence.SIGNED, "2"),
        ("merge", Evidence.REPRODUCED, "3"),
    )
)


def said(artifact, parent, outcome):
    return Said(Compared(artifact, parent, outcome, "alone", "1", "0.6"), ("o",), 1, "e")


tests = st.lists(
    st.builds(
        said, st.sampled_from("cd"), st.sampled_from("pq"), st.sampled_from(("consistent", "contradicted"))
    )
)


@given(tests, st.randoms(use_true_random=False))
def test_law_a_verdict_moves_the_edges_between_its_two_and_one_that_contradicts_wins(found, order):
    shuffled = [*found]
    order.shuffle(shuffled)

    after = weighed(EDGES, found)

    assert weighed(EDGES, shuffled) == after
    for edge, now in zip(EDGES, after, strict=True):
        outcomes = {
            one.fact.outcome for one in found if (one.fact.artifact, one.fact.parent) == ("c", edge.parent)
        }
        if "contradicted" in outcomes:
            assert now.evidence is Evidence.CONTRADICTED
        else:
            assert now.evidence == (max(edge.evidence, Evidence.CONSISTENT) if outcomes else edge.evidence)
        assert (now.child, now.parent, now.relation, now.entry) == (
            edge.child,
            edge.parent,
            edge.relation,
            edge.entry,
        )
