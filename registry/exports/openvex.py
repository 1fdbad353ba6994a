"""OpenVEX 0.2.0: what an incident means for each artifact that was made of those it names, one statement each.

Specification: https://github.com/openvex/spec. `not_affected` is said only where everything that the artifact is made of is known and
no edge carries the incident to it; else it is `under_investigation`. Nothing is ever `fixed`: corrected weights have an id of their own.
"""

from __future__ import annotations

from lineage.around import Node
from lineage.subjects import Reach
from registry import export
from signing.canonical import Json

SUBJECT = Reach
MEDIA_TYPE = "application/json"


def text(subject: Reach) -> str:
    """Return the document as JSON-LD."""
    at = subject.at
    return export.encode(
        {
            "@context": "https://openvex.dev/ns/v0.2.0",
            "@id": export.address("openvex", str(export.identity(at, subject.incident.id, "openvex"))),
            "author": at.origin,
            "role": "registry",
            "timestamp": export.moment(at.time),
            "version": 1,
            "tooling": f"studbook; as of {at.size} entries of the log {at.origin}; complete: {export.flag(subject.complete)}",
            "statements": [_statement(subject, node) for node in subject.nodes],
        }
    )


def _statement(subject: Reach, node: Node) -> Json:
    incident = subject.incident
    status = subject.status(node.id)
    said: dict[str, Json] = {
        "vulnerability": {
            "@id": export.address("incidents", incident.id),
            "name": export.advisory(incident),
            "description": incident.summary,
        },
        "timestamp": export.moment(subject.at.time),
        "products": [_product(node)],
        "status": status,
    }
    named = " ".join(incident.artifacts)
    match status:
        case "affected":
            said["status_notes"] = f"{incident.what}, {incident.stage}, severity {incident.severity}"
            said["action_statement"] = (
                f"do not use it; make it again without {named}, or ask {incident.contact}"
            )
        case "under_investigation":
            said["status_notes"] = _open(subject, node)
        case "not_affected" if subject.ended:
            said["impact_statement"] = f"the incident was {incident.stage} in entry {subject.changed.entry}"
        case "not_affected":
            said["impact_statement"] = (
                f"by what the log says, no way along which {incident.what} is carried leads to it from {named}"
            )
    return said


def _open(subject: Reach, node: Node) -> str:
    missing = subject.missing.get(node.id)
    if missing:
        return f"nothing is known about {' '.join(missing)}, of which it is made"
    return f"{subject.incident.what}, reported and not confirmed: ask {subject.incident.contact}"


def _product(node: Node) -> Json:
    """Return an artifact as a product: its id names its content, which no name does."""
    return {"@id": export.address("artifacts", node.id)}
