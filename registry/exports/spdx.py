"""SPDX 3.0.1 in JSON-LD, with the AI profile: a model, its files, its relatives, and the licenses that were declared.

Specification: https://spdx.github.io/spdx-spec/v3.0.1/. An artifact that nothing is known about is a plain package: the AI profile
demands a supplier and a time of release of what it calls an AI package. No license is concluded here, so every artifact's is
`NoAssertionLicense`, as its declared one is where none was declared. Lineage is `descendantOf`, of completeness `noAssertion`. Of a license that is recorded
here its text is referred to, with what was read for it; a text itself stands in no log.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lineage.around import Edge, Node
from lineage.declared import Resolved, declared
from lineage.licenses import License, discovered
from lineage.subjects import Pedigree
from registry import export
from signing.canonical import Json

SUBJECT = Pedigree
MEDIA_TYPE = "application/spdx+json"

_TERMS: Final = "https://spdx.org/rdf/3.0.1/terms/"
_NO_LICENSE: Final = f"{_TERMS}ExpandedLicensing/NoAssertionLicense"
_CREATION: Final = "_:creation"
_Element = dict[str, Json]


def text(subject: Pedigree) -> str:
    """Return the document as JSON-LD."""
    base = export.address(
        "spdx", str(export.identity(subject.at, f"{subject.scope}/{subject.here.id}", "spdx"))
    )
    elements = _elements(subject, base)
    creation: _Element = {
        "type": "CreationInfo",
        "@id": _CREATION,
        "specVersion": "3.0.1",
        "created": export.moment(subject.at.time),
        "createdBy": [f"{base}/registry"],
    }
    document: _Element = {
        "type": "SpdxDocument",
        "spdxId": f"{base}/document",
        "creationInfo": _CREATION,
        "name": export.called(subject.here),
        "rootElement": [_package_id(base, subject.here.id)],
        "element": [one["spdxId"] for one in elements],
        "profileConformance": ["core", "software", "simpleLicensing", "ai"],
        "comment": _listed(export.basis(subject)),
    }
    return export.encode(
        {
            "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
            "@graph": [creation, document, *elements],
        }
    )


def _elements(subject: Pedigree, base: str) -> list[_Element]:
    licenses = sorted({node.licenses[0] for node in subject.nodes if node.licenses})
    numbers = {one: f"{base}/license/{number}" for number, one in enumerate(licenses)}
    operators = sorted({one for said in subject.registered.values() for one in said.operators})
    found = [
        _element("Agent", f"{base}/registry", name=subject.at.origin),
        *(_element("Agent", f"{base}/operator/{one}", name=one) for one in operators),
        *(_license(one, numbers[one]) for one in licenses),
        *(_package(subject, base, node) for node in subject.nodes),
        *_files(subject, base),
    ]
    for number, node in enumerate(subject.nodes):
        package = _package_id(base, node.id)
        own = numbers[node.licenses[0]] if node.licenses else _NO_LICENSE
        for kind, to in (("hasDeclaredLicense", own), ("hasConcludedLicense", _NO_LICENSE)):
            found.append(_relationship(f"{base}/{kind}/{number}", package, kind, [to]))
    found += [_edge(edge, base, f"{base}/descendantOf/{number}") for number, edge in enumerate(subject.edges)]
    return found


def _package(subject: Pedigree, base: str, node: Node) -> _Element:
    registered = subject.registered.get(node.id)
    said = {"known": export.flag(node.seen), "names": " ".join(node.names)}
    said["incidents"] = " ".join(one.id for one in subject.incidents[node.id])
    package: _Element = {
        "name": export.called(node),
        "software_packageVersion": node.id,
        "software_primaryPurpose": "model",
        "externalIdentifier": [_identifier(node.id)],
    }
    if not node.seen or registered is None:
        package["comment"] = f"{export.UNSEEN}; {_listed(said)}"
        if (url := export.purl(node.id)) is not None:
            package["software_packageUrl"] = url
        return _element("software_Package", _package_id(base, node.id), **package)
    package |= {
        "comment": _listed(said),
        "suppliedBy": f"{base}/operator/{registered.operators[0]}",
        "releaseTime": export.moment(registered.time),
        # Where a registry or a mirror serves it is for whoever asks to know; this names the entry that signs its files.
        "software_downloadLocation": export.address("entries", registered.entry),
    }
    if node.id == subject.here.id:
        package["ai_limitation"] = f"evaluated: {subject.verdict.evaluated}"
        metrics: list[Json] = [
            {
                "type": "DictionaryEntry",
                "key": f"{one.fact.metric}, {one.fact.n} examples of sha256:{one.fact.suite}, entry {one.entry}",
                "value": one.fact.value,
            }
            for one in sorted(subject.verdict.evaluations, key=lambda one: one.entry)
        ]
        if metrics:
            package["ai_metric"] = metrics
    return _element("ai_AIPackage", _package_id(base, node.id), **package)


def _files(subject: Pedigree, base: str) -> Iterator[_Element]:
    ids: list[Json] = []
    for number, (name, digest) in enumerate(subject.files):
        ids.append(f"{base}/file/{number}")
        hashed: Json = [{"type": "Hash", "algorithm": "sha256", "hashValue": digest}]
        yield _element("software_File", f"{base}/file/{number}", name=name, verifiedUsing=hashed)
    if ids:
        package = _package_id(base, subject.here.id)
        yield _relationship(f"{base}/contains", package, "contains", ids) | {"completeness": "complete"}


def _license(said: str, spdx_id: str) -> _Element:
    """Return a declared license: as SPDX lists it, or as a reference to where its text stands, as far as that is recorded here."""
    known = _known(said)
    expression = (None if known is None else known.spdx) or export.spdx(said)
    texts = [f"https://{link}" for link in known.links] if known else []
    read = [f"{one.reference}, read {one.read.isoformat()}" for one in known.sources] if known else []
    found = _element(
        "simplelicensing_LicenseExpression",
        spdx_id,
        simplelicensing_licenseExpression=expression,
        comment=_listed({"declared as": said, "texts": " ".join(texts), "recorded from": ", ".join(read)}),
    )
    if expression.startswith("LicenseRef-"):
        uri = texts[0] if texts else export.address("licenses", said)
        found["simplelicensing_customIdToUri"] = [
            {"type": "DictionaryEntry", "key": expression, "value": uri}
        ]
    return found


def _known(said: str) -> License | None:
    """Return what is recorded of the one license that a declaration means."""
    match declared(said):
        case Resolved((only,)):
            return discovered()[only]
        case _:
            return None


def _edge(edge: Edge, base: str, spdx_id: str) -> _Element:
    said = {"relation": edge.relation, "evidence": edge.evidence.name.lower(), "entry": edge.entry}
    return _relationship(
        spdx_id, _package_id(base, edge.child), "descendantOf", [_package_id(base, edge.parent)]
    ) | {"completeness": "noAssertion", "comment": _listed(said | {"part": edge.part})}


def _identifier(artifact: str) -> Json:
    return {"type": "ExternalIdentifier", "externalIdentifierType": "other", "identifier": artifact}


def _relationship(spdx_id: str, begin: str, kind: str, to: list[Json]) -> _Element:
    return _element("Relationship", spdx_id) | {"from": begin, "relationshipType": kind, "to": to}


def _element(kind: str, spdx_id: str, **values: Json) -> _Element:
    return {"type": kind, "spdxId": spdx_id, "creationInfo": _CREATION, **values}


def _package_id(base: str, artifact: str) -> str:
    return f"{base}/artifact/{artifact}"


def _listed(values: dict[str, str]) -> str:
    return "; ".join(f"{key}: {value}" for key, value in values.items() if value)
