"""Lists of values in a question to the database, which takes 32,766 values in one statement."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from pydantic_core import from_json
from sqlalchemy import BindParameter, Connection, Row, String, TextClause, bindparam, text

from signing.errors import Refused

_Value = TypeVar("_Value")
Packed = Callable[[Connection, Mapping[str, object]], list[list[Any]]]
"""Asks something with values, and gives its columns, each as a list."""
_AT_ONCE = 10_000
# How a database makes one value of many: the column, and what stands between.
_JOINS = {"sqlite": "group_concat({}, '{}')", "postgresql": "string_agg(CAST({} AS TEXT), '{}')"}
_JOINED = re.compile(r"joined\((.+?)\)")
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


def packed(sql: str, numbers: Sequence[str], words: Sequence[str] = ()) -> Packed:
    """Return what asks `sql`, and gives a list for each of these columns, of `numbers` first; all are in one order, which is any.

    The database hands over one value for a column, of words without commas, and not a row at a time: drivers take longer for
    a thousand rows than the database takes to find them. In `sql`, `joined(column)` is all values of it with spaces between.
    """
    queries = {name: text(_packing(sql, join, (*numbers, *words))) for name, join in _JOINS.items()}

    def ask(connection: Connection, values: Mapping[str, object]) -> list[list[Any]]:
        found = connection.execute(queries[connection.dialect.name], values).one()
        written = zip(numbers, found[: len(numbers)], strict=True)
        lists = [whole(column, one or "") for column, one in written]
        lists += ([] if one is None else one.split(",") for one in found[len(numbers) :])
        # What a column lacks or has too much of would be given to another row.
        if len({len(one) for one in lists}) > 1:
            counts = ", ".join(
                f"{len(one)} of {name}" for name, one in zip((*numbers, *words), lists, strict=True)
            )
            raise Refused(f"a list has {counts}: run `studbook log fsck`")
        return lists

    return ask


def whole(column: str, written: str) -> list[Any]:
    """Read numbers of a column with commas between; Refused where the database holds something else."""
    try:
        found: list[Any] = from_json(f"[{written}]")
    except ValueError as error:
        raise Refused(f"{column} holds what is no number ({error}): run `studbook log fsck`") from error
    return found


def _packing(sql: str, join: str, columns: Sequence[str]) -> str:
    listed = _JOINED.sub(lambda found: join.format(found[1], " "), sql)
    return f"SELECT {', '.join(join.format(one, ',') for one in columns)} FROM ({listed}) AS listed"


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
