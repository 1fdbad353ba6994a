"""A line of callers: everybody's part is done once, in order, and nobody who leaves or fails stops the others."""

import signal
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

import pytest
from batching import held, waiting
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.line import Line, Place


def one_each(line: Line[Place]) -> Callable[[], None]:
    """Return work that finishes whoever waited longest."""

    def work() -> None:
        line.take(1)[0].finish()

    return work


def stands(line: Line[Place], place: Place, work: Callable[[], None]) -> Thread:
    """Let a thread of its own stand in the line, and return once it does; it may be interrupted."""

    def stand() -> None:
        with suppress(KeyboardInterrupt):
            line.stand(place, work, 30)

    before = len(line._waiting)
    thread = Thread(target=stand, daemon=True)
    thread.start()
    waiting(line, before + 1)
    return thread


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 5), min_size=1, max_size=12),
    most=st.integers(1, 8),
    room=st.integers(1, 12),
)
def test_law_everything_is_done_once_and_in_order(sizes: list[int], most: int, room: int) -> None:
    line, places = Line[Place](room), [Place(size) for size in sizes]
    done: list[Place] = []
    batches: list[list[Place]] = []

    def work() -> None:
        taken = line.take(most)
        batches.append(taken)
        for one in taken:
            done.append(one)
            one.finish()

    with held(line):
        threads = [stands(line, place, work) for place in places[:room]]
    threads += [Thread(target=line.stand, args=(place, work, 30), daemon=True) for place in places[room:]]
    for thread in threads[room:]:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert not any(thread.is_alive() for thread in threads)
    assert done[:room] == places[:room]
    assert {id(one) for one in done} == {id(one) for one in places}
    assert len(done) == len(places)
    # A batch ends with the one that fills it.
    assert all(sum(one.size for one in batch[:-1]) < most for batch in batches)


def test_who_is_back_first_waits_for_the_others_as_long_as_they_come() -> None:
    coming, paused, batches = list[Place](), list[float](), list[int]()
    threads: list[Thread] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        if coming:
            threads.append(stands(line, coming.pop(), work))

    def work() -> None:
        taken = line.take(8)
        batches.append(len(taken))
        for one in taken:
            one.finish()

    slow = iter(range(0, 1000, 10))  # whatever is done takes ten seconds
    line = Line[Place](8, pause, lambda: next(slow))
    with held(line):
        threads += [stands(line, Place(1), work) for _ in range(3)]
    for thread in threads:
        thread.join(30)
    paused.clear()

    coming += [Place(1), Place(1), Place(1)]
    line.stand(Place(1), work, 30)
    assert (batches.pop(), len(paused)) == (3, 2)
    for wanted in (1, 0):
        paused.clear()
        coming.clear()
        line.stand(Place(1), work, 30)
        assert (batches.pop(), len(paused)) == (1, wanted)


def test_nobody_waits_for_others_longer_than_the_last_work_took() -> None:
    """What was done last took 3 ms, so two moments of 2 ms are waited, whoever comes."""
    threads, paused = list[Thread](), list[float]()
    clock = iter(number * 0.003 for number in range(100))

    def pause(seconds: float) -> None:
        paused.append(seconds)
        threads.append(stands(line, Place(1), work))

    def work() -> None:
        for one in line.take(100):
            one.finish()

    line = Line[Place](100, pause, lambda: next(clock))
    with held(line):
        threads += [stands(line, Place(1), work) for _ in range(9)]
    for thread in threads:
        thread.join(30)
    paused.clear()
    line.stand(Place(1), work, 30)
    assert sum(paused) == 0.004


def test_a_batch_that_is_full_waits_for_nobody() -> None:
    paused = list[float]()
    line = Line[Place](8, paused.append)

    def work() -> None:
        for one in line.take(6):
            one.finish()

    with held(line):
        threads = [stands(line, Place(3), work) for _ in range(4)]
    for thread in threads:
        thread.join(30)
    assert paused == []


def test_who_is_done_does_not_wait_for_who_works_on() -> None:
    line, first, second = Line[Place](4), Place(1), Place(1)
    begun, go = Event(), Event()

    def alone() -> None:
        (one,) = line.take(1)
        if one is second:
            begun.set()
            go.wait(30)
        one.finish()

    with held(line):
        threads = [stands(line, one, alone) for one in (first, second)]
    begun.wait(30)
    threads[0].join(30)
    assert not threads[0].is_alive()
    assert not second.done
    go.set()
    threads[1].join(30)


def test_where_there_is_no_room_nothing_is_done() -> None:
    line, late = Line[Place](1), Place(1)
    with held(line):
        thread = stands(line, Place(1), one_each(line))
        assert not line.stand(late, one_each(line), 0.01)
        assert not late.done
    thread.join(30)
    assert line.stand(late, one_each(line), 0.01)


def test_work_that_fails_hands_on() -> None:
    line, mine, other = Line[Place](4), Place(1), Place(1)

    def fail() -> None:
        line.take(1)[0].finish()
        raise KeyboardInterrupt

    with held(line):
        threads = [stands(line, mine, fail), stands(line, other, one_each(line))]
    for thread in threads:
        thread.join(30)
    assert other.done


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers for signals")
def test_who_is_interrupted_while_waiting_leaves_the_line() -> None:
    line, mine, other = Line[Place](4), Place(1), Place(1)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with held(line):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(KeyboardInterrupt):
                line.stand(mine, one_each(line), 1)
            assert not line._waiting
            thread = stands(line, other, one_each(line))
        thread.join(30)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert other.done
    assert not mine.done
    assert all(line._room.acquire(blocking=False) for _ in range(4))


def test_who_is_interrupted_as_its_turn_comes_hands_on() -> None:
    line, mine, other = Line[Place](4), Place(1), Place(1)

    class Interrupting(Event):
        def wait(self, timeout: float | None = None) -> bool:
            super().wait(timeout)
            raise KeyboardInterrupt

    mine._told = Interrupting()
    with held(line):
        threads = [stands(line, mine, one_each(line)), stands(line, other, one_each(line))]
    for thread in threads:
        thread.join(30)
    assert other.done
    assert not mine.done


def test_who_fails_before_its_part_was_taken_is_not_waited_for() -> None:
    line, mine, other = Line[Place](4), Place(1), Place(1)

    def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        line.stand(mine, fail, 1)

    assert not line._waiting
    assert line._took == 0
    thread = Thread(target=line.stand, args=(other, one_each(line), 1), daemon=True)
    thread.start()
    thread.join(30)
    assert other.done
    assert all(line._room.acquire(blocking=False) for _ in range(4))
