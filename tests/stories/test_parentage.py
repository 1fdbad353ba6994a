"""Somebody compares weights and signs what came of it: edges are known better or contradicted, and nothing is flagged."""

import pytest
from world import World

from lineage import predicates
from lineage.checks import Compared
from lineage.facts import Evidence
from lineage.predicates import parentage, redaction
from lineage.residue import residue
from lineage.standing import Clean
from signing.errors import Forbidden, Malformed, Refused


def said(artifact, parent, outcome="consistent"):
    return parentage.statement([Compared(artifact, parent, outcome, "alone", "0.93", "0.6")])


def graded(world, artifact, size=None):
    return {edge.parent: edge.evidence for edge in world.verdict(artifact, size).parents}


def test_edges_are_consistent_or_contradicted_by_whose_word_and_as_of_when(world: World) -> None:
    base, other = world.model(), world.model()
    child = world.model(base, other, relation="merge")
    below = world.model(child)
    before = world.size()

    receipt = world.publish("rebuilder", said(child, base), said(child, other, "contradicted"))[0]

    assert graded(world, child) == {base: Evidence.CONSISTENT, other: Evidence.CONTRADICTED}
    assert graded(world, child, before) == {base: Evidence.SIGNED, other: Evidence.SIGNED}
    first = world.verdict(child).comparisons[0]
    assert (first.fact.parent, first.operators, first.entry) == (base, ("kennel",), receipt.entry)
    assert world.verdict(below).comparisons == ()
    assert isinstance(world.standing(child), Clean)
    world.check()


def test_a_verdict_counts_no_longer_than_the_key_that_signed_it(world: World) -> None:
    base = world.model()
    child = world.model(base)
    anna = world.join("anna", "rebuilder")
    world.advance(10)
    world.say(said(child, base, "contradicted"), anna)
    assert graded(world, child) == {base: Evidence.CONTRADICTED}

    world.end(anna, world.time - 5)

    assert graded(world, child) == {base: Evidence.SIGNED}
    assert world.verdict(child).comparisons == ()
    world.check()


def test_it_may_come_before_the_edge_and_lifts_no_edge_of_another(world: World) -> None:
    base, child = world.model(), world.model()
    world.publish("rebuilder", said(child, base))
    assert graded(world, child) == {}

    world.derive(child, base)
    grandchild = world.model(child)

    assert graded(world, child) == {base: Evidence.CONSISTENT}
    assert graded(world, grandchild) == {child: Evidence.SIGNED}
    world.check()


def test_what_was_reproduced_stays_so_where_weights_agree(world: World) -> None:
    one, two = world.model(), world.model()
    merged = world.merge("linear", one, two)
    world.rebuild(merged)

    world.publish("rebuilder", said(merged, one))
    assert set(graded(world, merged).values()) == {Evidence.REPRODUCED}

    world.publish("rebuilder", said(merged, one, "contradicted"))
    assert graded(world, merged) == {one: Evidence.CONTRADICTED, two: Evidence.REPRODUCED}
    world.check()


def test_a_verdict_that_an_order_removed_still_counts_since_it_holds_no_words(world: World) -> None:
    base = world.model()
    child = world.model(base)
    entry = world.publish("rebuilder", said(child, base))[0].entry
    facts = predicates.facts(said(child, base), entry)

    world.publish("root", redaction.statement(entry, "order 17", residue(parentage.URI, facts)))

    assert graded(world, child) == {base: Evidence.CONSISTENT}
    world.check()


def test_only_a_rebuilder_says_it_of_what_is_registered_here(world: World) -> None:
    base, child = world.model(), world.model()
    before = world.size()

    with pytest.raises(Refused, match="not registered here"):
        world.publish("rebuilder", said(child, "sha256:" + "0" * 64))
    with pytest.raises(Forbidden, match="rebuilder"):
        world.publish("security", said(child, base))
    assert world.size() == before
    world.check()


@pytest.mark.parametrize("parents", [["c"], ["p", "p"]])
def test_nothing_is_its_own_parent_and_each_is_named_once(parents) -> None:
    ids = {"c": "sha256:" + "c" * 64, "p": "sha256:" + "d" * 64}
    found = parentage.statement(
        [Compared(ids["c"], ids[one], "consistent", "alone", "1", "0.6") for one in parents]
    )

    with pytest.raises(Malformed, match="itself, or a parent of it twice"):
        predicates.facts(found, "0" * 64)
