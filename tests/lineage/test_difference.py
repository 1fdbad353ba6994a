"""Difference: what came and what went are each other's mirror, and nothing differs from itself."""

from dataclasses import replace

from exported import pedigrees
from hypothesis import given, settings

from lineage.difference import Moved, difference
from lineage.facts import Evidence


@given(pedigrees(), pedigrees())
@settings(max_examples=100, deadline=None)
def test_law_backwards_what_came_has_gone(one, other) -> None:
    forth, back = difference(one, other), difference(other, one)

    for what in ("nodes", "ancestors", "descendants", "incidents", "evaluations"):
        assert getattr(forth, what) == Moved(*reversed(getattr(back, what)))
    assert (forth.edges_came, forth.edges_went) == (back.edges_went, back.edges_came)
    assert {(said(found.edge), found.before, found.edge.evidence) for found in forth.regraded} == {
        (said(found.edge), found.edge.evidence, found.before) for found in back.regraded
    }


def said(edge):
    return replace(edge, evidence=Evidence.CLAIMED)


@given(pedigrees())
@settings(max_examples=50, deadline=None)
def test_law_nothing_differs_from_itself(one) -> None:
    found = difference(one, one)

    assert found.edges_came == found.edges_went == found.regraded == ()
    assert found.nodes == found.incidents == found.evaluations == Moved((), ())


@given(pedigrees())
@settings(max_examples=50, deadline=None)
def test_an_edge_that_was_executed_again_neither_came_nor_went(one) -> None:
    better = tuple(replace(edge, evidence=Evidence.REPRODUCED) for edge in one.edges)
    worse = tuple(replace(edge, evidence=Evidence.SIGNED) for edge in one.edges)

    found = difference(replace(one, edges=worse), replace(one, edges=better))

    assert found.edges_came == found.edges_went == ()
    assert {one.before for one in found.regraded} == ({Evidence.SIGNED} if one.edges else set())
