"""Rebuilds: what verdicts come to, which edges they lift, and when independent operators make a quorum."""

from hypothesis import given
from hypothesis import strategies as st
from voting import BUILDER, BUILDS, OPERATORS, REGISTRY, ballots, tally, vote

from lineage.around import Build, Edge, Tally
from lineage.facts import Evidence
from lineage.predicates.rebuild import verifier
from lineage.rebuilds import (
    Disputed,
    Failed,
    NotReproduced,
    Pending,
    Reproduced,
    outcomes,
    quorums,
    reproduced,
)

X = ("x", "1")
ANN, BOB, CAT = (verifier(one) for one in ("ann", "bob", "cat"))
EDGES = tuple(
    Edge(child, "p", "merge", "{}", Evidence.SIGNED, entry) for child in "xy" for entry in ("1", "2", "3")
)


def outcome(*votes):
    return outcomes(tally(*votes))[X]


def backing(*votes):
    return [one.operator for one in quorums(tally(*votes)).get(X, ())]


def test_what_verdicts_come_to():
    same, other = vote("ann", 1), vote("bob", 2, differs=("u", "t"))

    assert outcomes(tally()) == dict.fromkeys([(one.artifact, one.entry) for one in BUILDS], Pending())
    assert outcome(same, vote("ann", 3)) == Reproduced((ANN,))
    assert outcome(same, vote("bob", 3)) == Reproduced((ANN, BOB), (ANN, BOB))
    assert outcome(other) == NotReproduced((Failed(BOB, ("t", "u")),))
    assert outcome(other, same) == Disputed((ANN,), (Failed(BOB, ("t", "u")),))
    assert outcome(other, same, vote("cat", 4)) == Disputed(
        (ANN, CAT), (Failed(BOB, ("t", "u")),), (ANN, CAT)
    )


@given(ballots())
def test_only_edges_of_an_undisputed_reproduced_provenance_are_lifted(found):
    for before, after in zip(EDGES, reproduced(EDGES, tally(*found)), strict=True):
        on = [
            one.said for one in found if (one.said.artifact, one.said.build) == (before.child, before.entry)
        ]
        lifted = bool(on) and all(one.passed for one in on)
        assert after.evidence == (Evidence.REPRODUCED if lifted else Evidence.SIGNED)


def test_a_verdict_on_a_provenance_that_no_longer_counts_is_one_on_nothing():
    fallen = Tally((), (vote("ann", 1), vote("bob", 2)), REGISTRY)

    assert (outcomes(fallen), quorums(fallen)) == ({}, {})
    assert reproduced(EDGES, fallen) == EDGES


@given(ballots().flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_in_which_verdicts_are_handed_over_changes_nothing(orders):
    one, other = (tally(*order) for order in orders)
    assert outcomes(one) == outcomes(other)
    assert quorums(one) == quorums(other)


def test_an_edge_that_was_said_twice_is_one_edge():
    assert reproduced(EDGES + EDGES, tally()) == EDGES


@given(ballots(["ann", REGISTRY, BUILDER]))
def test_t10_one_operator_with_many_keys_never_makes_two(found):
    assert quorums(tally(*found)) == {}
    assert not any(
        one.quorum for one in outcomes(tally(*found)).values() if isinstance(one, Reproduced | Disputed)
    )


@given(ballots())
def test_t12_a_quorum_is_two_operators_that_passed_the_same_provenance_and_no_failed_stands(found):
    for which, made in quorums(tally(*found)).items():
        on = [one for one in found if (one.said.artifact, one.said.build) == which]
        assert all(one.said.passed for one in on)
        assert len({one.operator for one in made}) == 2
        assert {one.operator for one in made}.isdisjoint({REGISTRY, BUILDER})
        assert [one.index for one in made] == sorted(one.index for one in made)
    for (artifact, build), what in outcomes(tally(*found)).items():
        voters = {
            one.operator
            for one in found
            if (one.said.artifact, one.said.build) == (artifact, build) and one.said.passed
        } - {REGISTRY, BUILDER}
        undisputed = isinstance(what, Reproduced)
        assert ((artifact, build) in quorums(tally(*found))) == (undisputed and len(voters) >= 2)


@given(ballots(), st.data())
def test_more_passed_verdicts_leave_the_verdicts_a_quorum_rests_on(found, data):
    before = quorums(tally(*found))
    later = vote(data.draw(st.sampled_from(OPERATORS)), len(found), artifact="x", build="1")
    after = quorums(tally(*found, later))

    assert {which: after[which] for which in before} == before


@given(ballots())
def test_saying_everything_twice_changes_no_quorum(found):
    twice = [*found, *(vote(one.operator, len(found) + one.index, differs=one.said.differs, artifact=one.said.artifact, build=one.said.build, keys=list(one.keys)) for one in found)]  # fmt: skip

    assert quorums(tally(*twice)) == quorums(tally(*found))


def test_t10_two_operators_with_one_key_are_one_vote():
    assert backing(vote("ann", 1, keys=["k"]), vote("bob", 2, keys=["k"])) == []
    assert backing(vote("ann", 1, keys=["k"]), vote("bob", 2, keys=["k"]), vote("cat", 3)) == ["ann", "cat"]


def test_who_says_both_has_no_side_and_whoever_built_it_no_vote():
    assert outcome(vote("ann", 1), vote("bob", 2), vote("ann", 3, differs=("t",))) == Disputed(
        (ANN, BOB), (Failed(ANN, ("t",)),)
    )
    mine = Tally((Build("x", "1", frozenset({"ann"})),), (vote("ann", 1), vote("bob", 2)), REGISTRY)
    assert quorums(mine) == {}
    assert outcomes(mine)[X] == Reproduced((ANN, BOB))


def test_a_quorum_rests_on_the_first_verdict_of_each_operator():
    votes = (vote("ann", 1), vote("ann", 2, keys=["another"]), vote("bob", 3), vote("cat", 4))

    assert [one.index for one in quorums(tally(*votes))[X]] == [1, 3]


def test_verdicts_on_two_provenances_of_one_artifact_are_not_added_up():
    assert backing(vote("ann", 1), vote("bob", 2, build="2")) == []
    assert backing(vote("ann", 1), vote("bob", 2, artifact="y")) == []
