"""Which artifact a reference means.

A reference is `sha256:<64 hex>` or a unique prefix of at least 8 digits, `hf:<owner>/<name>[@<commit>]`,
`namespace/name[@revision]`, or a folder of this machine that is registered. What begins with `/`, `.` or `~` is only
ever a folder; anything else is a name first, and where a name and a registered folder disagree the reference is
refused: a local folder must not shadow a name in silence (2-arithmetic, "Traps to refuse or report").
"""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection, select, text
from sqlmodel import col

from registry.store import Absent, log, places, unbound
from registry.store.tenure import standing
from registry.store.unbound import Lost
from registry.tables import Node
from signing.errors import Malformed

_FORMS = "sha256:<8 to 64 hex digits>, namespace/name[@revision] or a registered folder"
_ID = re.compile(r"sha256:[0-9a-f]{8,64}")
_SHOWN = 4
_NAMED = text(f"""
    SELECT node.id, name.entry FROM name JOIN node ON node.number = name.artifact
    WHERE name.folded = :folded AND (CAST(:revision AS TEXT) IS NULL OR name.revision = :revision) AND {standing("name")}
    ORDER BY name.entry DESC, name.seq DESC LIMIT 1
""")


def resolve(connection: Connection, ref: str) -> str:
    """Return the id of the artifact that `ref` means, or say what would make it mean one."""
    if ref.startswith("sha256:"):
        return _by_prefix(connection, ref)
    if ref.startswith("hf:"):
        return _stub(connection, ref)
    folder = Path(ref).expanduser()
    placed = places.at(connection, folder)
    if ref.startswith(("/", ".", "~")):
        if placed is None:
            raise Absent(f"the folder {folder} is not registered here: `studbook add {ref}` registers it")
        return placed
    found = called(connection, ref)
    if found and placed and found != placed:
        raise Malformed(f"{ref!r} is a name, {found}, and a folder, {placed}: write ./{ref} for the folder")
    if found or placed:
        return found or placed or ref
    if folder.is_dir():
        raise Absent(
            f"{ref!r} is no name, and the folder is not registered: `studbook add {ref}` registers it"
        )
    raise Absent(f"nothing is called {ref!r} here; a reference is {_FORMS}")


def called(connection: Connection, ref: str) -> str | None:
    """Return the artifact that the name `ref`, perhaps with a revision, means, if it is one; refuse one that lost its meaning."""
    name, _, revision = ref.partition("@")
    found = named(connection, name, revision or None)
    match found:
        case Lost(removed, by, order):
            raise Absent(
                f"what {ref!r} means is unknown: its newest binding, entry {removed}, was removed by entry {by} under an"
                f" order ({order}), and nobody has bound it since"
            )
        case _:
            return found


def named(connection: Connection, name: str, revision: str | None = None) -> str | Lost | None:
    """Return the artifact that `name`, or `name@revision`, points at now; the newest binding wins, and says nothing once it is removed."""
    folded = name.casefold()
    row = connection.execute(_NAMED, {"folded": folded, "revision": revision}).first()
    if row is None:
        return None
    lost = unbound.lost(connection, [folded], log.size(connection), row.entry)
    removed = lost.get((folded, revision))
    found: str = row.id
    return found if removed is None else unbound.order(connection, removed)


def _by_prefix(connection: Connection, ref: str) -> str:
    if _ID.fullmatch(ref) is None:
        raise Malformed(f"{ref!r} is no artifact id: write sha256: and 8 to 64 lower-case hex digits")
    # `g` sorts after every hex digit, so this is the range of ids that begin with `ref`, read off the index.
    query = select(col(Node.id)).where(col(Node.id) >= ref, col(Node.id) < f"{ref}g").order_by(col(Node.id))
    found = connection.scalars(query.limit(_SHOWN + 1)).all()
    match found:
        case []:
            raise Absent(f"no artifact {ref} is registered here")
        case [only]:
            return only
        case _:
            shown = ", ".join(found[:_SHOWN]) + (" and more" if len(found) > _SHOWN else "")
            raise Malformed(f"{ref} is the beginning of {shown}: write more digits")


def _stub(connection: Connection, ref: str) -> str:
    found: str | None = connection.scalar(select(col(Node.id)).where(col(Node.id) == ref))
    if found is None:
        raise Absent(f"{ref} is not named by anything in this log")
    return found
