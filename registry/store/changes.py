"""Changes of incidents that count, in the order of the log: reports, changes of stage, amendments, and disputes by owners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from lineage.around import Change, Incident
from registry.store import flagging, log
from registry.store.tenure import standing

CHANGES = f"""
    SELECT incident.entry, 0 AS seq, incident.id AS incident, incident.stage AS event, NULL AS reason
    FROM incident WHERE {standing("incident")}
    UNION ALL
    SELECT stage.entry, stage.seq, stage.incident, stage.stage, stage.reason FROM stage WHERE {standing("stage")}
    UNION ALL
    SELECT amendment.entry, amendment.seq, amendment.incident, 'amended', amendment.reason
    FROM amendment WHERE {standing("amendment")}
    UNION ALL
    SELECT dispute.entry, dispute.seq, dispute.incident, 'disputed', dispute.text
    FROM dispute WHERE {standing("dispute")}
"""
# What is said of an incident that no longer counts changes nothing.
_CHANGES = f"""
    SELECT change.entry, entry.id, entry.time, entry.keys, opened.entry AS opened, change.event, change.reason
    FROM ({CHANGES}) AS change JOIN entry ON entry."index" = change.entry
    JOIN incident AS opened ON opened.id = change.incident AND {standing("opened")}
"""
_NEWEST = text(f"{_CHANGES} ORDER BY change.entry DESC, change.seq DESC LIMIT :most")
_AT = text(f"{_CHANGES} WHERE change.entry = :entry")
_OF = text(f"{_CHANGES} WHERE opened.id = :incident ORDER BY change.entry DESC, change.seq DESC")


def newest(connection: Connection, most: int) -> tuple[Change, ...]:
    """Return the `most` newest changes, newest first; what an incident that no longer counts came to is none."""
    return _changes(connection, connection.execute(_NEWEST, {"most": most}).all())


def at(connection: Connection, entry: int) -> Change | None:
    """Return the change that leaf `entry` made; None if that counts no longer."""
    found = _changes(connection, connection.execute(_AT, {"entry": entry}).all())
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Told:
    """Changes of one incident, oldest first; `left_out` older ones are not told."""

    told: tuple[Change, ...]
    left_out: int


def of(connection: Connection, incident: str, most: int) -> Told:
    """Return the `most` newest changes of an incident (its id) that count."""
    rows = connection.execute(_OF, {"incident": incident}).all()
    return Told(_changes(connection, rows[:most][::-1]), max(0, len(rows) - most))


def _changes(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[Change, ...]:
    return tuple(
        Change(
            index=row.entry,
            entry=row.id,
            time=row.time,
            keys=tuple(row.keys.split()),
            incident=_then(connection, row.opened, row.entry + 1),
            event=row.event,
            reason=row.reason,
        )
        for row in rows
    )


def _then(connection: Connection, opened: int, size: int) -> Incident:
    """Return the incident of leaf `opened` as the log of `size` entries told it; as it is told now, if it began to count later."""
    then = flagging.reported(connection, [opened], size)
    return (then or flagging.reported(connection, [opened], log.size(connection)))[opened]
