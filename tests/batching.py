"""Statements that wait for the log writer together: what it does with a batch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from registry.line import Line, Place
from registry.publish import publish_all
from registry.store.log import Receipt
from registry.writer import Writer
from signing.errors import Refused


@contextmanager
def held(line: Line) -> Iterator[None]:
    """Let nobody work until the block ends: who comes meanwhile waits."""
    mine, begun, go = Place(1), Event(), Event()

    def work() -> None:
        assert line.take(1) == [mine]
        begun.set()
        go.wait()
        mine.finish()

    thread = Thread(target=line.stand, args=(mine, work, 1), daemon=True)
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        go.set()
        thread.join(30)


def waiting(line: Line, some: int) -> None:
    """Return once so many stand in the line."""
    while len(line._waiting) < some:
        Event().wait(0.001)


def together(writer: Writer, *groups: Sequence[bytes]) -> list[list[Receipt] | Refused]:
    """Publish each group from a thread of its own, in one batch and this order; return receipts and refusals."""
    answers: list[list[Receipt] | Refused] = [[] for _ in groups]

    def ask(at: int) -> None:
        try:
            answers[at] = publish_all(writer, groups[at])
        except Refused as refusal:
            answers[at] = refusal

    threads = []
    with held(writer._line):
        for at in range(len(groups)):
            threads.append(Thread(target=ask, args=(at,), daemon=True))
            threads[-1].start()
            waiting(writer._line, at + 1)
    for thread in threads:
        thread.join(30)
    return answers
