"""Rebuilders: who agrees with whom, and who is contradicted by whom."""

from hypothesis import given
from hypothesis import strategies as st
from voting import BUILDER, REGISTRY, ballots, tally, vote

from lineage.rebuilders import Contradicted, rebuilders


def found(*votes):
    return {one.operator: one for one in rebuilders(tally(*votes))}


def test_t11_who_passed_what_two_others_found_different_is_named_with_it():
    votes = (vote("ann", 1), vote("bob", 2, differs=("t", "u")), vote("cat", 3, differs=("u", "t", "t")))

    said = found(*votes)

    assert said["ann"].passed_mismatches == [Contradicted("x", "1", ("bob", "cat"), ("t", "u"))]
    assert (said["ann"].passed, said["ann"].failed, said["ann"].compared, said["ann"].agreed) == (1, 0, 1, 0)
    assert (said["bob"].passed, said["bob"].failed, said["bob"].compared, said["bob"].agreed) == (0, 1, 1, 1)
    assert said["bob"].passed_mismatches == said["bob"].failed_matches == []


def test_other_evidence_or_one_operator_twice_contradicts_nobody():
    one = vote("ann", 1)

    assert found(one, vote("bob", 2, differs=("t",)))["ann"].passed_mismatches == []
    assert (
        found(one, vote("bob", 2, differs=("t",)), vote("cat", 3, differs=("u",)))["ann"].passed_mismatches
        == []
    )
    assert (
        found(one, vote("bob", 2, differs=("t",)), vote("bob", 3, differs=("t",)))["ann"].passed_mismatches
        == []
    )


def test_the_registry_s_own_rebuild_contradicts_alone():
    failed = found(vote("ann", 1), vote(REGISTRY, 2, differs=("t",)))
    passed = found(vote("ann", 1, differs=("t",)), vote(REGISTRY, 2))

    assert failed["ann"].passed_mismatches == [Contradicted("x", "1", (REGISTRY,), ("t",))]
    assert passed["ann"].failed_matches == [Contradicted("x", "1", (REGISTRY,), ("t",))]


def test_t12_who_failed_what_two_independent_others_passed_is_named_with_it():
    votes = (vote("ann", 1), vote("bob", 2), vote("cat", 3, differs=("t",)))

    assert found(*votes)["cat"].failed_matches == [Contradicted("x", "1", ("ann", "bob"), ("t",))]
    assert found(*votes)["ann"].failed_matches == []
    assert found(vote("ann", 1), vote(BUILDER, 2), vote("cat", 3, differs=("t",)))["cat"].failed_matches == []


@given(ballots().flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_in_which_verdicts_are_handed_over_changes_no_record(orders):
    one, other = (rebuilders(tally(*order)) for order in orders)
    assert one == other


@given(ballots())
def test_every_verdict_is_counted_once_and_nobody_contradicts_themselves(votes):
    said = rebuilders(tally(*votes))

    assert sum(one.passed + one.failed for one in said) == len(votes)
    for one in said:
        assert 0 <= one.agreed <= one.compared
        for against in (*one.passed_mismatches, *one.failed_matches):
            assert against.by
            assert one.operator not in against.by
            assert REGISTRY in against.by or len(against.by) >= 2
