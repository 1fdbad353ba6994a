"""What is verified before the lock is taken, and what a write says that the disk stops."""

import sqlite3

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError
from world import World

from lineage.authority import TrustedRoot
from lineage.predicates import root, signature
from registry import writer
from registry.home import Home
from registry.publish import publish, publish_all
from registry.signer import Step
from registry.store import judge
from signing import canonical, dsse, keys
from signing.dsse import Envelope, Signature, sign
from signing.errors import Forbidden, Refused, Untrusted
from signing.keys import PrivateKey


def registration(number: int):
    return signature.statement(str(number), {"model.safetensors": f"{number:064x}"})


def changed(world: World, key: PrivateKey) -> TrustedRoot:
    document = canonical.decode(world.home.root().encode())
    publisher = next(one for one in document["keys"] if "publisher" in one["roles"])
    document["keys"] += [publisher | {"operator": "guest", "pem": key.public.pem().decode()}]
    return TrustedRoot.parse(canonical.encode(document | {"version": str(int(document["version"]) + 1)}))


def test_what_no_key_vouches_for_never_takes_the_lock(world: World) -> None:
    steps: list[Step] = []
    home = Home.open(world.home.path, clock=lambda: world.time, settings=world.settings, at=steps.append)
    anonymous = sign(registration(1).encode(), [PrivateKey.generate("ecdsa-p256")])
    many = Envelope(anonymous.payload_type, anonymous.payload, anonymous.signatures * 64)

    with pytest.raises(Untrusted, match="signed by no key"):
        publish(home.writer(), many.encode())

    assert steps == []
    assert world.size() == 1


def test_what_nobody_signed_is_not_parsed(world: World) -> None:
    raw = Envelope(dsse.IN_TOTO, b"{" * 1000, (Signature(b"x"),)).encode()
    with pytest.raises(Untrusted, match="signed by no key"):
        publish(world.home.writer(), raw)


def test_a_message_is_hashed_once_for_all_keys_and_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[int] = []
    count = lambda data: hashed.append(len(data)) or sha256_hex(data)  # noqa: E731
    sha256_hex = dsse.sha256_hex
    signers = [PrivateKey.generate("ecdsa-p256") for _ in range(5)]
    envelope = sign(b"x" * 100_000, signers)
    known = [one.public for one in signers]
    for module in (dsse, keys):
        monkeypatch.setattr(module, "sha256_hex", count)

    assert dsse.verified(Envelope.parse(envelope.encode()), reversed(known)) == set(known)
    assert sum(size > 1000 for size in hashed) == 1


def test_what_follows_a_trusted_root_in_its_group_is_judged_by_it(world: World) -> None:
    guest = PrivateKey.generate("ecdsa-p256")
    following = sign(root.statement(changed(world, guest)).encode(), [world.home.keys("root")])
    said = sign(registration(1).encode(), [guest])
    publish_all(world.home.writer(), [following.encode(), said.encode()])
    world.check()


def test_a_root_that_changes_while_a_statement_waits_decides(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verified by version 1, committed after version 2 ended the publisher's key."""
    publisher = world.home.keys("publisher").public.pem().decode()
    document = canonical.decode(world.home.root().encode())
    for one in document["keys"]:
        if one["pem"] == publisher:
            one["validFor"]["end"] = str(world.time - 1)
    second = TrustedRoot.parse(canonical.encode(document | {"version": "2"}))
    mine, first = world.home.writer(), judge.read
    other = Home.open(world.home.path, clock=lambda: world.time, settings=world.settings)

    def between(*asked: object):
        found = first(*asked)
        monkeypatch.setattr(judge, "read", first)
        other.say("root", root.statement(second))
        return found

    monkeypatch.setattr(judge, "read", between)
    with pytest.raises(Forbidden, match=f"to {world.time - 1}, and the time is {world.time}"):
        publish(mine, sign(registration(1).encode(), [world.home.keys("publisher")]).encode())
    assert world.size() == 2


def test_a_full_disk_is_said_as_what_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite takes the whole transaction back, and no savepoint is left to go back to."""

    def full(connection: Connection, *_: object) -> None:
        connection.exec_driver_sql("ROLLBACK")
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    world.home.writer()
    with monkeypatch.context() as patched:
        patched.setattr(writer, "enter", full)
        with pytest.raises(Refused, match="database or disk is full"):
            world.publish("publisher", registration(1))
    world.publish("publisher", registration(1))

    assert world.size() == 2
    world.check()


def test_who_never_had_its_turn_asks_for_it_once_also_where_another_left_something_uncovered(
    world: World,
) -> None:
    settings = world.settings.model_copy(update={"busy_seconds": 1})
    home = Home.open(world.home.path, clock=lambda: world.time, settings=settings)
    waiting = home.writer()
    world.crash(Step.COMMITTED, "publisher", registration(1))
    raw = sign(registration(2).encode(), [home.keys("publisher")]).encode()
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "IMMEDIATE" in statement or "advisory" in statement:
            asked.append(statement)

    event.listen(home.store._engine, "before_cursor_execute", note)
    with world.home.store.writing(), pytest.raises(Refused, match="lock"):
        publish(waiting, raw)
    assert len(asked) == 1

    assert publish(waiting, raw).index == 2
    world.check()
