"""Embargoes: incidents that were written down before they were told, and since when."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from lineage import authority
from registry.store import trust
from registry.store.tenure import standing

_ALL = text(f"""
    SELECT embargo.entry, embargo.incident, embargo.contact, entry.time, entry.id, entry.keys,
           EXISTS (SELECT 1 FROM incident WHERE incident.id = embargo.incident AND {standing("incident")}) AS revealed
    FROM embargo JOIN entry ON entry."index" = embargo.entry
    WHERE {standing("embargo")} AND (CAST(:incident AS TEXT) IS NULL OR embargo.incident = CAST(:incident AS TEXT))
    ORDER BY embargo.entry, embargo.seq
""")


@dataclass(frozen=True, slots=True)
class Embargo:
    """That these operators had an incident (its id) written down at `time` (unix seconds), in leaf `index`, entry `entry`."""

    incident: str
    contact: str
    operators: tuple[str, ...]
    keys: tuple[str, ...]
    time: int
    index: int
    entry: str
    revealed: bool


def embargoes(connection: Connection, incident: str | None = None) -> tuple[Embargo, ...]:
    """Return the embargoes that count, oldest first: all, or those of one incident."""
    root = trust.root(connection)
    return tuple(
        Embargo(
            row.incident,
            row.contact,
            () if root is None else authority.holders(root, "security", row.time, row.keys.split()),
            tuple(row.keys.split()),
            row.time,
            row.entry,
            row.id,
            bool(row.revealed),
        )
        for row in connection.execute(_ALL, {"incident": incident})
    )
