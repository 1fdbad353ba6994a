"""What a file of bundles proves, as people read it and as one JSON value."""

from __future__ import annotations

from collections.abc import Mapping

from rich.markup import escape

from lineage.around import Edge
from lineage.assessed import Assessed
from lineage.authority import TrustedRoot
from lineage.checks import Agreed, Attested, Compared, Evaluated, Rebuilt
from lineage.facts import (
    Built,
    Claimed,
    Contained,
    Corrected,
    Derived,
    Described,
    Fact,
    Gated,
    Licensed,
    Mentioned,
    Named,
    Registered,
    Rooted,
    Waived,
)
from lineage.incidents import Amended, Disputed, Embargoed, Reported, Restaged, Selecting
from lineage.removals import Redacted, Removed, Unbound
from registry.answers import EdgeOut
from registry.cli import stands, tables
from registry.cli.session import counted, kind_of, moment, out, plain, short
from registry.incidents import IncidentOut
from registry.work.evidence import Evidence
from registry.work.lines import Broken, Held, Void
from registry.work.verify import Proof
from signing.canonical import Json

LIMIT = "a file cannot show what was left out of it: what it does not say, somebody may have said"


def show(found: Evidence, pinned: TrustedRoot) -> None:
    """Print line by line what is proven, and what follows for the lineage."""
    tables.proofs([line.proof for line in found.held], [_gist(line) for line in found.held])
    for line in found.lines:
        match line:
            case Void(number, proof, why):
                what = f"entry {proof.proven.index}, about {tables.about(proof.artifacts) or 'no artifact'}"
                out.print(f"[bold red]void[/] line {number}, {escape(what)}: {escape(why)}", soft_wrap=True)
            case Broken(number, why):
                out.print(f"[bold red]refused[/] line {number}: {escape(why)}", soft_wrap=True)
            case Held(number, _, apart) if apart:
                out.print(
                    f"[yellow]apart[/] line {number}, not in this file: {escape(apart)}", soft_wrap=True
                )
            case Held():
                pass
    _lineage(found)
    for one in found.gone:
        about = ", ".join(map(short, one.artifacts))
        then = f"; {escape(about)} is unknown since" if about else ""
        out.print(
            f"[yellow]removed[/] entry {one.entry[:12]}, a {escape(kind_of(one.left.predicate_type))}, by entry {one.by} of"
            f" {escape(', '.join(one.operators))} under an order: {escape(one.order)}{then}",
            soft_wrap=True,
        )
    root = f"version {pinned.version} of the trusted root"
    if found.judge.version > pinned.version:
        root = f"version {found.judge.version} of the trusted root, which the pinned version {pinned.version} leads to"
    out.print(f"as of {found.size} entries of {escape(found.judge.origin)}, judged by {root}", soft_wrap=True)
    out.print(LIMIT, soft_wrap=True)


def value(found: Evidence, pinned: TrustedRoot) -> dict[str, Json]:
    """Return the same as JSON."""
    return {
        "proven": [
            proof(line.proof) | {"line": line.number, "says": _gist(line), "apart": line.apart or None}
            for line in found.held
        ],
        "void": [
            proof(line.proof) | {"line": line.number, "why": line.why}
            for line in found.lines
            if isinstance(line, Void)
        ],
        "refused": [
            {"line": line.number, "why": line.why} for line in found.lines if isinstance(line, Broken)
        ],
        "edges": [_edge(edge, found) for edge in found.edges],
        "incidents": [
            {"incident": plain(IncidentOut.of(one.incident)), "reaches": list(one.artifacts)}
            for one in found.incidents
        ],
        "removed": [
            {
                "entry": one.entry,
                "statement": one.left.predicate_type,
                "by": one.by,
                "operators": list(one.operators),
                "order": one.order,
                "unknown": list(one.artifacts),
            }
            for one in found.gone
        ],
        "unregistered": list(found.unregistered),
        "log": found.judge.origin,
        "as_of": found.size,
        "trusted_root": {"pinned": pinned.version, "judge": found.judge.version},
        "limit": LIMIT,
    }


def proof(proven: Proof) -> dict[str, Json]:
    """Return one proven statement as JSON."""
    what = proven.proven
    return {
        "statement": what.statement.predicate_type,
        "about": list(proven.artifacts),
        "operators": list(proven.operators),
        "keys": [key.id for key in what.keys],
        "entry": what.entry,
        "index": what.index,
        "log_size": what.size,
        "time": what.time,
    }


def _lineage(found: Evidence) -> None:
    if found.edges:
        rows = tables.headed("made", "from", "relation", "evidence", "executed again")
        for edge in found.edges:
            rows.add_row(
                short(edge.child),
                escape(short(edge.parent)),
                edge.relation,
                EdgeOut.of(edge).evidence,
                _verdicts(edge, found),
            )
        out.print(rows)
    for one in found.unregistered:
        out.print(f"[yellow]unknown[/] nothing in this file registers {escape(one)}", soft_wrap=True)
    for reached in found.incidents:
        incident = reached.incident
        out.print(
            f"[red]{incident.what}[/], {incident.severity}, {incident.stage}: {escape(incident.summary)}"
            f" (incident {incident.id[:12]})",
            soft_wrap=True,
        )
        out.print(f"  reaches {', '.join(map(short, reached.artifacts))}", soft_wrap=True)
        stands.disputes(IncidentOut.of(incident), "  ")


def _verdicts(edge: Edge, found: Evidence) -> str:
    verdicts = [one for one in found.rebuilds if (one.artifact, one.build) == (edge.child, edge.entry)]
    said = (
        f"{'same bytes' if one.passed else 'other bytes'}: {one.verifier.rpartition('/')[2]}"
        for one in verdicts
    )
    return escape(", ".join(dict.fromkeys(said)))


def _edge(edge: Edge, found: Evidence) -> Mapping[str, Json]:
    verdicts = [one for one in found.rebuilds if (one.artifact, one.build) == (edge.child, edge.entry)]
    return {
        **EdgeOut.of(edge).model_dump(mode="json"),
        "passed": sorted({one.verifier for one in verdicts if one.passed}),
        "failed": sorted({one.verifier for one in verdicts if not one.passed}),
    }


def _gist(line: Held) -> str:
    return ", ".join(dict.fromkeys(one for fact in line.facts if (one := _of(fact))))


def _of(fact: Fact) -> str:  # noqa: C901, PLR0911, PLR0912 - one case a fact, so that mypy finds the one forgotten
    """Return what a fact says in a few words, where its statement's type does not say it all."""
    match fact:
        case Registered(files=files):
            return counted(len(files), "file")
        case Compared(parent=parent, outcome=outcome):
            return f"{outcome} with {short(parent)}"
        case Rebuilt(passed=passed, differs=differs):
            return "same bytes" if passed else f"other bytes in {', '.join(differs)}"
        case Agreed(verdicts=verdicts):
            return f"quorum of {counted(len(verdicts), 'verdict')}"
        case Evaluated(result=result, metric=metric, value=measured, n=n):
            return f"{metric} {measured} of {n}, {result}"
        case Attested(type=uri):
            return f"unread: {uri}"
        case Corrected(earlier=earlier):
            return f"supersedes {short(earlier)}"
        case Licensed(license=terms):
            return terms
        case Waived(rule=rule, namespace=namespace, expires=expires):
            return f"{rule} for {namespace} until {moment(expires)}"
        case Gated(shut=shut):
            return "license gate shut" if shut else "license gate open"
        case Claimed():
            return ""  # a document may claim a thousand
        case Mentioned(file=file, value=value):
            return f"{file}: {value}"
        case Named(name, revision):
            return name if revision is None else f"{name}@{revision}"
        case Reported(what=what, stage=stage):
            return f"{what}, {stage}"
        case Contained(tensor=tensor):
            return f"holds tensor {tensor[:12]}"
        case Selecting(attribute=attribute, value=value):
            return f"{attribute} {value if attribute == 'name' else value[:12]}"
        case Restaged(incident, stage):
            return f"{incident[:12]} {stage}"
        case Amended(incident, severity):
            return f"{incident[:12]} amended" + (f", {severity}" if severity else "")
        case Assessed(incident=incident, status=status):
            return f"{incident[:12]} {status}"
        case Disputed(incident):
            return f"{incident[:12]} disputed"
        case Embargoed(incident):
            return f"{incident[:12]} was known"
        case Rooted(version):
            return f"version {version}"
        case Redacted(entry):
            return f"removes {entry[:12]}"
        case Described() | Built() | Derived() | Removed() | Unbound():
            return ""  # the edges stand in a table of their own
