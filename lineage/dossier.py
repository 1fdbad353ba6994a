"""Dossier: what is to be said of one artifact and of everything made of it, on one page, as a JSON value.

Counts and lists, no score: whoever reads it decides. Its words are those of the other answers; what is unknown is counted by
itself and never among what is fine. `since` is the same artifact at an earlier size of the log, and `changed` what came and went.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from lineage.around import Edge, Incident, Node
from lineage.difference import difference
from lineage.schema import BASE
from lineage.standing import Affected, Clean, Unknown
from lineage.subjects import Pedigree
from lineage.terms import ways
from signing.canonical import Json

URI = BASE + "dossier/v1"
"""The type of a signed dossier. No predicate reads it, so it is never an entry of the log: it is made from one."""


def dossier(
    subject: Pedigree, responsible: Mapping[str, tuple[str, ...]], since: Pedigree | None = None
) -> Mapping[str, Json]:
    """Return the dossier of an artifact; `responsible` are the operators that signed each entry which says an edge."""
    verdict, here = subject.verdict, subject.here
    return {
        "artifact": here.id,
        "names": list(here.names),
        "log": subject.at.origin,
        "as_of": subject.at.size,
        "time": subject.at.time,
        "complete": subject.complete,
        "standing": _standing(subject),
        "license": verdict.license,
        "inherited": [
            {"license": one.license, "settled": one.settled, "via": list(way)}
            for one, way in ways(verdict.terms.inherited).items()
        ],
        "contradictions": [
            {"kind": one.kind, "source": one.source, "value": one.value, "sentence": one.sentence}
            for one in verdict.contradictions
        ],
        "evaluated": verdict.evaluated,
        "evaluations": [
            {
                "suite": one.fact.suite,
                "metric": one.fact.metric,
                "value": one.fact.value,
                "n": one.fact.n,
                "result": one.fact.result,
                "operators": list(one.operators),
                "entry": one.entry,
            }
            for one in sorted(verdict.evaluations, key=lambda one: one.entry)
        ],
        "ancestors": _relatives(subject.relatives(subject.ancestors)),
        "descendants": _relatives(subject.relatives(subject.descendants)),
        "edges": _counts(subject.edges),
        "incidents": _incidents(subject),
        "doubts": [_incident(one) | {"removed": one.removed} for one in subject.doubts],
        "responsible": [_said(edge, responsible) for edge in subject.edges],
        "changed": None if since is None else _changed(since, subject),
    }


def _standing(subject: Pedigree) -> Json:
    match subject.verdict.standing:
        case Clean():
            return {"state": "clean", "missing": []}
        case Affected(missing=missing):
            return {"state": "affected", "missing": list(missing)}
        case Unknown(missing=missing):
            return {"state": "unknown", "missing": list(missing)}


def _relatives(nodes: tuple[Node, ...]) -> Json:
    licenses = Counter(node.licenses[0] if node.licenses else None for node in nodes)
    return {
        "known": sum(node.seen for node in nodes),
        "unknown": [node.id for node in nodes if not node.seen],
        # Those that declare none stand last.
        "licenses": [
            {"license": one, "artifacts": licenses[one]}
            for one in sorted(licenses, key=lambda one: (one is None, one or ""))
        ],
    }


def _counts(edges: Iterable[Edge]) -> list[Json]:
    counted = Counter((edge.relation, edge.evidence) for edge in edges)
    return [
        {"relation": relation, "evidence": evidence.name.lower(), "edges": counted[relation, evidence]}
        for relation, evidence in sorted(counted)
    ]


def _incidents(subject: Pedigree) -> list[Json]:
    reached: Counter[str] = Counter()
    known: dict[str, Incident] = {}
    for found in subject.incidents.values():
        known |= {one.id: one for one in found}
        reached.update(one.id for one in found)
    return [
        _incident(one) | {"reaches": reached[one.id], "reaches_it": one in subject.incidents[subject.here.id]}
        for one in sorted(known.values(), key=lambda one: one.id)
    ]


def _incident(one: Incident) -> dict[str, Json]:
    return {
        "incident": one.id,
        "kind": one.what,
        "severity": one.severity,
        "stage": one.stage,
        "summary": one.summary,
    }


def _said(edge: Edge, responsible: Mapping[str, tuple[str, ...]]) -> Json:
    return {
        "child": edge.child,
        "parent": edge.parent,
        "relation": edge.relation,
        "evidence": edge.evidence.name.lower(),
        "entry": edge.entry,
        "operators": list(responsible[edge.entry]),
    }


def _changed(before: Pedigree, now: Pedigree) -> Json:
    found = difference(before, now)
    return {
        "since": before.at.size,
        "standing": {"before": _standing(before), "now": _standing(now)},
        "came": list(found.nodes.came),
        "went": list(found.nodes.went),
        "incidents_came": list(found.incidents.came),
        "incidents_went": list(found.incidents.went),
        "evaluations_came": list(found.evaluations.came),
        "evidence": [
            {
                "child": one.edge.child,
                "parent": one.edge.parent,
                "entry": one.edge.entry,
                "before": one.before.name.lower(),
                "now": one.edge.evidence.name.lower(),
            }
            for one in found.regraded
        ],
    }
