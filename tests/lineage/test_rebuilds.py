"""Rebuilds: what verdicts come to and which edges they lift."""

from hypothesis import given
from hypothesis import strategies as st

from lineage.around import Edge
from lineage.facts import Evidence, Rebuilt
from lineage.rebuilds import Disputed, NotReproduced, Reproduced, graded, outcomes

verdicts = st.lists(
    st.builds(
        Rebuilt,
        artifact=st.sampled_from("xy"),
        build=st.sampled_from("12"),
        passed=st.booleans(),
        verifier=st.sampled_from(["ann", "bob"]),
        differs=st.sampled_from([(), ("t",), ("t", "u")]),
    )
)
EDGES = tuple(
    Edge(child, "p", "merge", "{}", Evidence.SIGNED, entry) for child in "xy" for entry in ("1", "2", "3")
)


def rebuilt(passed, verifier="ann", build="1", differs=()):
    return Rebuilt("x", build, passed, verifier, differs)


def test_what_verdicts_come_to():
    same, other = rebuilt(passed=True), rebuilt(passed=False, verifier="bob", differs=("u", "t"))

    assert outcomes([]) == {}
    assert outcomes([same, rebuilt(passed=True, verifier="bob"), same]) == {
        ("x", "1"): Reproduced(("ann", "bob"))
    }
    assert outcomes([other]) == {("x", "1"): NotReproduced(("bob",), ("t", "u"))}
    assert outcomes([other, same]) == {("x", "1"): Disputed(("ann",), ("bob",), ("t", "u"))}


@given(verdicts)
def test_only_edges_of_an_undisputed_reproduced_provenance_are_lifted(found):
    for before, after in zip(EDGES, graded(EDGES, found), strict=True):
        votes = [one.passed for one in found if (one.artifact, one.build) == (before.child, before.entry)]
        lifted = bool(votes) and all(votes)
        assert after.evidence == (Evidence.REPRODUCED if lifted else Evidence.SIGNED)


@given(verdicts.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_of_verdicts_changes_nothing(orders):
    assert outcomes(orders[0]) == outcomes(orders[1])


def test_an_edge_that_was_said_twice_is_one_edge():
    assert graded(EDGES + EDGES, []) == EDGES
