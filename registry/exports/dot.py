"""DOT, the language of Graphviz: a lineage to be drawn, parents above children; what nothing is known about is dashed.

Grammar and escapes: https://graphviz.org/doc/info/lang.html and https://graphviz.org/docs/attr-types/escString/.
"""

from __future__ import annotations

from lineage.around import Node
from lineage.subjects import Pedigree
from registry import export

SUBJECT = Pedigree
MEDIA_TYPE = "text/vnd.graphviz; charset=utf-8"


def text(subject: Pedigree) -> str:
    """Return the lineage as a directed graph."""
    about = {key: value for key, value in export.basis(subject).items() if value}
    lines = ["digraph studbook {"]
    lines += [f"  graph [{_attributes({'label': _listed(about)})}];", '  node [shape="box"];']
    for node in subject.nodes:
        lines.append(f"  {_quoted(node.id)} [{_attributes(_node(subject, node))}];")
    for edge in subject.edges:
        said = f"{edge.relation}, {edge.evidence.name.lower()}"
        ends = f"{_quoted(edge.parent)} -> {_quoted(edge.child)}"
        lines.append(f"  {ends} [{_attributes({'label': said, 'comment': edge.entry})}];")
    return "\n".join([*lines, "}"]) + "\n"


def _node(subject: Pedigree, node: Node) -> dict[str, str]:
    lines = [export.called(node), node.licenses[0] if node.licenses else f"license {export.NOASSERTION}"]
    lines += [f"{one.what}, {one.stage}" for one in subject.incidents[node.id]]
    style = "solid" if node.seen else "dashed"
    if node.id == subject.verdict.artifact:
        style += ",bold"
    if not node.seen:
        lines.append("unknown")
    return {"label": "; ".join(lines), "style": style}


def _listed(values: dict[str, str]) -> str:
    return "; ".join(f"{key}: {value}" for key, value in values.items())


def _attributes(values: dict[str, str]) -> str:
    return ", ".join(f"{key}={_quoted(value)}" for key, value in values.items())


def _quoted(value: str) -> str:
    """Return text as a quoted id: a backslash would escape, `&` begin an entity, and both be drawn as something else."""
    shown = export.plain(value).replace("&", "&amp;")
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
