"""GraphML: a lineage as a graph that tools for graphs read; edges lead from parent to child.

Specification: http://graphml.graphdrawing.org/specification.html. Several statements about one pair are several edges.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree as ET

from lineage.around import Edge, Node
from lineage.subjects import Pedigree
from registry import export

SUBJECT = Pedigree
MEDIA_TYPE = "application/graphml+xml; charset=utf-8"

_NAMESPACE = "http://graphml.graphdrawing.org/xmlns"
_GRAPH = ("artifact", "log", "as_of", "scope", "complete", "standing", "missing", "evaluated")
_NODE = ("name", "license", "known", "files", "incidents")
_EDGE = ("relation", "part", "evidence", "entry")


def text(subject: Pedigree) -> str:
    """Return the lineage as a GraphML document."""
    root = ET.Element("graphml", xmlns=_NAMESPACE)
    for domain, names in (("graph", _GRAPH), ("node", _NODE), ("edge", _EDGE)):
        for name in names:
            key = {"id": f"{domain}-{name}", "for": domain, "attr.name": name, "attr.type": "string"}
            ET.SubElement(root, "key", key)
    graph = ET.SubElement(root, "graph", id="lineage", edgedefault="directed")
    _data(graph, "graph", export.basis(subject))
    for node in subject.nodes:
        _data(ET.SubElement(graph, "node", id=export.plain(node.id)), "node", _of_node(subject, node))
    for number, edge in enumerate(subject.edges):
        ends = {"source": export.plain(edge.parent), "target": export.plain(edge.child)}
        _data(ET.SubElement(graph, "edge", ends, id=f"edge-{number}"), "edge", _of_edge(edge))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _of_node(subject: Pedigree, node: Node) -> dict[str, str]:
    return {
        "name": export.called(node),
        "license": node.licenses[0] if node.licenses else export.NOASSERTION,
        "known": export.flag(node.seen),
        "files": str(node.files) if node.seen else export.NOASSERTION,
        "incidents": " ".join(one.id for one in subject.incidents[node.id]),
    }


def _of_edge(edge: Edge) -> dict[str, str]:
    return {
        "relation": edge.relation,
        "part": edge.part,
        "evidence": edge.evidence.name.lower(),
        "entry": edge.entry,
    }


def _data(element: ET.Element, domain: str, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        if not value:
            continue  # no incident, nothing missing: readers make different things of an empty element
        ET.SubElement(element, "data", key=f"{domain}-{name}").text = export.plain(value)
