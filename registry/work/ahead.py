"""Ask for what comes next while what came first is looked at: over a few connections, in order, and never far ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Asked = TypeVar("_Asked")
_Found = TypeVar("_Found")


def ahead(
    ask: Callable[[_Asked], _Found], wanted: Iterable[_Asked], most: int
) -> Iterator[tuple[_Asked, Callable[[], _Found]]]:
    """Go through `wanted`, in order, each with what gives its answer, or raises as `ask` did; `most` are asked at once.

    Whoever stops early leaves at most `most` questions that were asked for nothing.
    """
    waiting: deque[tuple[_Asked, Future[_Found]]] = deque()
    rest = iter(wanted)
    with ThreadPoolExecutor(most) as pool:
        try:
            for one in rest:
                waiting.append((one, pool.submit(ask, one)))
                if len(waiting) == most:
                    asked, answer = waiting.popleft()
                    yield asked, answer.result
            while waiting:
                asked, answer = waiting.popleft()
                yield asked, answer.result
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
