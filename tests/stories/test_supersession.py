"""One artifact takes the place of another: by the word of who speaks for both, once round nowhere, and no longer than their key."""

import pytest
from world import World

from lineage.facts import Corrected
from lineage.predicates import redaction as redactions
from lineage.predicates import signature, supersession
from lineage.standing import Affected, Clean
from registry.answers import VerdictOut
from registry.store import redaction, said
from signing.digest import artifact_id
from signing.errors import Forbidden, Refused


def test_who_is_superseded_stays_what_it_was_and_both_say_so(world: World) -> None:
    old, new, other = world.model(), world.model(), world.model()
    world.report(old, "compromised")
    before = world.size()

    receipt = world.publish("publisher", supersession.statement(new, old))[0]

    assert isinstance(world.standing(old), Affected)
    assert world.standing(new) == Clean()
    for artifact in (old, new):
        (told,) = world.verdict(artifact).corrections
        assert (told.fact, told.operators, told.entry) == (Corrected(new, old), ("kennel",), receipt.entry)
        assert world.verdict(artifact, before).corrections == ()
        assert VerdictOut.of(world.verdict(artifact)).corrections[0].earlier == old
        with world.home.store.reading() as connection:
            assert receipt.index in said.entries(connection, [artifact]), "a bundle of it holds the statement"
    assert world.verdict(other).corrections == ()
    world.check()


def test_only_who_speaks_for_both_says_that_one_supersedes_the_other(world: World) -> None:
    mine, anna = world.model(), world.join("anna", "publisher")
    files = {"model.safetensors": "ab" * 32}
    hers = artifact_id(files)
    world.say(signature.statement("hers", files), anna)

    for one in (supersession.statement(hers, mine), supersession.statement(mine, hers)):
        with pytest.raises(Forbidden, match=r"is for \w+, who registered it"):
            world.say(one, anna)
        with pytest.raises(Forbidden, match=r"is for \w+, who registered it"):
            world.publish("publisher", one)
    world.say(supersession.statement(mine, hers), anna, world.home.keys("publisher"))
    assert [one.fact for one in world.verdict(hers).corrections] == [Corrected(mine, hers)]
    world.check()


def test_nothing_supersedes_what_supersedes_it(world: World) -> None:
    one, two, three = (world.model() for _ in range(3))
    world.publish("publisher", supersession.statement(two, one), supersession.statement(three, two))

    for artifact, earlier in ((one, one), (one, two), (one, three)):
        with pytest.raises(Refused, match=f"{artifact} cannot supersede|{earlier} supersedes {artifact}"):
            world.publish("publisher", supersession.statement(artifact, earlier))
    world.publish("publisher", supersession.statement(three, one))
    world.check()


def test_t8_a_stolen_key_s_word_about_what_supersedes_what_falls_with_it(world: World) -> None:
    anna = world.join("anna", "publisher")
    listed = [{"model.safetensors": digit * 64} for digit in "ab"]
    old, new = map(artifact_id, listed)
    for files in listed:
        world.say(signature.statement("hers", files), anna)
    world.advance(10)
    world.say(supersession.statement(new, old), anna)
    during = world.size()

    world.end(anna, world.time - 5)

    assert world.verdict(old).corrections == ()
    assert len(world.verdict(old, during).corrections) == 1
    world.check()


def test_a_supersession_that_an_order_removed_keeps_its_shape(world: World) -> None:
    old, new = world.model(), world.model()
    receipt = world.publish("publisher", supersession.statement(new, old))[0]
    with world.home.store.reading() as connection:
        left = redaction.left(connection, receipt.index)

    world.publish("root", redactions.statement(receipt.entry, "order 17", left))

    assert [one.fact for one in world.verdict(old).corrections] == [Corrected(new, old)]
    world.check()
