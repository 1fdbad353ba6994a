"""OSV 1.7: an incident as a record, with every artifact that it reaches.

Specification: https://ossf.github.io/osv-schema/. OSV knows no ecosystem of models, and weights that are known by their content
alone lie in no Git repository: each is listed by its id among `versions`, without `package` and `ranges`. The prefix of
the record's id is nobody's registered one; `x_` says so.
"""

from __future__ import annotations

from lineage.subjects import Reach
from registry import export
from signing.canonical import Json

SUBJECT = Reach
MEDIA_TYPE = "application/json"


def text(subject: Reach) -> str:
    """Return the record as JSON."""
    incident, at = subject.incident, subject.at
    record: dict[str, Json] = {
        "schema_version": "1.7.5",
        "id": export.advisory(incident),
        # Whom it reaches may change with every entry, so the record is as new as the log that it is read from.
        "modified": export.moment(at.time),
        "published": export.moment(subject.reported.time),
        "summary": incident.summary,
        "affected": _affected(subject),
        "references": [
            {"type": "REPORT", "url": export.address("entries", incident.id)},
            {"type": "EVIDENCE", "url": export.address("entries", subject.changed.entry)},
        ],
        "database_specific": {
            "kind": incident.what,
            "severity": incident.severity,
            "stage": incident.stage,
            "contact": incident.contact,
            "artifacts": list(incident.artifacts),
            "log": at.origin,
            "as_of": at.size,
            "complete": subject.complete,
            **({"disputed": export.disputed(incident)} if incident.disputes else {}),
        },
    }
    if subject.ended:
        record["withdrawn"] = export.moment(subject.changed.time)
    return export.encode(record)


def _affected(subject: Reach) -> list[Json]:
    """Return what it reaches; a record that is withdrawn keeps its list, as OSV's readers expect."""
    return [
        {
            "versions": [node.id],
            "database_specific": {
                "names": list(node.names),
                "named_by_the_incident": node.id in subject.incident.artifacts,
                "known": node.seen,
            },
        }
        for node in subject.nodes
        if node.id in subject.flagged
    ]
