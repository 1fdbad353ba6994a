"""The one row that a fact is: which table holds it, and its values but for entry and seq."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import SQLModel

from lineage.assessed import Assessed
from lineage.checks import Agreed, Attested, Compared, Evaluated, Rebuilt
from lineage.facts import (
    Built,
    Claimed,
    Contained,
    Corrected,
    Described,
    Gated,
    Licensed,
    Mentioned,
    Named,
    Waived,
)
from lineage.incidents import Amended, Disputed, Embargoed, Restaged
from lineage.removals import Unbound
from lineage.skeleton import skeleton
from registry import tables
from registry.tables import (
    Agreement,
    Amendment,
    Assessment,
    Attestation,
    Build,
    Comparison,
    Containment,
    Correction,
    Dispute,
    Embargo,
    Evaluation,
    Gate,
    License,
    Manifest,
    Mention,
    Name,
    Rebuild,
    Stage,
    Waiver,
)
from signing import canonical

Values = dict[str, object]
Row = tuple[type[SQLModel], Values]

OfIncident = Restaged | Amended | Assessed | Disputed | Embargoed
OfArtifact = (
    Described
    | Contained
    | Built
    | Rebuilt
    | Agreed
    | Licensed
    | Waived
    | Claimed
    | Mentioned
    | Named
    | Evaluated
    | Attested
)
OneRow = OfIncident | OfArtifact | Corrected | Compared | Gated | Unbound


def row(fact: OneRow, numbers: Mapping[str, int], entry: str) -> Row:
    """Return the table that holds facts like this one, said by entry `entry`, and its row; `numbers` are those of artifacts."""
    match fact:
        case Restaged() | Amended() | Assessed() | Disputed() | Embargoed():
            return _of_incident(fact, numbers)
        case Corrected(artifact, earlier):
            return Correction, {"artifact": numbers[artifact], "earlier": numbers[earlier]}
        case Compared(artifact, parent, outcome, statistic, value, threshold):
            said: Values = {
                "outcome": outcome,
                "statistic": statistic,
                "value": value,
                "threshold": threshold,
            }
            return Comparison, {"artifact": numbers[artifact], "parent": numbers[parent]} | said
        case Gated(shut, reason):
            return Gate, {"shut": shut, "reason": reason}
        case Unbound(_, name, revision):
            return tables.Unbound, {"name": name, "revision": revision}
        case _:
            table, values = _of_artifact(fact, entry)
            return table, {"artifact": numbers[fact.artifact]} | values


def _of_incident(fact: OfIncident, numbers: Mapping[str, int]) -> Row:
    match fact:
        case Restaged(incident, stage, reason):
            return Stage, {"incident": incident, "stage": stage, "reason": reason}
        case Amended(incident, severity, summary, contact, reason):
            other: Values = {"severity": severity, "summary": summary, "contact": contact}
            return Amendment, {"incident": incident, "reason": reason} | other
        case Assessed(artifact, incident, status, justification, expires, corrected, note):
            new = None if corrected is None else numbers[corrected]
            found: Values = {"status": status, "justification": justification, "expires": expires}
            about = {"artifact": numbers[artifact], "incident": incident, "corrected": new}
            return Assessment, about | found | {"note": note}
        case Embargoed(incident, contact):
            return Embargo, {"incident": incident, "contact": contact}
        case Disputed(incident, artifact, words, evidence):
            said: Values = {"text": words, "evidence": evidence}
            return Dispute, {"incident": incident, "artifact": numbers[artifact]} | said


def _of_artifact(fact: OfArtifact, entry: str) -> Row:  # noqa: C901, PLR0911 - one return a kind
    """Return a row without the artifact that it is about."""
    match fact:
        case Described(_, manifest):
            return Manifest, {"sha256": manifest}
        case Contained(_, tensor):
            return Containment, {"tensor": tensor}
        case Built(_, recipe, manifest, builder):
            return Build, {"id": entry, "recipe": recipe, "manifest": manifest, "builder": builder}
        case Rebuilt(_, build, passed, verifier, differs):
            words = canonical.encode(differs).decode()
            return Rebuild, {"build": build, "passed": passed, "verifier": verifier, "differs": words}
        case Agreed():
            return Agreement, {}
        case Evaluated(_, result, suite, runner, metric, value, n, seed):
            how: Values = {"result": result, "suite": suite, "runner": runner, "metric": metric}
            return Evaluation, how | {"value": value, "n": n, "seed": seed}
        case Attested(_, uri, digest):
            return Attestation, {"type": uri, "digest": digest}
        case Licensed(_, license_id) | Claimed(_, license_id):
            return License, {"license": license_id}
        case Waived(_, rule, origin, license_id, namespace, reason, expires):
            found: Values = {"rule": rule, "origin": origin, "license": license_id}
            return Waiver, found | {"namespace": namespace, "reason": reason, "expires": expires}
        case Mentioned(_, file, what, value):
            return Mention, {"file": file, "what": what, "value": value}
        case Named(name, revision, _):
            looks: Values = {"folded": name.casefold(), "skeleton": skeleton(name)}
            return Name, {"name": name, "revision": revision} | looks
