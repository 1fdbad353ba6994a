"""Questions overlap, answers come in order, and no more are asked than may be."""

import threading
import time
from pathlib import Path

import pytest
from auditing import Held, look
from growing import grow
from hypothesis import given, settings
from hypothesis import strategies as st
from world import World

from registry.work.ahead import ahead
from registry.work.audit import CONNECTIONS
from signing.errors import Refused, Untrusted


@settings(max_examples=50, deadline=None)
@given(waits=st.lists(st.integers(0, 3), max_size=20), most=st.integers(1, 5))
def test_answers_come_in_the_order_of_the_questions(waits: list[int], most: int) -> None:
    def ask(one: tuple[int, int]) -> int:
        time.sleep(one[1] / 1000)
        return -one[0]

    found = [(asked, answer()) for asked, answer in ahead(ask, enumerate(waits), most)]
    assert found == [((place, wait), -place) for place, wait in enumerate(waits)]


def test_so_many_are_asked_at_once_and_no_more() -> None:
    met, lock, running, seen = threading.Barrier(3), threading.Lock(), [0], []

    def ask(one: int) -> int:
        with lock:
            running[0] += 1
            seen.append(running[0])
        met.wait(timeout=30)  # or three would never meet
        with lock:
            running[0] -= 1
        return one

    assert [answer() for _, answer in ahead(ask, range(9), 3)] == list(range(9))
    assert max(seen) == 3


def test_a_refusal_is_raised_where_its_turn_is() -> None:
    def ask(one: int) -> int:
        if one == 2:
            raise Refused(f"not {one}")
        return one

    found = []
    with pytest.raises(Refused, match="not 2"):
        found += [found.append(answer()) for _, answer in ahead(ask, range(9), 4)]
    assert found == [0, 1]


def test_who_stops_early_asked_little_for_nothing() -> None:
    asked = []
    for one, answer in ahead(asked.append, range(100), 4):
        answer()
        if one == 5:
            break
    assert len(asked) <= 5 + 1 + 4


class Counting(Held):
    """A registry that counts who asks at once, and does not answer about one entry."""

    silent = -1
    together = most = 0
    lock = threading.Lock()

    def envelopes(self, entry: str, index: int | None):
        if index == self.silent:
            raise Refused("http://kennel.example does not answer: timed out")
        with self.lock:
            self.together += 1
            self.most = max(self.most, self.together)
        time.sleep(0.002)
        with self.lock:
            self.together -= 1
        return super().envelopes(entry, index)


def test_an_audit_asks_for_several_envelopes_at_once_and_names_the_one_that_fails(
    world: World, tmp_path: Path
) -> None:
    grow(world, 60)
    source = Counting(world)
    _, found = look(source, world.home.root(), tmp_path / "state")
    assert [one.index for one in found] == list(range(60))
    assert 1 < source.most <= CONNECTIONS

    source.silent = 31
    with pytest.raises(Refused, match=r"^entry 31: http://kennel\.example does not answer") as refused:
        look(source, world.home.root(), tmp_path / "other")
    assert not isinstance(refused.value, Untrusted), "who is away is asked again"
