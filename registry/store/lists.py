"""Lists of values in a question to the database, which takes 32,766 values in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from sqlalchemy import TextClause, bindparam, text

_Value = TypeVar("_Value")
_AT_ONCE = 10_000


def asking(sql: str, *lists: str) -> TextClause:
    """Return the question `sql`, in which `:some`, or each of these names, stands for a list of values."""
    return text(sql).bindparams(*(bindparam(one, expanding=True) for one in lists or ("some",)))


def parts(some: Iterable[_Value]) -> Iterator[list[_Value]]:
    """Go through `some` values, as many at once as one question takes beside its others."""
    rest = iter(some)
    while part := list(islice(rest, _AT_ONCE)):
        yield part
