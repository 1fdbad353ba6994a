"""Lists of values in a question to the database, which takes 32,766 values in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import BindParameter, Connection, Row, String, TextClause, bindparam, text

_Value = TypeVar("_Value")
_AT_ONCE = 10_000
# More rows than any question gives.
ALL = 1 << 62


def asking(sql: str, *lists: str, words: str | None = None) -> TextClause:
    """Return the question `sql`, in which `:some`, or each of these names, stands for a list of values.

    That of `words` is of text and may be empty: PostgreSQL wants to know of what.
    """
    listed = lists or (() if words else ("some",))
    expanding: list[BindParameter[Any]] = [bindparam(one, expanding=True) for one in listed]
    if words:
        expanding.append(bindparam(words, type_=String(), expanding=True))
    return text(sql).bindparams(*expanding)


def parts(some: Iterable[_Value]) -> Iterator[list[_Value]]:
    """Go through `some` values, as many at once as one question takes beside its others."""
    rest = iter(some)
    while part := list(islice(rest, _AT_ONCE)):
        yield part


def rows(
    connection: Connection, query: TextClause, some: Iterable[int | str], size: int, most: int = ALL
) -> Iterator[Row[Any]]:
    """Run `query` over `some` numbers, as many at once as the database takes; each run gives `most` rows if it asks."""
    asked = {"size": size, "most": most}
    for part in parts(some):
        yield from connection.execute(query, asked | {"some": part})
