"""Names whose newest binding an order had removed: they mean nothing until they are bound anew, or an old binding would come back.

What was removed says the name no longer. It names an entry that binds the same one, and where that entry's words go later, it
names another in its turn; so the way leads to the name for as long as there is a binding that could come back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, text

from lineage.facts import Named
from lineage.removals import Unbound
from lineage.residue import Residue, unbound
from registry.store.lists import asking, parts
from registry.store.tenure import counting

Bound = tuple[str, str | None]
"""A name, folded, and the revision of it that is asked for, if one is."""

_OTHER = text("""
    SELECT entry.id FROM name JOIN entry ON entry."index" = name.entry
    WHERE name.folded = :folded AND (CAST(:revision AS TEXT) IS NULL OR name.revision = :revision) AND entry.id <> :id AND name.entry <
          (SELECT max(own.entry) FROM entry AS leaf JOIN name AS own ON own.entry = leaf."index" WHERE leaf.id = :id)
    ORDER BY name.entry DESC LIMIT 1
""")
# Where no older entry binds it, the next one: it moved a name that was taken, and was admitted for that (`judge.admit`).
_NEXT = text("""
    SELECT entry.id FROM name JOIN entry ON entry."index" = name.entry
    WHERE name.folded = :folded AND entry.id <> :id ORDER BY name.entry LIMIT 1
""")
_PUT = text("""
    INSERT INTO unbound (entry, seq, name, revision)
    SELECT entry, seq, :name, :revision FROM name WHERE entry IN (SELECT "index" FROM entry WHERE id = :id)
""")
_SINCE = text("SELECT 1 FROM unbound WHERE entry > :after LIMIT 1")
_LOST = """
    WITH RECURSIVE same (folded, revision, id) AS (
        SELECT name.folded, {revision}, entry.id FROM name JOIN entry ON entry."index" = name.entry
        WHERE name.folded IN :some AND {asked}
        UNION SELECT same.folded, same.revision, entry.id FROM same
        JOIN unbound ON unbound.{column} = same.id JOIN entry ON entry."index" = unbound.entry
    )
    SELECT same.folded, same.revision, max(unbound.entry) AS entry
    FROM same JOIN unbound ON unbound.{column} = same.id WHERE {counting} GROUP BY same.folded, same.revision
"""
_COUNTING = counting("unbound")
_LOST_NAMES = asking(_LOST.format(column="name", revision="NULL", asked="true", counting=_COUNTING))
_LOST_REVISIONS = asking(
    _LOST.format(
        column="revision", revision="name.revision", asked="name.revision IS NOT NULL", counting=_COUNTING
    )
)
_ORDER = text("""
    SELECT redaction.entry, redaction.reason FROM entry JOIN redaction ON redaction.id = entry.id
    WHERE entry."index" = :index
""")


@dataclass(frozen=True, slots=True)
class Lost:
    """What a name pointed at last was removed: entry `removed`, by entry `by`, under `order`."""

    removed: int
    by: int
    order: str


def linked(connection: Connection, entry: str, named: Named, left: Residue) -> Residue:
    """Return `left`, what is left of the binding `named` in `entry`, with the ids of other entries that bind the same name: older ones, or else the next."""
    asked = {"folded": named.name.casefold(), "id": entry}
    name: str | None = connection.scalar(_OTHER, asked | {"revision": None})
    if name is None:
        name = connection.scalar(_NEXT, asked)
        return left if name is None else unbound(left, name, "")
    revision: str | None = (
        None if named.revision is None else connection.scalar(_OTHER, asked | {"revision": named.revision})
    )
    return unbound(left, name, revision or "")


def keep(connection: Connection, entry: str, left: Residue) -> None:
    """Put what is left of a binding beside the rows of it that are about to go."""
    for fact in left.facts:
        if isinstance(fact, Unbound):
            connection.execute(_PUT, {"id": entry, "name": fact.name, "revision": fact.revision})


def lost(connection: Connection, names: Collection[str], size: int, after: int) -> dict[Bound, int]:
    """Return the newest binding after leaf `after` that was removed of each of these names (folded) and of their revisions."""
    if connection.execute(_SINCE, {"after": after}).first() is None:
        return {}
    found: dict[Bound, int] = {}
    for query in (_LOST_NAMES, _LOST_REVISIONS):
        for some in parts(names):
            rows = connection.execute(query, {"some": some, "size": size})
            found |= {(row.folded, row.revision): row.entry for row in rows if row.entry > after}
    return found


def order(connection: Connection, removed: int) -> Lost:
    """Return who had the binding of leaf `removed` removed."""
    row = connection.execute(_ORDER, {"index": removed}).one()
    return Lost(removed, row.entry, row.reason)
