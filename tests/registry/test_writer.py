"""The writer: batches, groups, several processes on one home, and the order of time and checkpoints."""

import os
import threading

import pytest
from batching import held, together, waiting
from sqlalchemy import Connection, Engine, event, text
from world import World

from lineage.predicates import derivation, dispute, incident, license, name, signature  # noqa: A004 - the statement's own name
from registry.home import Home
from registry.line import Busy
from registry.publish import publish
from registry.signer import Step
from registry.store import log, tree
from registry.store.gate import Contradicted
from signing import checkpoint
from signing.digest import artifact_id
from signing.dsse import Envelope, sign
from signing.errors import Refused
from signing.statement import Statement


def registration(number: int) -> tuple[str, Statement]:
    files = {"model.safetensors": f"{number:064x}"}
    return artifact_id(files), signature.statement(f"number {number}", files)


def signed(world: World, statement: Statement, role: str = "publisher") -> bytes:
    return sign(statement.encode(), [world.home.keys(role)]).encode()


def answered(world: World, *raws: bytes) -> list[object]:
    """Publish each in a group of its own, in one batch; return receipts and refusals in order."""
    found = together(world.home.writer(), *([raw] for raw in raws))
    return [one if isinstance(one, Refused) else one[0] for one in found]


def test_a_batch_is_one_checkpoint(world: World) -> None:
    before = world.size()
    answers = answered(world, *(signed(world, registration(number)[1]) for number in range(8)))

    assert [receipt.index for receipt in answers] == list(range(before, before + 8))
    assert {receipt.size for receipt in answers} == {before + 8}
    world.check(answers)


def test_an_incident_on_a_key_selects_what_stands_before_and_after_it_in_its_batch(world: World) -> None:
    (one, first), (two, second) = registration(1), registration(2)
    key = world.home.keys("publisher").public.id
    reported = incident.statement(
        [], "compromised", "high", "reported", "x", contact="x", issued=world.time, keys=[key]
    )

    answers = answered(
        world, signed(world, first), signed(world, reported, "security"), signed(world, second)
    )

    assert world.flagged(answers[1].entry) == {one, two}
    world.check(answers)


def test_a_receipt_is_given_once_a_commit_was_waited_for_on_the_disk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, writing = list[bool](), set[Connection]()
    kept = {"sqlite": ("PRAGMA synchronous", 2), "postgresql": ("SHOW synchronous_commit", "on")}

    def hear(connection: Connection) -> None:
        if connection in writing:
            ask, full = kept[connection.dialect.name]
            waits.append(connection.exec_driver_sql(ask).scalar() == full)

    def begin(connection: Connection, *, writes: bool, later: bool) -> None:
        writing.update({connection} if writes else ())
        begins(connection, writes=writes, later=later)

    world.home.writer()
    kind = world.home.store._kind
    begins = kind.begin
    monkeypatch.setattr(kind, "begin", begin)
    event.listen(Engine, "commit", hear)
    try:
        receipts = world.publish("publisher", registration(1)[1])
        with world.home.store.writing():
            pass
    finally:
        event.remove(Engine, "commit", hear)
    assert waits == [False, True, True]
    world.check(receipts)


def test_a_refused_statement_does_not_hurt_the_others_of_its_batch(world: World) -> None:
    (first, one), (second, two) = registration(1), registration(2)
    stranger, _ = registration(3)

    answers = answered(
        world,
        signed(world, one),
        signed(world, license.statement(stranger, "mit", 1)),
        signed(world, two),
        signed(
            world,
            derivation.statement(second, [derivation.Parent(artifact=first, relation="merge", part={})]),
        ),
    )

    assert isinstance(answers[1], Refused)
    assert stranger in str(answers[1])
    kept = [answer for answer in answers if not isinstance(answer, Refused)]
    assert [receipt.index for receipt in kept] == [1, 2, 3]
    world.check(kept)


def test_a_name_that_is_refused_for_what_it_means_costs_no_other_of_its_batch(world: World) -> None:
    base = world.artifact()
    world.license(base, "cc-by-nc-4.0")
    child = world.artifact(base)
    world.license(child, "apache-2.0")
    before = world.size()

    answers = answered(
        world,
        signed(world, registration(1)[1]),
        signed(world, name.statement(child, "kennel/x", None, 0)),
        signed(world, registration(2)[1]),
        signed(world, name.statement(base, "kennel/base", None, 0)),
    )

    assert isinstance(answers[1], Contradicted)
    kept = [answer for answer in answers if not isinstance(answer, Refused)]
    assert [receipt.index for receipt in kept] == [before, before + 1, before + 2]
    world.check(kept)


def test_a_refused_dispute_takes_nothing_of_its_batch_back(world: World) -> None:
    (artifact, one), (_, two) = registration(1), registration(2)

    answers = answered(
        world,
        signed(world, one),
        signed(world, dispute.statement("0" * 64, artifact, "it is not so", None, world.time)),
        signed(world, two),
    )

    assert isinstance(answers[1], Refused)
    kept = [answer for answer in answers if not isinstance(answer, Refused)]
    assert [receipt.index for receipt in kept] == [1, 2]
    world.check(kept)


def test_what_waits_is_written_once_whatever_is_refused_behind_it(world: World) -> None:
    (_, one), (_, two), (stranger, _) = registration(1), registration(2), registration(3)
    world.home.writer()
    written = list[str]()
    hear = lambda *said: written.append(said[2])  # noqa: E731
    event.listen(Engine, "before_cursor_execute", hear)
    try:
        refused = [signed(world, license.statement(stranger, "mit", number)) for number in range(4)]
        answers = answered(world, signed(world, one), signed(world, two), *refused)
    finally:
        event.remove(Engine, "before_cursor_execute", hear)

    assert [isinstance(answer, Refused) for answer in answers] == [False, False, True, True, True, True]
    assert len([words for words in written if words.startswith("INSERT INTO node")]) == 1
    world.check([answer for answer in answers if not isinstance(answer, Refused)])


def test_a_group_is_logged_together_or_not_at_all(world: World) -> None:
    (_, one), (stranger, _) = registration(1), registration(2)
    size = world.size()

    with pytest.raises(Refused, match=stranger):
        world.publish("publisher", one, license.statement(stranger, "mit", 1))

    assert world.size() == size
    world.check()


def test_a_refused_group_in_the_middle_of_a_batch_leaves_no_gap(world: World) -> None:
    (_, one), (_, two), (_, three), (stranger, _) = (registration(number) for number in range(4))
    bad = [signed(world, two), signed(world, license.statement(stranger, "mit", 1))]
    answers = together(
        world.home.writer(), [signed(world, one)], bad, [signed(world, two), signed(world, three)]
    )

    assert [isinstance(answer, Refused) for answer in answers] == [False, True, False]
    assert world.size() == 4
    world.check()


def test_what_is_damaged_of_one_entry_keeps_no_other_from_its_proof(world: World) -> None:
    old, (_, one) = signed(world, registration(1)[1]), registration(2)
    publish(world.home.writer(), old)
    for number in range(3, 6):
        world.publish("publisher", registration(number)[1])
    with world.home.store.writing() as connection:
        connection.execute(text('DELETE FROM hash WHERE level = 0 AND "index" = 0'))

    answers = answered(world, old, signed(world, one))

    assert "the tree lacks the hash at level 0, index 0" in str(answers[0])
    assert answers[1].index == 5


def test_later_statements_of_a_group_build_on_earlier_ones(world: World) -> None:
    (parent, one), (child, two) = registration(1), registration(2)
    edge = derivation.statement(child, [derivation.Parent(artifact=parent, relation="finetune", part={})])

    receipts = world.publish("publisher", one, two, edge, one)

    assert [receipt.index for receipt in receipts] == [1, 2, 3, 1]
    assert world.descendants(parent) == {child}
    world.check(receipts)


def test_a_clock_that_is_set_back_does_not_turn_the_log_s_time_back(world: World) -> None:
    artifact = world.model()
    first = world.license(artifact, "mit")
    world.advance(-86_400)

    second = world.license(artifact, "apache-2.0")

    assert second.time == first.time
    world.check()


def test_a_full_queue_is_refused_and_not_forgotten(world: World) -> None:
    world.settings = world.settings.model_copy(update={"queue": 1, "busy_seconds": 1})
    world.reopen()
    writer, (_, one), (_, two) = world.home.writer(), registration(1), registration(2)
    with held(writer._line):
        first = threading.Thread(target=publish, args=(writer, signed(world, one)))
        first.start()
        waiting(writer._line, 1)
        with pytest.raises(Busy, match="1 statements wait"):
            publish(writer, signed(world, two))
    first.join()

    publish(writer, signed(world, two))
    assert world.size() == 3
    world.check()


def test_an_unexpected_error_reaches_every_caller_and_the_writer_goes_on(world: World) -> None:
    class Defect(Exception):
        pass

    def fail(step: Step) -> None:
        if step is Step.WRITTEN and failing:
            raise Defect

    failing = True
    home = Home.open(world.home.path, clock=lambda: world.time, settings=world.settings, at=fail)
    with pytest.raises(Defect):
        home.say("publisher", registration(1)[1])
    failing = False
    home.say("publisher", registration(1)[1])
    assert world.size() == 2
    world.check()


def test_an_interrupt_stops_the_caller_and_leaves_the_writer_usable(world: World) -> None:
    def interrupt(step: Step) -> None:
        if step is Step.BEGUN and failing:
            raise KeyboardInterrupt

    failing = True
    home = Home.open(world.home.path, clock=lambda: world.time, settings=world.settings, at=interrupt)
    with pytest.raises(KeyboardInterrupt):
        home.say("publisher", registration(1)[1])
    failing = False
    home.say("publisher", registration(1)[1])
    world.check()


def test_four_processes_on_one_home_lose_nothing(world: World) -> None:
    each, processes = 12, 4
    world.home.store.close()
    children = []
    for process in range(processes):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                home = Home.open(world.home.path, clock=lambda: world.time, settings=world.settings)
                for count in range(each):
                    artifact, statement = registration(process * 1000 + count)
                    bound = name.statement(artifact, f"kennel/p{process}", None, count)
                    home.say("publisher", statement, bound)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * processes

    assert world.size() == 1 + processes * each * 2
    world.check()


def test_checkpoints_only_grow_and_each_continues_the_last(world: World) -> None:
    for number in range(6):
        world.publish("publisher", registration(number)[1])
    with world.home.store.reading() as connection:
        sizes = [size for size, _ in log.checkpoints(connection)]
        assert sizes == sorted(set(sizes))
        root = world.home.root()
        (key,) = root.public("log")
        texts = [checkpoint.open_note(note, root.origin, key) for _, note in log.checkpoints(connection)]
        heads = [checkpoint.Checkpoint.parse(text) for text in texts]
        from signing import merkle

        for old in heads:
            for new in heads[heads.index(old) :]:
                proof = tree.consistency(connection, old.size, new.size)
                merkle.check_consistency(old.size, new.size, old.root, new.root, proof)
        assert log.newest(connection) == list(log.checkpoints(connection))[-1][1]


def test_the_writer_stores_the_envelope_as_it_was_received(world: World) -> None:
    _, statement = registration(1)
    raw = b"  " + signed(world, statement) + b"\n"
    receipt = publish(world.home.writer(), raw)

    with world.home.store.reading() as connection:
        assert log.read(connection, receipt.index).envelope == raw
    assert Envelope.parse(raw).entry == receipt.entry
    world.check()
