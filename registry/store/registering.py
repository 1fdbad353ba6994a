"""What registrations write: the number of an artifact, its files, and the operators whose word that is.

All that wait are written at once: row by row, a batch would spend most of its time on the way to the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, text

from registry.store.lists import asking, parts
from registry.tables import Node, Registration

# Written out once: building them anew for every statement costs the writer more than running them.
_NUMBERS = asking("""
    SELECT id, number FROM node WHERE id IN :some UNION ALL SELECT NULL, coalesce(max(number) + 1, 0) FROM node
""")
_INSERT_NODE, _INSERT_REGISTRATION = insert(Node), insert(Registration)
# The id of an artifact is the hash of its list of files: whoever registers it again lists the same ones.
_INSERT_FILE = text(
    "INSERT INTO file (artifact, name, sha256) VALUES (:artifact, :name, :sha256) ON CONFLICT DO NOTHING"
)


class Registering(NamedTuple):
    """Fact `seq` of leaf `entry`: these operators list the files of an artifact, each with its SHA-256 in hex."""

    entry: int
    seq: int
    artifact: str
    files: Sequence[tuple[str, str]]
    operators: Sequence[str]


def assign_numbers(connection: Connection, first: Mapping[str, int]) -> dict[str, int]:
    """Return the number of each artifact, giving new ones the next numbers in their order; `first` tells the leaf that names each."""
    found: dict[str, int] = {}
    for some in parts(first):
        numbers = {row[0]: row[1] for row in connection.execute(_NUMBERS, {"some": some})}
        start = numbers.pop(None)
        found |= numbers
        fresh = [artifact for artifact in some if artifact not in numbers]
        rows = [
            {"number": start + at, "id": artifact, "first": first[artifact], "ancestors": 0, "depth": 0}
            for at, artifact in enumerate(fresh)
        ]
        if rows:
            connection.execute(_INSERT_NODE, rows)
            found |= {artifact: start + at for at, artifact in enumerate(fresh)}
    return found


def register(connection: Connection, numbers: Mapping[str, int], some: Iterable[Registering]) -> None:
    """Write these registrations of artifacts that have `numbers`."""
    said, files = list[dict[str, object]](), list[dict[str, object]]()
    for one in some:
        artifact = numbers[one.artifact]
        publishers = " ".join(sorted(one.operators))
        said.append({"entry": one.entry, "seq": one.seq, "artifact": artifact, "publishers": publishers})
        files += [{"artifact": artifact, "name": name, "sha256": sha256} for name, sha256 in one.files]
    connection.execute(_INSERT_REGISTRATION, said)
    if files:  # of a registration whose payload was removed there is no list
        connection.execute(_INSERT_FILE, files)
