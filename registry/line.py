"""A line of callers, each with something to be done: one at a time works for all, and the next one follows it.

There is no thread of the line's own that could die unnoticed, and nobody whose part is done waits for somebody else's.
"""

from __future__ import annotations

import time
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
_MOMENT = 0.002  # seconds: less than a commit takes, and more than lies between two that come at once


class Line(Generic[_Place]):
    """Callers in the order in which they came."""

    def __init__(
        self,
        room: int,
        pause: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let `room` callers wait; who waits for others to come does so by `pause`, of some seconds of `clock`."""
        self._room = BoundedSemaphore(room)
        self._waiting: deque[_Place] = deque()
        self._lock = Lock()
        self._leader: _Place | None = None
        self._pause, self._clock = pause, clock
        self._taken = self._around = 0
        self._began = self._took = 0.0

    def stand(self, place: _Place, work: Callable[[], object], patience: float) -> bool:
        """Return once `place` is done, by others or by calls of `work` here; tell whether there was room.

        `work` takes from the line what it does and finishes it, whatever happens. Where there is no room within
        `patience` seconds, nothing is done. A caller that is interrupted leaves the line, unless somebody works for it.
        """
        if not self._room.acquire(timeout=patience):
            return False
        try:
            with self._lock:
                self._waiting.append(place)
                if self._leader is None:
                    self._hand_on()
            place._told.wait()  # noqa: SLF001 - a place is told by its line alone
            while not place.done:
                work()
        finally:
            self._leave(place)
        return True

    def take(self, most: int) -> list[_Place]:
        """Take those who waited longest, until what they brought reaches `most`.

        Of those who were done together the first is back before the others, and would be worked for alone, each time: as many
        as were around last are waited for, as long as they keep coming, and no longer than the last work took.
        """
        taken: list[_Place] = []
        before, patience = 0, self._took
        while patience > 0 and before < len(self._waiting) < self._around and self._brought() < most:
            before = len(self._waiting)
            patience -= _MOMENT
            self._pause(_MOMENT)
        self._began = self._clock()
        with self._lock:
            while self._waiting and sum(one.size for one in taken) < most:
                taken.append(self._waiting.popleft())
                self._room.release()
        self._taken = len(taken)
        return taken

    def _brought(self) -> int:
        with self._lock:
            return sum(one.size for one in self._waiting)

    def _leave(self, place: _Place) -> None:
        with self._lock:
            if not place.done and place in self._waiting:
                self._waiting.remove(place)
                self._room.release()
            if place is self._leader:
                if place.done:  # who leaves before it worked took nothing, and no time
                    self._around = self._taken + len(self._waiting)
                    self._took = self._clock() - self._began
                self._hand_on()

    def _hand_on(self) -> None:
        self._leader = self._waiting[0] if self._waiting else None
        if self._leader is not None:
            self._leader._told.set()  # noqa: SLF001 - a place is told by its line alone
