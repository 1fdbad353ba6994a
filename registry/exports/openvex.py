"""OpenVEX 0.2.0: what an incident means for each artifact that was made of those it names, one statement each.

Specification: https://github.com/openvex/spec. `not_affected` is said where a status in the log says so, with its justification, until
that expires; else only where everything that the artifact is made of is known and no edge carries the incident to it. Bytes do not
heal: what is superseded stays `affected`, and the corrected artifact, which the incident does not reach, has a statement that it is `fixed`.
"""

from __future__ import annotations

from collections import defaultdict

from lineage.around import Node, Said
from lineage.assessed import Assessed
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
            "statements": [*(_statement(subject, node) for node in subject.nodes), *_fixed(subject)],
        }
    )


def _statement(subject: Reach, node: Node) -> Json:
    incident, found = subject.incident, subject.said(node.id)
    status = subject.status(node.id)
    said = _begun(subject, node.id) | {"status": status}
    named = " ".join(incident.artifacts)
    match status:
        case "affected":
            meaning = f"; {_word(found)}" if found else _lapsed(subject, node)
            begun = f"{incident.what}, {incident.stage}, severity {incident.severity}"
            said["status_notes"] = begun + meaning + _disputed(subject)
            instead = found.fact.corrected if found else None
            said["action_statement"] = (
                f"take {instead} instead, which supersedes it"
                if instead
                else f"do not use it; make it again without {named}, or ask {incident.contact}"
            )
        case "under_investigation":
            meaning = _word(found) if found else _open(subject, node) + _lapsed(subject, node)
            said["status_notes"] = meaning + _disputed(subject)
        case _ if subject.ended:
            said["impact_statement"] = f"the incident was {incident.stage} in entry {subject.changed.entry}"
        case _ if found and found.fact.justification:
            said["justification"] = found.fact.justification
            said["impact_statement"] = _word(found)
        case _ if node.id in subject.stopped:
            said["impact_statement"] = (
                f"{incident.what} leads to it from {named} only through what statuses in the log say is not affected,"
                " and the policy of whoever exports lets these stop it"
            )
        case _:
            said["impact_statement"] = (
                f"by what the log says, no way along which {incident.what} is carried leads to it from {named}"
            )
    return said


def _fixed(subject: Reach) -> list[Json]:
    """Return a statement for each artifact that is to be taken instead of others and that the incident does not reach."""
    instead: dict[str, list[str]] = defaultdict(list)
    told = {node.id for node in subject.nodes}
    for node in subject.nodes:
        found = subject.said(node.id)
        if found and found.fact.corrected and found.fact.corrected not in told and not subject.ended:
            instead[found.fact.corrected].append(node.id)
    return [
        _begun(subject, one)
        | {
            "status": "fixed",
            "status_notes": f"it supersedes {' '.join(instead[one])}, by statuses in the log",
        }
        for one in sorted(instead)
    ]


def _begun(subject: Reach, artifact: str) -> dict[str, Json]:
    """Return what every statement begins with; an artifact's id names its content, which no name does."""
    return {
        "vulnerability": {
            "@id": export.address("incidents", subject.incident.id),
            "name": export.advisory(subject.incident),
            "description": subject.incident.summary,
        },
        "timestamp": export.moment(subject.at.time),
        "products": [{"@id": export.address("artifacts", artifact)}],
    }


def _open(subject: Reach, node: Node) -> str:
    missing = subject.missing.get(node.id)
    if missing:
        return f"nothing is known about {' '.join(missing)}, of which it is made"
    if node.id not in subject.flagged:
        return f"{subject.incident.removed} bindings that it may select by were removed by order: what they named is unknown"
    return f"{subject.incident.what}, reported and not confirmed: ask {subject.incident.contact}"


def _word(said: Said[Assessed]) -> str:
    """Return what was found, whose word it is, and until when it holds, which no member of the format says."""
    found = said.fact
    until = "" if found.expires is None else f", until {export.moment(found.expires)}"
    return f"{found.note}; said by {' '.join(said.operators)} in entry {said.entry}{until}"


def _disputed(subject: Reach) -> str:
    told = export.disputed(subject.incident)
    return told and f"; {told}"


def _lapsed(subject: Reach, node: Node) -> str:
    found = subject.assessed.get(node.id)
    if found is None or found.fact.expires is None or node.id not in subject.flagged:
        return ""
    return f"; {found.fact.status} by entry {found.entry} expired at {export.moment(found.fact.expires)}"
