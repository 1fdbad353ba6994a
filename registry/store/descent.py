"""Whom an artifact put weights into, or from whom it has its own: read off the closure, nearest first, a page at a time.

A list of 146,461 descendants is read in pages that all say the log size of the first one (4-lineage, "Storage and speed").
What was admitted since is left out of them. Where a way became shorter, or entries stopped counting, artifacts have moved
from a page still to come to one that was read, or the other way round: such a list has to be begun again, and says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

from sqlalchemy import Connection, text

from registry.store import Absent
from registry.store.lists import packed, whole
from signing.errors import Malformed, Refused

Direction = Literal["ancestors", "descendants"]

_CURSOR = re.compile(r"([1-9][0-9]{0,17})\.([1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,17})")
_START = text("""
    SELECT coalesce((SELECT max("index") + 1 FROM entry), 0) AS size, node.number, node.first
    FROM (SELECT 1) AS one LEFT JOIN node ON node.id = :id
""")
# A thousand descendants lie together, with their ids: looked up one by one they lie as far apart as hashes do. The flags of each are
# asked for by itself: a plan that joins all flags at once, made while there were few, is the wrong one after the next incident.
_LIST = """
    SELECT closure.distance, closure.{0} AS number, {2}, coalesce(
        (SELECT joined(flag.incident) FROM flag WHERE flag.artifact = closure.{0} AND flag.first < :size), '') AS flags
    FROM closure {3}
    WHERE closure.{1} = :number AND closure.first < :size AND (closure.distance, closure.{0}) > (:distance, :after)
    ORDER BY closure.distance, closure.{0} LIMIT :most
"""
_COUNT = "SELECT count(*) FROM closure WHERE {1} = :number AND first < :size"
_MOVED = "SELECT max(since) FROM closure WHERE {1} = :number AND since > first AND since >= :size AND first < :size"
# Only a new trusted root lets entries stop counting, or others begin to.
_ENDED = text("SELECT max(entry) FROM root WHERE entry >= :size")


class _Asked:
    """The questions about one direction: which column is listed, which one is given, and where the id is."""

    def __init__(self, listed: str, given: str, named: str, at: str = "") -> None:
        self.count, self.moved = (text(one.format(listed, given)) for one in (_COUNT, _MOVED))
        self.listed = packed(_LIST.format(listed, given, named, at), ["distance", "number"], ["id", "flags"])


_ASKED: dict[Direction, _Asked] = {
    "descendants": _Asked("descendant", "ancestor", "closure.id"),
    "ancestors": _Asked("ancestor", "descendant", "node.id", "JOIN node ON node.number = +closure.ancestor"),
}


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a list goes on: behind the artifact with this distance and number, in the log of `size` entries."""

    size: int
    distance: int
    number: int

    @classmethod
    def parse(cls, written: str) -> Self:
        """Read a cursor as it was given; Malformed otherwise."""
        found = _CURSOR.fullmatch(written)
        if found is None:
            raise Malformed(f"{written!r:.80} is no cursor: give `next` of the page before, as it was given")
        return cls(*map(int, found.groups()))

    def __str__(self) -> str:
        return f"{self.size}.{self.distance}.{self.number}"


class Relative(NamedTuple):
    """An artifact on the list, and the length of the shortest way to it, in edges; they sort as they are listed.

    `flags` are the entries of incidents, in whatever stage, that reach it.
    """

    distance: int
    number: int
    artifact: str
    flags: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a list: `total` counts all of it and is told with the first page, `next` is where it goes on."""

    artifact: str
    size: int
    relatives: tuple[Relative, ...]
    total: int | None
    next: Cursor | None


def page(
    connection: Connection, artifact: str, direction: Direction, most: int, after: Cursor | None = None
) -> Page:
    """Return at most `most` artifacts that stand above or below `artifact` by edges that carry weights.

    Raises Absent for an artifact that the log did not name, and Refused where the list has changed since the page before.
    """
    grown, number, first = connection.execute(_START, {"id": artifact}).one()
    size = grown if after is None else after.size
    if size > grown:
        raise Refused(f"the log has {grown} entries, and the page before was read as of {size}")
    if number is None or first >= size:
        raise Absent(f"{artifact} is not in this log")
    ask = _ASKED[direction]
    asked = {"number": number, "size": size}
    if after is not None and after.size < grown:
        since = connection.scalar(ask.moved, asked) or connection.scalar(_ENDED, asked)
        if since is not None:
            raise Refused(
                f"entry {since} changed the order of the {direction} of {artifact}, and the page before was read as of"
                f" {size} entries: begin again, without a cursor"
            )
    start = (
        {"distance": 0, "after": 0} if after is None else {"distance": after.distance, "after": after.number}
    )
    distances, numbers, ids, flags = ask.listed(connection, asked | start | {"most": most + 1})
    reaching = [tuple(sorted(whole("incident", some.replace(" ", ",")))) if some else () for some in flags]
    rows = sorted(map(Relative, distances, numbers, ids, reaching))
    more = len(rows) > most
    found = tuple(rows[:most])
    total = None if after else connection.scalar(ask.count, asked) if more else len(rows)
    following = Cursor(size, found[-1].distance, found[-1].number) if more else None
    return Page(artifact, size, found, total, following)
