"""Subscribers are told of what concerns them, once for each change, however often a receiver or a sender falls over."""

import os
import time

import pytest
from receiving import Receiver, receiving
from standardwebhooks.webhooks import Webhook
from world import OPERATOR, World

from registry.store import Absent, hooks
from registry.store.hooks import Delivery
from registry.work import posting
from registry.work.hooks import WAITS, add, deliver, remove, replay
from signing.errors import Malformed, Refused


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


def sent(world: World, hook: str) -> tuple[Delivery, ...]:
    with world.home.store.reading() as connection:
        return hooks.deliveries(connection, hook)


def test_a_report_arrives_signed_and_its_retraction_too(world: World, receiver: Receiver) -> None:
    world.advance(int(time.time()) - world.time)  # whoever verifies has a clock of its own
    base = world.model(name="kennel/base")
    world.report(base, "compromised")
    hook, secret = add(world.home, receiver.url, "operator", OPERATOR)
    assert secret is not None
    tuned = world.model(base, name="kennel/tuned")
    assert deliver(world.home) == (), "what was logged before a hook was added is not told"

    incident = world.report(base, "data-poisoned")
    (one,) = deliver(world.home)

    assert (one.state, one.attempts, one.due) == ("delivered", 1, None)
    (got,) = receiver.got
    assert Webhook(secret).verify(got.body, got.headers) == got.said
    assert (got.said["type"], got.said["data"]["incident"]["id"]) == ("incident.confirmed", incident)
    ways = {one["artifact"]: one["via"] for one in got.said["data"]["affected"]}
    assert ways == {base: [base], tuned: [base, tuned]}

    world.retract(incident, "the wrong file")
    deliver(world.home)

    said = receiver.got[1].said
    assert (said["type"], said["data"]["reason"]) == ("incident.retracted", "the wrong file")
    assert said["data"]["total"] == 2
    assert receiver.got[1].id != got.id
    assert deliver(world.home) == ()
    assert secret.encode() not in b"".join(
        one.read_bytes() for one in world.home.path.iterdir() if one.is_file()
    )
    assert (world.home.path / "keys" / hook.secret).stat().st_mode & 0o777 == 0o600
    world.check()


def test_a_receiver_that_is_down_is_told_later_under_the_same_id(world: World, receiver: Receiver) -> None:
    hook, secret = add(world.home, receiver.url, "all", "")
    assert secret is not None
    world.report(world.model(), "compromised", stage="reported")
    receiver.status = 503

    (first,) = deliver(world.home)
    assert (first.state, first.due) == ("waiting", world.time + WAITS[0])
    assert first.said == "answered with status 503"
    assert deliver(world.home) == ()
    receiver.status = 200
    world.advance(WAITS[0])
    (second,) = deliver(world.home)

    assert (second.state, second.attempts) == ("delivered", 2)
    one, other = receiver.got
    assert (one.id, one.body) == (other.id, other.body)
    assert all(got.holds(secret) for got in receiver.got)
    assert sent(world, hook.id) == (second,)
    world.check()


def test_a_sender_killed_after_sending_sends_it_again_and_loses_nothing(
    world: World, receiver: Receiver
) -> None:
    add(world.home, receiver.url, "all", "")
    first = world.report(world.model(), "compromised")
    second = world.report(world.model(), "compromised")
    world.home.store.close()
    child = os.fork()
    if child == 0:
        try:
            world.reopen()

            def dying(url, headers, body) -> int:
                posting.post(url, headers, body, private=False)
                os._exit(9)

            deliver(world.home, dying)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    world.reopen()

    (other,) = deliver(world.home)
    assert other.state == "delivered"
    world.advance(60)
    (again,) = deliver(world.home)

    assert (again.state, again.attempts) == ("delivered", 2)
    told = [got.said["data"]["incident"]["id"] for got in receiver.got]
    assert told == [first, second, first]
    assert receiver.got[0].id == receiver.got[2].id
    assert receiver.got[0].body == receiver.got[2].body
    world.check()


def test_a_replay_sends_the_same_ids_and_can_begin_before_the_hook_did(
    world: World, receiver: Receiver
) -> None:
    base = world.model()
    early = world.report(base, "compromised")
    hook, _ = add(world.home, receiver.url, "all", "")
    late = world.report(base, "data-poisoned")
    deliver(world.home)
    world.model(base)

    replay(world.home, hook.id, None)
    deliver(world.home)
    assert len({(got.id, got.body) for got in receiver.got}) == 1
    assert len(receiver.got) == 2

    replay(world.home, hook.id, 0)
    deliver(world.home)

    told = [got.said["data"]["incident"]["id"] for got in receiver.got[2:]]
    assert told == [early, late]
    assert receiver.got[3].id == receiver.got[0].id
    with pytest.raises(Absent, match="there is no hook 'x'"):
        replay(world.home, "x", None)
    world.check()


def test_a_replay_of_the_newest_does_not_pass_over_what_was_not_told_yet(
    world: World, receiver: Receiver
) -> None:
    hook, _ = add(world.home, receiver.url, "all", "")
    waiting = world.report(world.model(), "compromised")

    replay(world.home, hook.id, world.size())
    deliver(world.home)

    assert [got.said["data"]["incident"]["id"] for got in receiver.got] == [waiting]
    world.check()


def test_only_what_concerns_a_subscriber_is_told(world: World, receiver: Receiver) -> None:
    world.join("vet", "publisher")
    mine, other = world.model(), world.model()
    child = world.model(mine)
    theirs, _ = add(world.home, receiver.url, "operator", "vet")
    watched, _ = add(world.home, receiver.url, "artifact", child)
    world.report(mine, "compromised")
    world.report(other, "compromised")

    deliver(world.home)

    assert [one.state for one in sent(world, theirs.id)] == ["not concerned", "not concerned"]
    assert [one.state for one in sent(world, watched.id)] == ["delivered", "not concerned"]
    (got,) = receiver.got
    assert [one["via"] for one in got.said["data"]["affected"]] == [[mine, child]]
    world.check()


def test_an_address_that_is_gone_ends_the_hook(world: World, receiver: Receiver) -> None:
    hook, _ = add(world.home, receiver.url, "all", "")
    world.report(world.model(), "compromised")
    receiver.status = 410

    (one,) = deliver(world.home)
    world.report(world.model(), "compromised")

    assert one.state == "given up"
    assert deliver(world.home) == ()
    with pytest.raises(Refused, match="410 Gone: add a new one"):
        replay(world.home, hook.id, None)
    remove(world.home, hook.id)
    assert not (world.home.path / "keys" / hook.secret).exists()
    world.check()


def test_a_redirection_is_not_followed(world: World, receiver: Receiver) -> None:
    add(world.home, receiver.url, "all", "")
    world.report(world.model(), "compromised")
    with receiving() as elsewhere:
        receiver.status, receiver.location = 307, elsewhere.url
        (one,) = deliver(world.home)
        assert elsewhere.got == []
    assert (one.state, one.said) == ("waiting", "answered with status 307")


def test_waits_grow_and_end_and_a_replay_begins_anew(world: World) -> None:
    hook, _ = add(world.home, "https://hooks.example/x", "all", "")
    world.report(world.model(), "compromised")

    def nobody(*_: object) -> int:
        raise Refused("hooks.example did not answer")

    waited = []
    for _ in range(len(WAITS)):
        (one,) = deliver(world.home, nobody)
        assert one.due is not None
        waited.append(one.due - world.time)
        world.advance(waited[-1])
    (last,) = deliver(world.home, nobody)

    assert waited == sorted(WAITS) == list(WAITS)
    assert (last.state, last.due, last.said) == ("given up", None, "hooks.example did not answer")
    replay(world.home, hook.id, None)
    assert deliver(world.home, lambda *_: 200)[0].state == "delivered"
    world.check()


def test_a_hook_of_nobody_or_nothing_is_refused_and_leaves_no_secret(world: World) -> None:
    with pytest.raises(Absent, match=f"names no operator 'vet'; it names {OPERATOR}"):
        add(world.home, "https://hooks.example/x", "operator", "vet")
    with pytest.raises(Malformed, match="never written into a command"):
        add(world.home, "https://hooks.example/x", "all", "", "whsec_AAAA")
    with pytest.raises(Absent, match="the environment has no STUDBOOK_TEST_NONE"):
        add(world.home, "https://hooks.example/x", "all", "", "env://STUDBOOK_TEST_NONE")
    assert not (world.home.path / "keys" / "hooks").exists()


def test_an_incident_that_selects_nothing_concerns_nobody_and_holds_nothing_up(
    world: World, receiver: Receiver
) -> None:
    base = world.artifact()
    add(world.home, receiver.url, "all", "")
    world.report(None, "compromised", names=["zzz/*"])
    reported = world.report(base, "compromised")

    found = deliver(world.home)

    assert [one.state for one in found] == ["not concerned", "delivered"]
    assert [got.said["data"]["incident"]["id"] for got in receiver.got] == [reported]


def test_a_replay_says_what_the_incident_selected_then(world: World, receiver: Receiver) -> None:
    first, later = world.artifact(), world.artifact()
    world.bind("kennel/one", first)
    hook, _ = add(world.home, receiver.url, "all", "")
    world.report(None, "compromised", names=["kennel/*"])
    deliver(world.home)

    world.bind("kennel/two", later)
    replay(world.home, hook.id, None)
    deliver(world.home)

    one, other = receiver.got
    assert (one.id, one.body) == (other.id, other.body)
    assert one.said["data"]["total"] == 1
