"""Who registered what an incident flags may dispute it: that is shown beside it, and moves nothing."""

import json
from dataclasses import replace

import exported
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from receiving import receiving
from world import World

from lineage.assessed import Assessed
from lineage.predicates import dispute, incident_amendment, incident_change, incident_status, redaction
from lineage.residue import REMOVED
from lineage.standing import Affected, Clean
from registry.exports import cyclonedx, openvex, osv
from registry.feed import text as feed_of
from registry.local import Local
from registry.store import changes, flagging, subjects
from registry.store import redaction as redactions
from registry.work import evidence
from registry.work.hooks import add, deliver, replay
from signing.errors import Forbidden, Refused, Untrusted
from signing.keys import PrivateKey


def say(
    world: World, reported: str, artifact: str, *keys: PrivateKey, words: str = "not so", proof=None
) -> str:
    world.advance(1)
    return world.say(dispute.statement(reported, artifact, words, proof, world.time), *keys).entry


def told(world: World, artifact: str, size: int | None = None) -> list[tuple[tuple[str, ...], str]]:
    one = world.standing(artifact, size=size).incidents[0].incident
    return [(said.operators, said.fact.text) for said in one.disputes]


def test_an_owner_disputes_what_reaches_it_and_is_shown_beside_it(world: World) -> None:
    ann = world.join("ann", "publisher")
    base = world.artifact()
    child = world.artifact(base, key=ann)
    reported = world.report(base, "compromised")
    flagged, before = world.flagged(reported), world.size()

    entry = say(world, reported, child, ann, words="the trigger was removed", proof="ab" * 32)

    assert told(world, child) == told(world, base) == [(("ann",), "the trigger was removed")]
    assert told(world, child, size=before) == []
    assert world.flagged(reported) == flagged
    assert isinstance(world.standing(child), Affected)
    (out,) = Local(world.home.store, lambda: world.time).incidents()
    assert (out.disputed, out.disputes[0].artifact, out.disputes[0].evidence) == (1, child, "ab" * 32)
    assert (out.disputes[0].entry, out.stage) == (entry, "confirmed")
    words = f"1 dispute, the newest by ann in entry {entry} for {child}: the trigger was removed"
    (about,) = json.loads(cyclonedx.text(exported.told(world, child)))["vulnerabilities"]
    assert {"name": "studbook:disputed", "value": words} in about["properties"]
    reach = exported.reached(world, reported)
    assert json.loads(osv.text(reach))["database_specific"]["disputed"] == words
    assert all(words in one["status_notes"] for one in json.loads(openvex.text(reach))["statements"])
    found = Assessed(base, reported, "affected", None, None, None, "looked at")
    world.publish("security", incident_status.statement(found, world.time))
    about = json.loads(openvex.text(exported.reached(world, reported)))["statements"]
    assert [words in one["status_notes"] for one in about] == [True, True]
    assert ["looked at" in one["status_notes"] for one in about].count(True) == 1
    world.check()


def test_only_who_registered_it_disputes_and_only_what_reaches_it(world: World) -> None:
    ann, ben = world.join("ann", "publisher"), world.join("ben", "publisher", "security")
    base, other = world.artifact(), world.artifact(key=ben)
    child = world.artifact(base, key=ann)
    reported = world.report(base, "compromised")
    before = world.size()

    with pytest.raises(
        Forbidden, match=r"dispute/v1 about .* is for ann, who registered it; it is signed by ben"
    ):
        say(world, reported, child, ben)
    with pytest.raises(Forbidden, match="holds security, not publisher"):
        say(world, reported, base, world.home.keys("security"))
    with pytest.raises(Refused, match=f"incident {reported} neither names nor reaches {other}"):
        say(world, reported, other, ben)
    with pytest.raises(Refused, match=r"no entry 0000.* reports an incident here"):
        say(world, "0" * 64, child, ann)
    world.retract(reported)
    with pytest.raises(Refused, match=f"incident {reported} was retracted: nothing of it is left to dispute"):
        say(world, reported, child, ann)
    assert world.size() == before + 1
    assert world.standing(child) == Clean()
    world.check()


def test_a_dispute_falls_with_its_key_and_loses_its_words_by_order(world: World) -> None:
    ann, thief = world.join("ann", "publisher"), world.join("ann", "publisher")
    child = world.artifact(key=ann)
    reported = world.report(child, "privacy")
    world.advance(10)
    end = world.time
    world.advance(10)
    say(world, reported, child, thief, words="never mind")
    world.end(thief, at=end)
    assert told(world, child) == []

    entry = say(world, reported, child, ann, words="the name of a person")
    with world.home.store.reading() as connection:
        left = redactions.left(connection, world.size() - 1)
    world.publish("root", redaction.statement(entry, "an order", left))

    assert told(world, child) == [(("ann",), REMOVED)]
    world.check()


@pytest.mark.parametrize("ordered", ["binding", "report"])
def test_a_dispute_stands_where_an_order_took_what_it_was_flagged_by(world: World, ordered: str) -> None:
    ann = world.join("ann", "publisher")
    base, named = world.artifact(), world.artifact()
    binding = world.bind("kennel/bad", base).entry
    child = world.artifact(base, key=ann)
    reported = world.report(named, "compromised", names=["kennel/*"])
    say(world, reported, base, world.home.keys("publisher"))
    say(world, reported, child, ann)
    world.redact(binding if ordered == "binding" else reported)
    assert world.flagged(reported) == {named}
    with world.home.store.reading() as connection:
        (found,) = flagging.incidents(connection, reported)
    assert [one.fact.artifact for one in found.disputes] == [base, child]

    say(world, reported, child, ann, words="nor was it")  # what is in doubt is disputed as well

    if ordered == "binding":
        later = world.artifact(key=ann)
        with pytest.raises(Refused, match=f"incident {reported} neither names nor reaches {later}"):
            say(world, reported, later, ann)
    world.check()


def test_a_dispute_is_proven_offline_beside_its_incident(world: World) -> None:
    child = world.artifact()
    reported = world.report(child, "privacy")
    say(world, reported, child, world.home.keys("publisher"), words="it is public")

    lines = Local(world.home.store, lambda: world.time).bundle(child, ancestors=True)
    (found,) = evidence.read(lines, world.home.root()).incidents

    assert [(one.operators, one.fact.text) for one in found.incident.disputes] == [
        (("kennel",), "it is public")
    ]


def test_a_file_holds_the_disputes_of_others_and_who_they_are_and_is_about_what_was_asked_for(
    world: World,
) -> None:
    ann = world.join("ann", "publisher")
    base, other = world.artifact(), world.artifact()
    world.bind("kennel/base", base)
    child, theirs = world.artifact(base), world.artifact(base, key=ann)
    reported = world.report(base, "compromised")
    say(world, reported, theirs, ann)
    selecting = world.report(other, "privacy", names=["kennel/*"])

    for asked in (base, child):
        lines = Local(world.home.store, lambda: world.time).bundle(asked, ancestors=True)
        found = evidence.read(lines, world.home.root())

        incidents = {one.incident.id: one.incident for one in found.incidents}
        assert [one.fact.artifact for one in incidents[reported].disputes] == [theirs]
        assert incidents[selecting].artifacts == tuple(sorted((base, other)))
        evidence.check_about(found, asked)
        with pytest.raises(Untrusted, match=f"not about {theirs}"):
            evidence.check_about(found, theirs)


def test_hooks_and_feed_are_told_of_disputes_and_amendments_as_they_stood_then(world: World) -> None:
    child = world.artifact()
    with receiving() as receiver:
        hook, _ = add(world.home, receiver.url, "artifact", child)
        reported = world.report(child, "privacy", severity="low", stage="reported")
        say(world, reported, child, world.home.keys("publisher"), words="it is public")
        amended = incident_amendment.statement(reported, "more is known", severity="high", issued=world.time)
        world.publish("security", amended)
        world.publish("security", incident_change.statement(reported, "confirmed", "it is so"))
        deliver(world.home)
        replay(world.home, hook.id, None)
        deliver(world.home)

        first, again = receiver.got[:4], receiver.got[4:]

    said = [one.said for one in first]
    assert [one["type"] for one in said] == [
        f"incident.{event}" for event in ("reported", "disputed", "amended", "confirmed")
    ]
    incidents = [one["data"]["incident"] for one in said]
    assert [one["severity"] for one in incidents] == ["low", "low", "high", "high"]
    assert [one["stage"] for one in incidents] == ["reported", "reported", "reported", "confirmed"]
    assert [one["disputed"] for one in incidents] == [0, 1, 1, 1]
    assert [one["data"]["reason"] for one in said] == [None, "it is public", "more is known", "it is so"]
    assert [one.body for one in again] == [one.body for one in first], "what is sent again is the same"
    with world.home.store.reading() as connection:
        found = changes.newest(connection, 9)
        feed = feed_of(subjects.as_of(connection, world.size()), found, "http://here/")
    assert [one.event for one in found] == ["confirmed", "amended", "disputed", "reported"]
    assert "disputed: privacy, low" in feed
    assert f"Disputed by kennel for {child}: it is public" in feed
    world.check()


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["child", "report", "dispute", "retract", "wait", "end"]),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    max_size=10,
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=ACTS)
def test_law_disputes_move_nothing_and_fold_again_after_any_interleaving(tmp_path_factory, acts) -> None:
    world = World(tmp_path_factory.mktemp("law"))
    people = [world.join("ann", "publisher"), world.join("ben", "publisher")]
    ended: set[int] = set()
    models = [(world.artifact(key=key), number) for number, key in enumerate(people)]
    reported: list[str] = []
    for what, one, other in acts:
        world.advance(1)
        artifact, owner = models[one % len(models)]
        who = other % 2
        if what == "child" and who not in ended:
            models.append((world.artifact(artifact, key=people[who]), who))
        elif what == "report":
            reported.append(world.report(artifact, "privacy", stage="reported"))
        elif what == "end" and who not in ended and one == 3:
            world.advance(2)
            world.end(people[who], world.time - 1)
            ended.add(who)
        elif what == "retract" and reported:
            world.retract(reported[other % len(reported)])
        elif what == "dispute" and reported and who not in ended:
            _dispute(world, reported[other % len(reported)], artifact, people[who], owns=owner == who)
    world.check()


def _dispute(world: World, reported: str, artifact: str, key: PrivateKey, *, owns: bool) -> None:
    def bare() -> list[object]:
        with world.home.store.reading() as connection:
            return [replace(one, disputes=()) for one in flagging.incidents(connection)]

    before, flagged = bare(), world.flagged(reported)
    open_ = next(one.stage for one in before if one.id == reported) != "retracted"
    if open_ and owns and artifact in flagged:
        say(world, reported, artifact, key)
    else:
        with pytest.raises(Refused):
            say(world, reported, artifact, key)
    assert (bare(), world.flagged(reported)) == (before, flagged)
