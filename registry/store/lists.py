"""Lists of values in a question to the database, which takes 32,766 values in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import BindParameter, String, TextClause, bindparam, text

_Value = TypeVar("_Value")
_AT_ONCE = 10_000


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
