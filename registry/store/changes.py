"""Changes of incidents: each report and each change of stage that counts, in the order of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from lineage.around import Change
from registry.store import lineage
from registry.store.tenure import standing

CHANGES = f"""
    SELECT incident.entry, 0 AS seq, incident.id AS incident, incident.stage, NULL AS reason
    FROM incident WHERE {standing("incident")}
    UNION ALL
    SELECT stage.entry, stage.seq, stage.incident, stage.stage, stage.reason FROM stage WHERE {standing("stage")}
"""
_CHANGES = f"""
    SELECT change.entry, entry.id, entry.time, change.incident, change.stage, change.reason
    FROM ({CHANGES}) AS change JOIN entry ON entry."index" = change.entry
"""
_NEWEST = text(f"{_CHANGES} ORDER BY change.entry DESC, change.seq DESC LIMIT :most")
_AT = text(f"{_CHANGES} WHERE change.entry = :entry")


def newest(connection: Connection, most: int) -> tuple[Change, ...]:
    """Return the `most` newest changes, newest first; what an incident that no longer counts came to is none."""
    return _changes(connection, connection.execute(_NEWEST, {"most": most}).all())


def at(connection: Connection, entry: int) -> Change | None:
    """Return the change that leaf `entry` made; None if that counts no longer."""
    found = _changes(connection, connection.execute(_AT, {"entry": entry}).all())
    return found[0] if found else None


def _changes(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[Change, ...]:
    incidents = {
        incident: lineage.incidents(connection, incident)
        for incident in dict.fromkeys(row.incident for row in rows)
    }
    return tuple(
        Change(row.entry, row.id, row.time, found, row.stage, row.reason)
        for row in rows
        for found in incidents[row.incident]
    )
