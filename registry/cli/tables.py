"""Answers as people read them: tables, trees, and one line that says what matters first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from lineage.around import Incident
from lineage.predicates.rebuild import operator
from merger.method import Method
from merger.parameters import CLIP
from registry.answers import EdgeOut, LineageOut, VerdictOut, WhyOut
from registry.cli import remarks
from registry.cli.session import called, counted, kind_of, moment, out, path_of, short
from registry.cli.statuses import reasoned, told
from registry.incidents import HitOut, IncidentOut, StandingOut
from registry.outcomes import RebuildOut
from registry.said import AttestationOut, ClaimOut, ComparisonOut, CorrectionOut, DisputeOut, EvaluationOut
from registry.work.verify import Holds, Proof
from signing import canonical
from signing.log import Leaf

_WHOLE = frozenset(
    {"id", "artifact", "proven", "made", "from", "parent", "incident", "entry", "hops", "selects"}
)
_ABOUT = 4
_COLOURS = {"clean": "green", "affected": "red", "unknown": "yellow"}


def verdict(answer: VerdictOut) -> None:
    """Print everything about one artifact."""
    out.print(f"[bold]{escape(called(answer.artifact, answer.names))}[/]  {answer.artifact}", soft_wrap=True)
    grid = Table.grid(padding=(0, 2))
    grid.add_row("names", ", ".join(answer.names) or "none")
    grid.add_row("files", str(answer.files))
    grid.add_row("license", answer.license or "[yellow]none[/]")
    for claimed in answer.claims:
        grid.add_row("claimed", escape(f"{claimed.license}; {_whose(claimed)}"))
    for is_same in remarks.same(answer):
        grid.add_row("same as", is_same)
    grid.add_row("inherits", _terms(answer))
    grid.add_row("standing", "\n".join([_standing(answer.standing), *_statuses(answer)]))
    for rebuilt in answer.rebuilds:
        grid.add_row("rebuilt", _rebuilt(rebuilt))
    for compared in answer.comparisons:
        grid.add_row("weights", _compared(compared))
    grid.add_row("evaluated", answer.evaluated)
    for found in answer.evaluations:
        seed = "" if found.seed is None else f", seed {found.seed}"
        what = f"{found.metric} {found.value} of {found.n}{seed}, {found.result}, by {found.runner}"
        grid.add_row("", escape(f"{what}; {_whose(found)}"))
    for said in answer.attestations:
        grid.add_row("attested", escape(f"{said.type} {_whose(said)}"))
    for one in answer.corrections:
        newer = one.earlier == answer.artifact
        other = one.artifact if newer else one.earlier
        colour = "yellow" if newer else "green"
        how = f"[{colour}]{'superseded by' if newer else 'supersedes'}[/]"
        grid.add_row("corrected", f"{how} {short(other)}, {escape(_whose(one))}")
    grid.add_row("as of", f"{answer.as_of} log entries" + ("" if answer.complete else ", incomplete"))
    put(grid)
    if answer.parents:
        table = headed("parent", "relation", "part", "evidence")
        for edge in answer.parents:
            table.add_row(short(edge.parent), edge.relation, part(edge), edge.evidence)
        put(table)
    remarks.contradictions(answer.contradictions)


def lineage(answer: LineageOut) -> None:
    """Print the ancestors or descendants of an artifact, nearest first."""
    heading(answer)
    if not answer.relatives:
        completeness(answer.complete, answer.as_of)
        return
    table = headed("hops", "artifact", "how", "evidence", "license", "standing")
    for column in table.columns[2:]:
        column.min_width = 8  # beside the long id of a stub, words would be broken into letters
    up = answer.direction == "ancestors"
    hows: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for edge in answer.edges:
        hows[edge.parent if up else edge.child].add((edge.relation, edge.evidence))
    kinds = {incident.id: incident.kind for incident in answer.incidents}
    for one in answer.relatives:
        how = sorted(hows[one.artifact])
        hits = ", ".join(sorted({kinds[incident] for incident in one.incidents}))
        known = "" if one.seen else "[yellow]never seen[/]"
        means = "".join(f"\n{told(said)}" for said in one.statuses)
        names = "".join(f"{escape(name)}\n" for name in one.names[:1])
        table.add_row(
            str(one.distance),
            names + short(one.artifact),
            "\n".join(relation for relation, _ in how),
            "\n".join(evidence for _, evidence in how),
            _license(one.license, one.claimed),
            (f"[red]{hits}[/]" if hits else known) + means,
        )
    put(table)
    stopping(stops=answer.stopping)
    doubts(answer.doubts)
    completeness(answer.complete, answer.as_of)


def heading(answer: LineageOut) -> None:
    """Print whose relatives these are, how many of them there are, and how many were left out."""
    head = escape(called(answer.artifact, answer.names))
    count = len(answer.relatives)
    word = answer.direction if count != 1 else answer.direction[:-1]
    left = f" as asked for, and {answer.left_out} left out" if answer.left_out else ""
    out.print(f"[bold]{head}[/] has {count} {word}{left}  {answer.artifact}", soft_wrap=True)


def why(answer: WhyOut) -> None:
    """Print how one artifact descends from another."""
    above, below = (
        escape(called(one, answer.names.get(one, ()))) for one in (answer.ancestor, answer.descendant)
    )
    if answer.paths == "0":
        out.print(f"[bold]{below}[/] does not descend from [bold]{above}[/]", soft_wrap=True)
        return
    paths = "1 path" if answer.paths == "1" else f"{answer.paths} paths"
    out.print(f"[bold]{below}[/] descends from [bold]{above}[/] by {paths}; a shortest:", soft_wrap=True)
    table = headed("made", "from", "relation", "part", "evidence")
    for parent, child in zip(answer.witness, answer.witness[1:], strict=False):
        for edge in answer.edges:
            if (edge.parent, edge.child) == (parent, child):
                table.add_row(
                    escape(called(child, answer.names.get(child, ()))),
                    escape(called(parent, answer.names.get(parent, ()))),
                    edge.relation,
                    part(edge),
                    edge.evidence,
                )
    put(table)
    completeness(answer.complete, answer.as_of)


def standing(answer: VerdictOut, names: Mapping[str, Sequence[str]]) -> None:
    """Print whether anything reaches an artifact, and by which way."""
    head = escape(called(answer.artifact, answer.names))
    out.print(f"[bold]{head}[/]  {_standing(answer.standing)}  {answer.artifact}", soft_wrap=True)
    for hit in answer.standing.incidents:
        _hit(hit, names)
    if answer.standing.left_out:
        out.print(
            f"  and {counted(answer.standing.left_out, 'other incident')}, less grave; `studbook incident list` lists them",
            soft_wrap=True,
        )
    for hit in answer.stopped:
        out.print("  [yellow]stopped by a status[/], by the setting not_affected_stops:", soft_wrap=True)
        _hit(hit, names)
    for missing in answer.standing.missing:
        out.print(f"  nothing is known about {escape(missing)}", soft_wrap=True)
    doubts(answer.doubts)
    for one in answer.corrections:
        if one.earlier == answer.artifact:
            out.print(f"  [yellow]superseded[/] by {one.artifact}", soft_wrap=True)
    remarks.contradictions(answer.contradictions)
    out.print(f"  evaluated: {answer.evaluated}; as of {answer.as_of} log entries")


def comparisons(found: Sequence[ComparisonOut]) -> None:
    """Print what comparing weights came to, by whose word."""
    for one in found:
        out.print(f"  {_compared(one)}", soft_wrap=True)


def methods(known: Sequence[Method]) -> None:
    """Print the merge methods with their parameters."""
    wide = max(len(p.name) for one in known for p in one.parameters)
    for one in known:
        base = {"needed": "onto", "none": "without", "either": "with or without"}[one.base] + " a base"
        beside = f", with statistics of kind {one.statistics.kind}" if one.statistics else ""
        out.print(f"[bold]{one.id}[/]  {escape(one.summary)}, {base}{beside}", soft_wrap=True)
        for p in one.parameters:
            whose = f"per {one.merges.removesuffix('s')}" if p.per_parent else "for all"
            out.print(f"  {p.name:{wide}} {whose:11} {escape(p.allowed)}: {escape(p.help)}", soft_wrap=True)
    without = ", ".join(one.id for one in known if not one.clips)
    out.print(
        f"every method but {without} takes {CLIP.name} beside these, {CLIP.allowed}: {CLIP.help}",
        soft_wrap=True,
    )


def incidents(answers: Sequence[IncidentOut]) -> None:
    """Print a list of incidents."""
    if not answers:
        out.print("no incident was reported")
        return
    selecting = any(one.selectors for one in answers)
    disputed = any(one.disputed for one in answers)
    columns = ["incident", "stage", "kind", "severity", "artifacts", *(["selects"] if selecting else [])]
    columns += ["disputed"] if disputed else []
    table = headed(*columns, "summary", "contact")
    for one in answers:
        chosen = (
            attribute + mark + (value if attribute == "name" else value[:12])
            for attribute, mark, value in (each.partition(":") for each in one.selectors)
        )
        table.add_row(
            one.id[:12],
            one.stage,
            one.kind,
            one.severity,
            ", ".join(map(short, one.artifacts)),
            *(["\n".join(chosen)] if selecting else []),
            *([escape(disputers(one))] if disputed else []),
            escape(one.summary),
            escape(one.contact),
        )
    put(table)


def disputers(one: IncidentOut) -> str:
    """Return who disputes an incident, each operator once, the newest first."""
    told = ", ".join(dict.fromkeys(operator for said in one.disputes for operator in said.operators))
    more = one.disputed - len(one.disputes)
    return f"by {told}" + (f" and {more} more" if more else "") if told else ""


def disputes(one: IncidentOut, indent: str = "") -> None:
    """Print what owners say against an incident, the newest first."""
    for said in one.disputes:
        shown = "" if said.evidence is None else f" (evidence sha256:{said.evidence[:12]})"
        out.print(
            f"{indent}[yellow]disputed[/] for {short(said.artifact)}: {escape(said.text)}{shown}; {escape(_whose(said))}",
            soft_wrap=True,
        )
    if one.disputed > len(one.disputes):
        out.print(f"{indent}and {counted(one.disputed - len(one.disputes), 'older dispute')}", soft_wrap=True)


def holds(folder: Path, found: Holds) -> None:
    """Print what was proven about a folder."""
    out.print(
        f"[bold green]holds[/]  {escape(str(folder))} is {found.artifact}, {counted(found.files, 'file')}, byte for byte",
        soft_wrap=True,
    )
    proofs(found.proofs)


def proofs(found: Sequence[Proof], said: Sequence[str] = ()) -> None:
    """Print proven statements: what, by whom, when; and what each `said` in a few words, if that is given."""
    table = headed("proven", "about", "signed by", "logged", "entry", *(["says"] if said else []))
    for number, one in enumerate(found):
        place = f"{one.proven.index} of {one.proven.size}"
        table.add_row(
            kind_of(one.proven.statement.predicate_type),
            about(one.artifacts),
            ", ".join(one.operators),
            moment(one.proven.time),
            place,
            *map(escape, said[number : number + 1]),
        )
    put(table)


def about(artifacts: Sequence[str]) -> str:
    """Return which artifacts a statement is about, of which a document's claims may name a thousand."""
    more = len(artifacts) - _ABOUT
    return ", ".join(map(short, artifacts[:_ABOUT])) + (f" and {more} more" if more > 0 else "")


def logged(leaf: Leaf, index: int, size: int) -> None:
    """Print a leaf that is proven to be in the log."""
    when = moment(leaf.time)
    out.print(f"[bold green]logged[/]  entry {leaf.pae}, {index} of {size}, at {when}", soft_wrap=True)
    for key in leaf.keys:
        out.print(f"  signed by the key {key}", soft_wrap=True)


def _license(declared: str | None, claimed: str | None) -> str:
    if declared is not None or claimed is None:
        return declared or "[yellow]none[/]"
    return f"{claimed} [yellow](claimed)[/]"


def _whose(
    said: EvaluationOut | AttestationOut | ClaimOut | CorrectionOut | ComparisonOut | DisputeOut,
) -> str:
    return f"said by {', '.join(said.operators)} on {moment(said.time)}"


def _compared(one: ComparisonOut) -> str:
    colour = "red" if one.outcome == "contradicted" else "green"
    what = f"{short(one.parent)}: {one.statistic} {one.value}, threshold {one.threshold}; {_whose(one)}"
    return f"[{colour}]{one.outcome}[/] with {escape(what)}"


def _rebuilt(found: RebuildOut) -> str:
    """Say what verdicts came to and, where they differ, both sides."""
    passed = ", ".join(map(operator, found.passed))
    failed = "; ".join(
        f"{operator(one.verifier)} found {counted(len(one.differs), 'difference')}: {', '.join(one.differs[:3])}"
        + (" and more" if len(one.differs) > 3 else "")
        for one in found.failed
    )
    agreed = f" (quorum: {len(found.quorum)} independent of builder and registry)" if found.quorum else ""
    match found.outcome:
        case "pending":
            return f"by nobody yet: provenance {found.build[:12]}"
        case "reproduced":
            return f"reproduced by {passed}{agreed}"
        case "not reproduced":
            return f"[red]not reproduced[/]: {escape(failed)}"
        case "disputed":
            return f"[yellow]disputed[/]: the same bytes by {passed}{agreed}; {escape(failed)}"


def _standing(found: StandingOut) -> str:
    colour = _COLOURS[found.state]
    stages = ", ".join(sorted({f"{hit.incident.kind}, {hit.incident.stage}" for hit in found.incidents}))
    return f"[bold {colour}]{found.state}[/]" + (f" ({stages})" if stages else "")


def _statuses(answer: VerdictOut) -> list[str]:
    hits = (*answer.standing.incidents, *answer.stopped)
    return [f"{hit.incident.id[:12]}: {reasoned(hit.status)}" for hit in hits if hit.status is not None]


def _hit(hit: HitOut, names: Mapping[str, Sequence[str]]) -> None:
    one = hit.incident
    out.print(
        f"  [red]{one.kind}[/], {one.severity}, {one.stage}: {escape(one.summary)} (incident {one.id[:12]})",
        soft_wrap=True,
    )
    out.print(f"    by way of {escape(path_of(hit.via, names))}", soft_wrap=True)
    if hit.status is not None:
        out.print(f"    {reasoned(hit.status)}", soft_wrap=True)
    disputes(one, "    ")


def _terms(answer: VerdictOut) -> str:
    if not answer.inherited:
        return "nothing: no license above reaches it"
    return "; ".join(
        f"{escape(one.license)} from {escape(short(one.via[0]))}" + ("" if one.settled else ", unsettled")
        for one in answer.inherited
    )


def part(edge: EdgeOut) -> str:
    """Return the part that a parent played, in a few words."""
    part = canonical.decode(edge.part.encode())
    if not isinstance(part, Mapping):
        return escape(edge.part)
    said = [str(part["role"])] if part.get("role") not in {None, "parent"} else []
    parameters = part.get("parameters")
    if isinstance(parameters, Mapping):
        said += [
            f"{k} {short(v) if isinstance(v, str) else 'by tensor'}" for k, v in sorted(parameters.items())
        ]
    return escape(", ".join(said))


def completeness(complete: bool, as_of: int) -> None:
    """Say that something was left out, if it was."""
    if not complete:
        out.print(f"[yellow]incomplete:[/] part of the lineage is left out; as of {as_of} log entries")


def doubts(found: Sequence[Incident | IncidentOut]) -> None:
    """Say of which incidents nobody can tell any longer whether they reach what was asked about."""
    for one in found:
        out.print(
            f"  [yellow]unknown[/]: incident {one.id[:12]} selects by names, and of what it may select by"
            f" {counted(one.removed, 'binding')} of a name or range were removed by order",
            soft_wrap=True,
        )


def stopping(*, stops: bool) -> None:
    """Say that incidents were told as a policy lets statuses stop them, if it does."""
    if stops:
        out.print(
            "  incidents stop at what a status says they do not affect, by the setting not_affected_stops"
        )


def put(table: Table) -> None:
    """Print a table as wide as its words need, if the terminal is not that wide: it breaks lines better than words."""
    needs = Measurement.get(out, out.options.update(width=10_000), table).minimum
    out.print(table, width=max(out.width, needs), crop=False)


def headed(*columns: str) -> Table:
    """Return an empty table with these columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        # What is copied into the next command is never broken.
        whole = column in _WHOLE
        table.add_column(column, no_wrap=whole, overflow="ignore" if whole else "fold")
    return table
