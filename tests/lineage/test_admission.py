"""Admission: what fits the log and what does not, decided from answers alone."""

import re
from dataclasses import fields

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statements import EXAMPLES

from lineage.admission import Known, Questions, admit, questions
from lineage.assessed import Assessed
from lineage.checks import Agreed, Rebuilt
from lineage.facts import (
    WEIGHTLESS,
    Built,
    Claimed,
    Corrected,
    Derived,
    Described,
    Evidence,
    Licensed,
    Named,
    Registered,
    Rooted,
)
from lineage.incidents import Disputed, Embargoed, Reported, Restaged
from lineage.skeleton import skeleton
from lineage.stages import NEXT
from signing.errors import Forbidden, Refused

A, B, STUB = "sha256:" + "a" * 64, "sha256:" + "b" * 64, "hf:acme/base"
REBUILT = Rebuilt(A, "b" * 64, passed=True, verifier="v", differs=())
AGREED = Agreed(A, ("c" * 64, "d" * 64), "v")
NAMED = Named("acme/Model", None, A)
LOOKS = skeleton(NAMED.name)


def edge(parent, relation="merge"):
    return Derived(A, parent, relation, "{}", Evidence.SIGNED)


@given(st.data())
def test_every_statement_fits_where_everything_it_needs_is_known(data):
    _, facts = data.draw(EXAMPLES[data.draw(st.sampled_from(sorted(EXAMPLES)))])
    facts = [fact for fact in facts if not (isinstance(fact, Derived) and fact.child == fact.parent)]
    asked = questions(facts)

    admit(
        facts,
        Known(
            artifacts=asked.artifacts,
            incidents=dict.fromkeys(
                asked.incidents - {fact.incident for fact in facts if isinstance(fact, Embargoed)},
                "confirmed",
            ),
            disputes=asked.disputes,
            # A correction that is said must not be known the other way round; one that `fixed` names must be known.
            corrections=asked.corrections
            if any(isinstance(fact, Assessed) for fact in facts)
            else frozenset(),
            quorums={fact.artifact: [fact.verdicts] for fact in facts if isinstance(fact, Agreed)},
            builds={fact.build: fact.artifact for fact in facts if isinstance(fact, Rebuilt)},
        ),
    )


@pytest.mark.parametrize(
    "fact",
    [
        Described(A, "0" * 64),
        Built(A, "0" * 64, "0" * 64, "b"),
        REBUILT,
        AGREED,
        Licensed(A, "mit"),
        NAMED,
        Corrected(A, B),
        Corrected(B, A),
        Disputed("0" * 64, A, "x", None),
        edge(STUB),
        Reported("0" * 64, (B, A), "privacy", "low", "reported", "s", "c"),
    ],
    ids=lambda fact: fact.kind,
)
def test_nothing_is_said_about_what_is_not_registered(fact):
    assert A in questions([fact]).artifacts
    with pytest.raises(Refused, match=f"{A} is not registered here, and a '{fact.kind}' fact is about it"):
        admit([fact], Known(artifacts={B}, builds={"b" * 64: A}))


def test_nothing_supersedes_itself_nor_what_supersedes_it():
    with pytest.raises(Refused, match=f"{A} cannot supersede itself"):
        admit([Corrected(A, A)], Known(artifacts={A}))
    assert questions([Corrected(A, B)]).corrections == {(A, B)}
    with pytest.raises(Refused, match=f"{B} supersedes {A}, so it cannot be superseded by it"):
        admit([Corrected(A, B)], Known(artifacts={A, B}, corrections={(A, B)}))


@pytest.mark.parametrize("fact", [Registered(A, (("x", "0" * 64),)), Rooted(1, "{}")])
def test_some_statements_need_nothing(fact):
    nothing = frozenset()

    assert questions([fact]) == Questions(*[nothing] * len(fields(Questions)))
    admit([fact], Known())


def test_an_unknown_parent_is_refused_unless_it_is_named_as_a_stub():
    admit([edge(STUB)], Known(artifacts={A}))
    with pytest.raises(Refused, match=f"the parent {B} of {A} is not registered here"):
        admit([edge(B)], Known(artifacts={A}))


@pytest.mark.parametrize("relation", ["merge", *sorted(WEIGHTLESS)])
def test_t21_a_cycle_is_refused_over_every_relation(relation):
    asked = questions([edge(B, relation), edge(STUB)])
    assert (asked.children, asked.parents) == ({A}, {B, STUB})
    with pytest.raises(Refused, match=f"{B} descends from {A}, so it cannot be its parent"):
        admit([edge(B, relation)], Known(artifacts={A, B}, paths={(A, B)}))
    with pytest.raises(Refused, match=f"{A} cannot be its own parent"):
        admit([edge(A, relation)], Known(artifacts={A}))


def claim(child, parent, relation="merge"):
    return Derived(child, parent, relation, "{}", Evidence.CLAIMED)


def test_a_stub_needs_nothing_to_be_claimed_of_and_its_registered_parent_is_registered():
    facts = [claim(STUB, "hf:acme/older"), Claimed(STUB, "mit")]
    assert questions(facts).artifacts == frozenset()
    admit(facts, Known())
    with pytest.raises(Refused, match=f"the parent {B} of {STUB} is not registered here"):
        admit([claim(STUB, B)], Known(artifacts={A}))


@pytest.mark.parametrize("relation", ["merge", *sorted(WEIGHTLESS)])
def test_t21_a_cycle_through_stubs_is_refused_over_every_relation(relation):
    one, two, three, four = (f"hf:acme/{name}" for name in ("one", "two", "three", "four"))
    with pytest.raises(Refused, match=f"{two} descends from {one}, so it cannot be its parent"):
        admit([claim(one, two, relation)], Known(paths={(one, two)}))
    with pytest.raises(Refused, match="descends from"):
        admit([claim(one, two), claim(two, three, relation), claim(three, one)], Known())
    # Two edges close a cycle by way of what is logged, and neither of them does alone.
    apart = [claim(one, two, relation), claim(three, four)]
    admit(apart, Known(paths={(one, four)}))
    with pytest.raises(Refused, match="descends from"):
        admit(apart, Known(paths={(one, four), (three, two)}))
    with pytest.raises(Refused, match=f"{one} cannot be its own parent"):
        admit([claim(one, one, relation)], Known())


PAIRS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda pair: pair[0] != pair[1]), max_size=9
)


@given(PAIRS, PAIRS)
def test_t21_law_edges_fit_together_just_if_no_cycle_runs_through_them_and_the_log(logged, new):
    there = nx.DiGraph([pair for pair in logged if pair[0] < pair[1]])
    there.add_nodes_from(range(7))
    facts = [claim(f"hf:a/{child}", f"hf:a/{parent}") for parent, child in new]
    paths = {
        (f"hf:a/{child}", f"hf:a/{parent}")
        for _, child in new
        for parent, _ in new
        if child != parent and nx.has_path(there, child, parent)
    }
    together = nx.DiGraph([*there.edges, *new])

    if nx.is_directed_acyclic_graph(together):
        admit(facts, Known(paths=paths))
    else:
        with pytest.raises(Refused, match="descends from") as refused:
            admit(facts, Known(paths=paths))
        parent, child = (int(word) for word in re.findall(r"hf:a/(\d)", str(refused.value)))
        assert (parent, child) in new
        assert nx.has_path(together, child, parent)


def test_a_rebuild_names_a_provenance_of_the_artifact():
    admit([REBUILT], Known(artifacts={A}, builds={"b" * 64: A}))
    for builds in ({}, {"b" * 64: B}):
        with pytest.raises(Refused, match=f"entry {'b' * 64} is no provenance of {A}"):
            admit([REBUILT], Known(artifacts={A}, builds=builds))


def test_t19_a_name_that_differs_from_another_in_case_only_is_refused():
    assert questions([NAMED]).names == {LOOKS}
    admit([NAMED], Known(artifacts={A}, names={LOOKS: ["acme/Model"]}))
    with pytest.raises(Refused, match="'acme/Model' differs only in case from 'Acme/model'"):
        admit([NAMED], Known(artifacts={A}, names={LOOKS: ["Acme/model"]}))


@pytest.mark.parametrize(
    ("operators", "whose"),
    [
        (("acme",), "acme"),
        (("zoe", "acme"), "acme or zoe"),
        ((), "nobody, as no key for it is good now"),
    ],
)
def test_t19_a_name_that_looks_like_another_is_refused_with_both_and_whose_signature_it_needs(
    operators, whose
):
    alike = Known(artifacts={A}, names={LOOKS: ["acrne/model"]}, owners={"acrne/model": operators})
    why = f"^the name 'acme/Model' looks like 'acrne/model', which is taken: .* may bind that one, {whose}$"
    with pytest.raises(Forbidden, match=why):
        admit([NAMED], alike)


def test_t19_every_name_that_it_looks_like_has_a_say():
    both = {LOOKS: ["acrne/model", "acme/mode1"]}
    admit([NAMED], Known(artifacts={A}, names=both))
    for one in ("acrne/model", "acme/mode1"):
        with pytest.raises(Forbidden, match=f"looks like '{one}'"):
            admit([NAMED], Known(artifacts={A}, names=both, owners={one: ("acme",)}))


def test_t19_a_name_that_is_taken_already_moves_whatever_looks_like_it():
    both = {LOOKS: ["acrne/model", "acme/Model"]}
    admit([NAMED], Known(artifacts={A}, names=both, owners=dict.fromkeys(both[LOOKS], ())))


STAGES = ("reported", "confirmed", "resolved", "rejected", "retracted")


@pytest.mark.parametrize("before", STAGES)
@pytest.mark.parametrize("after", STAGES[1:])
def test_an_incident_moves_on_and_never_back(before, after):
    change = Restaged("c" * 64, after, "why")
    known = Known(incidents={"c" * 64: before})

    assert questions([change]).incidents == {"c" * 64}
    if after == before or after in NEXT.get(before, ()):
        admit([change], known)
    else:
        with pytest.raises(Refused, match=f"is {before} and becomes .*, not {after}"):
            admit([change], known)


def test_an_unknown_incident_cannot_change():
    with pytest.raises(Refused, match=f"no entry {'c' * 64} reports an incident"):
        admit([Restaged("c" * 64, "confirmed", "why")], Known())


@pytest.mark.parametrize(
    ("quorums", "rest"),
    [
        ([], "none stands, or somebody's FAILED stands against it"),
        ([("d" * 64, "c" * 64)], f"one rests on {'d' * 64} and {'c' * 64}"),
        ([("c" * 64, "e" * 64)], f"one rests on {'c' * 64} and {'e' * 64}"),
    ],
    ids=["none", "in another order", "of others"],
)
def test_t11_a_quorum_that_the_verdicts_do_not_bear_out_is_refused(quorums, rest):
    admit([AGREED], Known(artifacts={A}, quorums={A: [("0" * 64, "1" * 64), AGREED.verdicts]}))
    with pytest.raises(Refused, match=f"are no quorum on {A}: {rest}"):
        admit([AGREED], Known(artifacts={A}, quorums={A: quorums}))
    with pytest.raises(Refused, match="are no quorum"):
        admit([AGREED], Known(artifacts={A}, quorums={B: [AGREED.verdicts]}))
