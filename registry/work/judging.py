"""What the licenses say of many artifacts: of all that are registered here, or of one and all that descends from it, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import Connection

from lineage.licensing import judge
from registry.licensed import JudgedOut, JudgedPage
from registry.store import artifacts, lineage, log

PAGE = 200
# What one page tells, in steps of ways: a lineage of 1,000 generations whose licenses nobody knows has 100,000 by itself.
MOST_STEPS = 100_000


def page(connection: Connection, now: int, under: str | None = None, after: str | None = None) -> JudgedPage:
    """Return what the licenses say of the next artifacts in the order of their ids, of which `after` was the last one before.

    `now`, in unix seconds, is when it is read, by which waivers end. `under` is the one whose descendants, and itself, are asked about; without it that is everything registered here.
    Raises `Absent` where the log does not hold it.
    """
    wanted = _wanted(connection, under, after)
    told: list[JudgedOut] = []
    steps = 0
    for one in _judged(connection, wanted[:PAGE], now):
        told.append(one)
        steps += sum(len(found.via) for found in one.findings)
        if steps >= MOST_STEPS:
            break
    more = len(told) < len(wanted)
    return JudgedPage(
        artifacts=tuple(told), next=told[-1].artifact if more else None, as_of=log.size(connection)
    )


def _wanted(connection: Connection, under: str | None, after: str | None) -> list[str]:
    """Return the next registered artifacts, one more than a page holds if there are as many."""
    if under is None:
        return list(artifacts.registered_after(connection, after, PAGE + 1))
    below = lineage.below(connection, under)
    known = sorted(node.id for node in below.nodes if node.seen)
    return [one for one in known if after is None or one > after][: PAGE + 1]


def _judged(connection: Connection, wanted: list[str], now: int) -> Iterator[JudgedOut]:
    if not wanted:
        return
    # Artifacts of one page share most of what is above them, which is read once.
    around = lineage.above_all(connection, wanted)
    names = {node.id: node.names for node in around.nodes}
    for one in wanted:
        yield JudgedOut.of(judge(replace(around, artifact=one), now=now), names)
