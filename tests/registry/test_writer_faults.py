"""The fault table: before and after each write, persisted or not (1-architecture, "Tests").

A process dies at every step of the writer. What the disk then kept of its last writes is varied by cutting the
write-ahead log, as a power failure may: only what nobody was told about may be lost, and never half of it.
"""

import os
import signal
import sqlite3
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from world import World

from lineage.predicates import name, signature
from registry.home import Home
from registry.publish import publish
from registry.signer import Step
from registry.store import log
from signing.digest import artifact_id
from signing.dsse import sign
from signing.errors import Refused

FILES = {"model.safetensors": "ab" * 32}
ARTIFACT = artifact_id(FILES)
SAID = (signature.statement("unlucky", FILES), name.statement(ARTIFACT, "kennel/unlucky", None, 1))
# What is left of the write-ahead log: all of it, all but the last byte, half, its header, nothing.
KEPT = {
    "all": lambda size: size,
    "all but a byte": lambda size: max(0, size - 1),
    "half": lambda size: size // 2,
    "its header": lambda size: min(size, 32),
    "nothing": lambda _: 0,
}
DURABLE = {Step.COMMITTED, Step.SIGNED, Step.COVERED}


def cut(home: Path, kept: str) -> None:
    """Leave the files as a power failure might: the shared memory is gone, the log ends early."""
    home.joinpath("studbook.db-shm").unlink(missing_ok=True)
    log = home / "studbook.db-wal"
    if log.exists():
        os.truncate(log, KEPT[kept](log.stat().st_size))


@pytest.mark.parametrize("kept", KEPT)
@pytest.mark.parametrize("step", Step)
def test_a_process_that_stops_at_any_step_leaves_all_or_nothing(world: World, step: Step, kept: str) -> None:
    before = world.model()
    acknowledged = world.license(before, "mit")
    world.crash(step, "publisher", *SAID, after=lambda: cut(world.home.path, kept))

    found = world.size() - (acknowledged.index + 1)
    assert found == (2 if step in DURABLE else 0) or (kept != "all" and found == 0)
    assert world.fsck().findings == ()
    world.check([acknowledged])

    again = world.publish("publisher", *SAID)
    assert [receipt.index for receipt in again] == [acknowledged.index + 1, acknowledged.index + 2]
    assert world.size() == acknowledged.index + 3
    assert world.publish("publisher", *SAID) == again
    world.check([acknowledged, *again])


def test_entries_without_a_checkpoint_are_covered_before_anything_else_is_written(world: World) -> None:
    world.crash(Step.COMMITTED, "publisher", *SAID)
    assert world.fsck().waiting == 2

    world.home.writer()

    assert world.fsck().waiting == 0
    world.check()


def test_an_entry_that_waits_for_its_checkpoint_has_no_receipt(world: World) -> None:
    world.crash(Step.COMMITTED, "publisher", *SAID)
    with (
        world.home.store.reading() as connection,
        pytest.raises(ValueError, match="waits for its checkpoint"),
    ):
        log.receipt(connection, 1)


@pytest.mark.parametrize("covered", [True, False], ids=["covered by another", "covered by nobody"])
def test_what_another_has_covered_is_proven_though_the_turn_is_held(world: World, covered: bool) -> None:
    world.publish("publisher", *SAID)
    settings = world.settings.model_copy(update={"busy_seconds": 1})
    other = Home.open(world.home.path, clock=lambda: world.time, settings=settings)
    said = signature.statement("covered", {"model.safetensors": "cd" * 32})

    with ExitStack() as held:

        def at(step: Step) -> None:
            if step is Step.COMMITTED:
                if covered:
                    other.say("publisher", signature.statement("other", {"model.safetensors": "ef" * 32}))
                held.enter_context(other.store.writing())

        here = Home.open(world.home.path, clock=lambda: world.time, settings=settings, at=at)
        if covered:
            receipts = here.say("publisher", said)
        else:
            with pytest.raises(Refused, match="lock"):
                here.say("publisher", said)

    again = world.publish("publisher", said)
    assert not covered or receipts == again
    here.store.close()
    other.store.close()
    world.check(again)


@pytest.mark.sqlite
def test_a_log_that_lost_entries_below_its_checkpoint_signs_nothing_over_fewer(world: World) -> None:
    world.publish("publisher", *SAID)
    world.home.store.close()
    with sqlite3.connect(world.home.path / "studbook.db") as database:
        database.execute("DROP TRIGGER entry_no_delete")
        database.execute('DELETE FROM entry WHERE "index" > 0')
    key = world.home.keys("log")

    with world.home.store.writing() as connection:
        assert not log.cover(connection, world.home.root().origin, key)
        assert log.extent(connection) == (1, 3)


@pytest.mark.system
def test_fifty_kills_lose_nothing_that_was_acknowledged(world: World) -> None:
    acknowledged: dict[str, int] = {}
    start = time.perf_counter()
    world.publish("publisher", *SAID)
    longest = 8 * (time.perf_counter() - start)  # on a machine that is slow at the moment, too
    for kill in range(50):
        acknowledged |= _publish_until_killed(world, kill, delay=(kill * 7919 % 997) / 997 * longest)
        world.reopen()
        logged = world.logged()
        assert all(logged[index] == entry for entry, index in acknowledged.items())
        if kill % 10 == 9:
            world.check()
    assert acknowledged
    assert len(set(logged)) == len(logged)


def _publish_until_killed(world: World, kill: int, delay: float) -> dict[str, int]:
    """Publish one statement after another in a process that is killed after `delay`; return what it was told."""
    world.home.store.close()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            home = Home.open(world.home.path, settings=world.settings, clock=lambda: world.time)
            key, writer = home.keys("publisher"), home.writer()
            os.write(writing, b"ready\n")
            for count in range(1_000_000):
                files = {"model.safetensors": f"{kill:032x}{count:032x}"}
                envelope = sign(signature.statement("hasty", files).encode(), [key])
                receipt = publish(writer, envelope.encode())
                os.write(writing, f"{receipt.entry} {receipt.index}\n".encode())
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as told:
        assert told.readline() == "ready\n"
        # Not a sleep for something to happen: the moment of the kill is what the test varies.
        signal.sigtimedwait([], delay)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        lines = [line.split() for line in told if line.endswith("\n")]
    return {entry: int(index) for entry, index in lines}
