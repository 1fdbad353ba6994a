"""Records in an order in which they can be claimed."""

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from lineage.predicates.claims import Claim, Parent
from registry.arranged import ANOTHER, CYCLE, acyclic, licensed, named, ordered, settled
from registry.records import Read, Reason, Unread


def read(child, *parents, relation="merge", license=None, place="x"):  # noqa: A002
    return Read(
        place, Claim(f"hf:a/{child}", tuple(Parent(f"hf:a/{one}", relation) for one in parents), license)
    )


LOST = Unread("x", Reason("is lost", "it is lost"))


def relations(records):
    return [[parent.relation for parent in one.claim.parents] for one in records]


def test_an_adapter_of_an_adapter_is_a_fine_tune_of_it():
    records = [read(2, 1, relation="adapter_of"), read(1, 0, relation="adapter_of"), LOST, read(3, 2)]

    assert relations(one for one in settled(records, ()) if one is not LOST) == [
        ["finetune"],
        ["adapter_of"],
        ["merge"],
    ]
    assert relations(settled(records[1:2], {"hf:a/0"})) == [["finetune"]]


def test_the_last_license_of_an_artifact_is_the_one_that_is_claimed():
    first, again, last = read(1, 0, license="mit"), read(1, license="mit"), read(1, license="other")

    found = licensed([first, LOST, again, last])

    assert [one.claim.license for one in found if isinstance(one, Read)] == [None, "other"]
    assert found[0].remarks[0].gist == ANOTHER
    assert "hf:a/1 is under mit here, and under other in a later record" in found[0].remarks[0].sentence
    assert (found[2].why.gist, found[3]) == (ANOTHER, last), (
        "a record that said nothing else says nothing now"
    )
    assert licensed([first, again]) == [first, again]


def test_the_edge_that_closes_a_cycle_is_left_out_by_name():
    records = [read(1, 0), read(0, 2), read(2, 1, 7), read(3, 2)]

    found = acyclic(records)

    assert [found[0], found[1], found[3]] == [records[0], records[1], records[3]]
    assert [one.artifact for one in found[2].claim.parents] == ["hf:a/7"]
    assert [(one.gist, one.sentence) for one in found[2].remarks] == [
        (CYCLE, "hf:a/1 descends from hf:a/2 by what stands before, so it cannot be its parent")
    ]
    alone = acyclic([read(1, 0), read(0, 1)])
    assert (type(alone[1]), alone[1].why.gist) == (Unread, CYCLE)


def test_parents_come_first_and_what_is_said_of_one_artifact_together():
    records = [read(3, 2), read(1, 0), LOST, read(2, 1), read(1, 9)]
    assert ordered(records) == [1, 4, 3, 0]


def test_everything_that_is_named_is_told():
    assert named([read(1, 0), LOST, read(2)]) == {"hf:a/0", "hf:a/1", "hf:a/2"}


NODES = st.integers(0, 6)


@given(st.lists(st.tuples(NODES, st.lists(NODES, min_size=1, max_size=3, unique=True))))
def test_law_what_is_left_has_no_cycle_is_in_order_and_nothing_is_lost(drawn):
    records = [
        read(child, *[one for one in parents if one != child], license="mit") for child, parents in drawn
    ]

    found = acyclic(records)
    order = ordered(found)

    assert sorted(order) == list(range(len(records))), "every record is claimed"
    graph = nx.DiGraph((p.artifact, one.claim.artifact) for one in found for p in one.claim.parents)
    assert nx.is_directed_acyclic_graph(graph)
    for before, after in zip(records, found, strict=True):
        assert len(before.claim.parents) == len(after.claim.parents) + len(after.remarks)
    children = [found[place].claim.artifact for place in order]
    for at, place in enumerate(order):
        assert not {p.artifact for p in found[place].claim.parents} & set(children[at:])


@given(st.permutations(range(1, 7)))
def test_law_nothing_is_left_out_where_there_is_no_cycle(order):
    records = [read(child, child - 1, child // 2) for child in order if child > 1]
    assert acyclic(records) == records
