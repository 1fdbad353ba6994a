"""Which entries count: all from their own leaf on, but for those whose keys were ended in their back, and what replaced them.

A question about the log of `:size` entries asks `counting`, one about all of it `standing`; both are conditions on the
column `entry` of a table that is folded from statements.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, text

_COUNTING = """NOT EXISTS (SELECT 1 FROM tenure WHERE tenure.entry = {0}.entry
                AND (:size <= tenure.first OR :size > tenure.until))"""
_STANDING = "NOT EXISTS (SELECT 1 FROM tenure WHERE tenure.entry = {0}.entry AND tenure.until IS NOT NULL)"
_LEAVES = text("""
    SELECT entry."index" FROM entry LEFT JOIN tenure ON tenure.entry = entry."index"
    WHERE entry.id = :id AND tenure.until IS NULL AND (CAST(:before AS BIGINT) IS NULL OR entry."index" < :before) ORDER BY entry."index"
""")
_END = text("""
    INSERT INTO tenure (entry, first, until) VALUES (:entry, :entry, :until)
    ON CONFLICT (entry) DO UPDATE SET until = excluded.until
""")
_BEGIN = text("INSERT INTO tenure (entry, first, until) VALUES (:entry, :first, NULL)")
_ENDED = text("SELECT entry, until FROM tenure WHERE until IS NOT NULL ORDER BY entry")


def counting(table: str) -> str:
    """Return the condition that a row of `table` counts in the log of its first `:size` entries."""
    return f"{table}.entry < :size AND {_COUNTING.format(table)}"


def standing(table: str) -> str:
    """Return the condition that a row of `table` counts in the whole log."""
    return _STANDING.format(table)


def leaves(connection: Connection, entry: str, before: int | None = None) -> tuple[int, ...]:
    """Return the leaves of a statement that count, oldest first, of all or of those before leaf `before`."""
    return tuple(connection.scalars(_LEAVES, {"id": entry, "before": before}))


def end(connection: Connection, entries: Collection[int], at: int) -> None:
    """Let these entries count no longer from leaf `at` on."""
    if entries:
        connection.execute(_END, [{"entry": entry, "until": at} for entry in entries])


def begin(connection: Connection, entry: int, at: int) -> None:
    """Let this entry, whose statement another leaf carried, count from leaf `at` on."""
    connection.execute(_BEGIN, {"entry": entry, "first": at})


def ended(connection: Connection) -> dict[int, int]:
    """Return the entries that count no longer, each with the leaf from which on."""
    return {row.entry: row.until for row in connection.execute(_ENDED)}
