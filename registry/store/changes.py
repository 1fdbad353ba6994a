"""Changes of incidents: each report and each change of stage that counts, in the order of the log."""

from __future__ import annotations

from sqlalchemy import Connection, text

from lineage.around import Change
from registry.store import lineage
from registry.store.tenure import standing

_NEWEST = text(f"""
    SELECT change.entry, entry.id, entry.time, change.incident, change.stage, change.reason
    FROM (SELECT incident.entry, 0 AS seq, incident.id AS incident, incident.stage, NULL AS reason
          FROM incident WHERE {standing("incident")}
          UNION ALL
          SELECT stage.entry, stage.seq, stage.incident, stage.stage, stage.reason FROM stage WHERE {standing("stage")}
         ) AS change JOIN entry ON entry."index" = change.entry
    ORDER BY change.entry DESC, change.seq DESC LIMIT :most
""")


def newest(connection: Connection, most: int) -> tuple[Change, ...]:
    """Return the `most` newest changes, newest first; what an incident that no longer counts came to is none."""
    rows = connection.execute(_NEWEST, {"most": most}).all()
    incidents = {
        incident: lineage.incidents(connection, incident)
        for incident in dict.fromkeys(row.incident for row in rows)
    }
    return tuple(
        Change(row.entry, row.id, row.time, found, row.stage, row.reason)
        for row in rows
        for found in incidents[row.incident]
    )
