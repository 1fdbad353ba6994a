"""Edge lists: a CSV of parent,child,relation, one edge a line, as surveys of hubs publish them.

Lines are read one by one, so that a quote that is never closed costs its own line and not the rest of the file. Relations are the
hub's words; which children of adapters are adapters of adapters is for whoever sees all records.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from lineage.facts import MAKINGS, Relation
from lineage.predicates.claims import Parent
from registry.records import Document, Reason, Record, Unread, record
from registry.stubs import Nameless, stub

ABOUT = "lists of edges: CSV with the columns parent, child, relation"
COLUMNS = ("parent", "child", "relation")
# The hub's words for `base_model_relation`, and our own.
WORDS: dict[str, Relation] = {
    **{word: word for word in MAKINGS},
    "quantized": "quantize",
    "adapter": "adapter_of",
}
_BROKEN = "is no line of an edge list"


def wants(name: str) -> bool:
    """Tell whether a file's name is that of an edge list."""
    return name.lower().endswith(".csv")


def tells(name: str) -> bool:  # noqa: ARG001 - every reader's signature
    """Return True: an edge names both of its ends."""
    return True


def read(document: Document, target: str | None) -> Iterator[Record]:  # noqa: ARG001 - every reader's signature
    """Yield a record a line."""
    lines = document.data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    head = _fields(lines[0])
    columns = [] if isinstance(head, str) else [one.strip().casefold() for one in head]
    if sorted(columns) != sorted(COLUMNS):
        shown = head if isinstance(head, str) else ",".join(head)
        sentence = f"the first line is {shown[:120]!r}, and an edge list begins with {','.join(COLUMNS)}"
        yield Unread(f"{document.name}:1", Reason("begins with no header of an edge list", sentence))
        return
    order = [columns.index(one) for one in COLUMNS]
    for number, line in enumerate(lines[1:], 2):
        if line.strip():
            yield _record(f"{document.name}:{number}", line, order)


def _record(place: str, line: bytes, order: Sequence[int]) -> Record:
    fields = _fields(line)
    if isinstance(fields, str):
        return Unread(place, Reason(_BROKEN, fields))
    if len(fields) != len(COLUMNS):
        return Unread(
            place, Reason(_BROKEN, f"the line has {len(fields)} fields, and an edge has {len(COLUMNS)}")
        )
    parent, child, word = (fields[at].strip() for at in order)
    relation = WORDS.get(word.casefold())
    if relation is None:
        sentence = f"{word[:120]!r} is no relation; those are {', '.join(WORDS)}"
        return Unread(place, Reason("has a relation that is none", sentence))
    try:
        above, below = stub(parent), stub(child)
    except Nameless as error:
        return Unread(place, Reason(error.gist, str(error)))
    part = {} if above.revision is None else {"revision": above.revision}
    return record(place, below.artifact, [Parent(above.artifact, relation, part)])


def _fields(line: bytes) -> list[str] | str:
    """Return the fields of a line, or what is wrong with it."""
    try:
        return next(csv.reader([line.decode().rstrip("\r")], strict=True), [])
    except UnicodeDecodeError as error:
        return f"the line is not UTF-8: {error.reason} at byte {error.start}"
    except csv.Error as error:
        return f"the line is no CSV: {error}"
