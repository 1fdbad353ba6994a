"""CycloneDX 1.7: a bill of materials of a model (ML-BOM), with its files, its pedigree and what was measured on it.

Specification: https://cyclonedx.org/docs/1.7/json/ (ECMA-424). Relatives stand in `pedigree`, each once, without `bom-ref`: nothing
in the document refers to them, and several readers refuse references from there. Which one was made from which, by whose
word, is in their properties, since a pedigree is a list and no graph. What is declared about licenses is told as it was declared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from lineage.around import Edge, Node
from lineage.standing import Affected
from lineage.subjects import Pedigree
from lineage.terms import ways
from registry import export
from registry.outcomes import RebuildOut
from signing import canonical
from signing.canonical import Json

SUBJECT = Pedigree
MEDIA_TYPE = "application/vnd.cyclonedx+json; version=1.7"


def text(subject: Pedigree) -> str:
    """Return the bill of materials as JSON."""
    document: dict[str, Json] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": export.identity(subject.at, f"{subject.scope}/{subject.here.id}", "cyclonedx").urn,
        "version": 1,
        "metadata": {
            "timestamp": export.moment(subject.at.time),
            "tools": {"components": [{"type": "application", "name": "studbook"}]},
            "component": _main(subject),
            "properties": _properties(export.basis(subject).items()),
        },
        # The files are all there are. What it is made of is what was said: nobody knows that nothing was left out.
        "compositions": [
            {
                "aggregate": "complete" if subject.files else "unknown",
                "assemblies": [subject.here.id],
            },
            {
                "aggregate": "unknown" if subject.complete else "incomplete",
                "dependencies": [subject.here.id],
            },
        ],
    }
    if isinstance(subject.verdict.standing, Affected):
        document["vulnerabilities"] = _vulnerabilities(subject, subject.verdict.standing)
    return export.encode(document)


def _main(subject: Pedigree) -> Json:
    here = subject.here
    edges: dict[str, list[Edge]] = defaultdict(list)
    for edge in subject.edges:
        edges[edge.parent if edge.parent in subject.ancestors else edge.child].append(edge)
    component = _component(subject, here, ()) | {
        "bom-ref": here.id,
        "modelCard": _card(subject),
        "pedigree": {
            "ancestors": [
                _component(subject, one, edges[one.id]) for one in subject.relatives(subject.ancestors)
            ],
            "descendants": [
                _component(subject, one, edges[one.id]) for one in subject.relatives(subject.descendants)
            ],
            "notes": "ancestors and descendants are what signed statements in the log say; a property tells each by itself",
        },
    }
    if subject.files:
        component["components"] = [
            {
                "type": "file",
                "bom-ref": f"{here.id}#{name}",
                "name": name,
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
            for name, digest in subject.files
        ]
    return component


def _component(subject: Pedigree, node: Node, edges: Iterable[Edge]) -> dict[str, Json]:
    """Return an artifact as a component; one that nothing is known about says so."""
    said = [("known", export.flag(node.seen)), *(("name", one) for one in node.names[1:])]
    said += [("edge", _told(edge)) for edge in edges]
    said += [("incident", one.id) for one in subject.incidents[node.id]]
    component: dict[str, Json] = {
        "type": "machine-learning-model",
        "name": export.called(node),
        "version": node.id,
        "licenses": _licenses(node),
        "properties": _properties(said),
    }
    if not node.seen:
        component["description"] = export.UNSEEN
    if (url := export.purl(node.id)) is not None:
        component["purl"] = url
    registered = subject.registered.get(node.id)
    if registered is not None:
        component["externalReferences"] = [
            {
                "type": "attestation",
                "url": export.address("entries", registered.entry),
                "comment": f"entry of the log {subject.at.origin} that signs the files of {node.id}",
            }
        ]
        component["supplier"] = {"name": ", ".join(registered.operators)}
    return component


def _licenses(node: Node) -> Json:
    if not node.licenses:
        return [{"license": {"name": export.NOASSERTION}}]
    return [{"license": {"name": node.licenses[0], "acknowledgement": "declared"}}]


def _card(subject: Pedigree) -> Json:
    verdict = subject.verdict
    metrics: list[Json] = [
        {
            "type": one.fact.metric,
            "value": one.fact.value,
            "slice": f"{one.fact.n} examples of suite sha256:{one.fact.suite} by {one.fact.runner}, {one.fact.result}; entry {one.entry}",
        }
        for one in sorted(verdict.evaluations, key=lambda one: one.entry)
    ]
    said = [
        *(
            ("inherited_license", f"{one.license} from {way[0]}" + ("" if one.settled else ", unsettled"))
            for one, way in ways(verdict.terms.inherited).items()
        ),
        *(
            ("rebuild", f"{RebuildOut.of(build, outcome).outcome}: provenance {build}")
            for build, outcome in sorted(verdict.rebuilds, key=lambda one: one[0])
        ),
    ]
    card: dict[str, Json] = {
        "considerations": {
            "technicalLimitations": [f"evaluated: {verdict.evaluated}; a parent's evaluation is not its own"]
        },
        "properties": _properties(said),
    }
    if metrics:
        card["quantitativeAnalysis"] = {"performanceMetrics": metrics}
    return card


def _vulnerabilities(subject: Pedigree, standing: Affected) -> Json:
    return [
        {
            "id": export.advisory(hit.incident),
            "source": {"name": subject.at.origin, "url": export.address("incidents", hit.incident.id)},
            "ratings": [{"severity": hit.incident.severity, "method": "other"}],
            "description": hit.incident.summary,
            "affects": [{"ref": subject.here.id}],
            "properties": _properties(
                [("kind", hit.incident.what), ("stage", hit.incident.stage), ("via", " ".join(hit.via))]
                + ([("disputed", export.disputed(hit.incident))] if hit.incident.disputes else [])
            ),
        }
        for hit in standing.incidents
    ]


def _told(edge: Edge) -> str:
    told: Mapping[str, Json] = {
        "child": edge.child,
        "parent": edge.parent,
        "relation": edge.relation,
        "part": edge.part,
        "evidence": edge.evidence.name.lower(),
        "entry": edge.entry,
    }
    return canonical.encode(told).decode()


def _properties(said: Iterable[tuple[str, str]]) -> list[Json]:
    return [{"name": f"studbook:{name}", "value": value} for name, value in said]
