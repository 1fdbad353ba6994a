"""The Atom feed of incidents: every report, change of stage, amendment and dispute is an entry (RFC 4287).

Pure, like an export: no clock, no database. An entry's id is a UUID of version 5 over the log's name and the id of the log's
entry, so it is the same whoever serves the feed and under whichever address.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as ET

from lineage.around import Change
from lineage.subjects import AsOf
from registry import export
from registry.incidents import DISPUTES

MEDIA_TYPE = "application/atom+xml; charset=utf-8"
PATH = "incidents.atom"

_NAMESPACE = "http://www.w3.org/2005/Atom"


def text(at: AsOf, changes: Sequence[Change], base: str) -> str:
    """Return the feed of these changes, newest first, of the log `at`, served below the URL `base`, which ends in a slash."""
    root = ET.Element("feed", xmlns=_NAMESPACE)
    _put(root, "id", _id(at, "incidents"))
    _put(root, "title", f"Incidents in {at.origin}")
    _put(root, "updated", export.moment(changes[0].time if changes else at.time))
    _put(ET.SubElement(root, "author"), "name", at.origin)
    _link(root, "self", base + PATH, MEDIA_TYPE.partition(";")[0])
    for change in changes:
        _entry(root, at, change, base)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _entry(root: ET.Element, at: AsOf, change: Change, base: str) -> None:
    incident = change.incident
    entry = ET.SubElement(root, "entry")
    _put(entry, "id", _id(at, change.entry))
    _put(entry, "title", f"{change.event}: {incident.what}, {incident.severity}: {incident.summary}")
    _put(entry, "updated", export.moment(change.time))
    for term in dict.fromkeys((change.event, incident.stage, incident.what, incident.severity)):
        ET.SubElement(entry, "category", term=export.plain(term))
    here = f"{base}incidents/{incident.id}"
    _link(entry, "alternate", here, "application/json")
    _link(entry, "related", f"{here}/owners", "application/json")
    said = [
        f"Incident {incident.id} is {change.event}"
        + ("." if change.reason is None else f": {change.reason}"),
        f"It names {', '.join(incident.artifacts) or 'nothing so far'}"
        + (f" and selects by {', '.join(incident.selectors)}." if incident.selectors else "."),
        f"Contact: {incident.contact}",
        *(
            f"Disputed by {', '.join(one.operators)} for {one.fact.artifact}: {one.fact.text}"
            for one in incident.disputes[-DISPUTES:]
        ),
    ]
    ET.SubElement(entry, "content", type="text").text = "\n".join(map(export.plain, said))


def _put(element: ET.Element, name: str, said: str) -> None:
    ET.SubElement(element, name).text = export.plain(said)


def _link(element: ET.Element, relation: str, address: str, kind: str) -> None:
    ET.SubElement(element, "link", rel=relation, type=kind, href=export.plain(address))


def _id(at: AsOf, about: str) -> str:
    return uuid5(NAMESPACE_URL, export.address("changes", f"{at.origin}/{about}")).urn
