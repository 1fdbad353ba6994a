"""A line of callers, each with something to be done: one at a time works for all, and the next one follows it.

There is no thread of the line's own that could die unnoticed, and nobody whose part is done waits for somebody else's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Event, Lock
from typing import Generic, TypeVar

from signing.errors import Refused


class Busy(Refused):
    """There is more to do than may wait; the same request is welcome later."""


@dataclass(slots=True, eq=False)
class Place:
    """Where one caller stands in the line, with what it brought."""

    size: int
    """How much it brought, in what `Line.take` counts."""
    _told: Event = field(default_factory=Event, init=False)
    """Set once it is done, or once its caller is the one to work."""
    done: bool = field(default=False, init=False)

    def finish(self) -> None:
        """Let its caller go."""
        self.done = True
        self._told.set()


_Place = TypeVar("_Place", bound=Place)


class Line(Generic[_Place]):
    """Callers in the order in which they came."""

    def __init__(self, room: int) -> None:
        """Let `room` callers wait."""
        self._room = BoundedSemaphore(room)
        self._waiting: deque[_Place] = deque()
        self._lock, self._led = Lock(), False

    def stand(self, place: _Place, work: Callable[[], object], patience: float) -> bool:
        """Return once `place` is done, by others or by calls of `work` here; tell whether there was room.

        `work` takes from the line what it does and finishes it, whatever happens. Where there is no room within
        `patience` seconds, nothing is done. A caller that is interrupted leaves the line, unless somebody works for it.
        """
        if not self._room.acquire(timeout=patience):
            return False
        with self._lock:
            self._waiting.append(place)
            leads, self._led = not self._led, True
        if not leads:
            self._wait(place)
        if not place.done:
            self._lead(place, work)
        return True

    def take(self, most: int) -> list[_Place]:
        """Take those who waited longest, until what they brought reaches `most`."""
        taken: list[_Place] = []
        with self._lock:
            while self._waiting and sum(one.size for one in taken) < most:
                taken.append(self._waiting.popleft())
                self._room.release()
        return taken

    def _wait(self, place: _Place) -> None:
        try:
            place._told.wait()  # noqa: SLF001 - a place is told by its line alone
        except BaseException:
            with self._lock:
                if place in self._waiting:
                    self._waiting.remove(place)
                    self._room.release()
                    if place._told.is_set():  # noqa: SLF001 - it was to work: somebody else has to
                        self._hand_on()
            raise

    def _lead(self, place: _Place, work: Callable[[], object]) -> None:
        try:
            while not place.done:
                work()
        finally:
            with self._lock:
                self._hand_on()

    def _hand_on(self) -> None:
        self._led = bool(self._waiting)
        if self._led:
            self._waiting[0]._told.set()  # noqa: SLF001 - a place is told by its line alone
