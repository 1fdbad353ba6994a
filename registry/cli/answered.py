"""Verdicts, lineages and ways as people read them, each with what matters first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from lineage.predicates.rebuild import operator
from registry.answers import LineageOut, VerdictOut, WhyOut
from registry.cli import remarks, stands
from registry.cli.remarks import whose
from registry.cli.session import called, counted, out, short
from registry.cli.statuses import told
from registry.cli.tables import completeness, headed, part, put
from registry.outcomes import RebuildOut
from registry.said import ComparisonOut


def verdict(answer: VerdictOut) -> None:
    """Print everything about one artifact."""
    out.print(f"[bold]{escape(called(answer.artifact, answer.names))}[/]  {answer.artifact}", soft_wrap=True)
    grid = Table.grid(padding=(0, 2))
    grid.add_row("names", ", ".join(answer.names) or "none")
    grid.add_row("files", str(answer.files))
    grid.add_row("license", answer.license or "[yellow]none[/]")
    for claimed in answer.claims:
        grid.add_row("claimed", escape(f"{claimed.license}; {whose(claimed)}"))
    for is_same in remarks.same(answer):
        grid.add_row("same as", is_same)
    grid.add_row("inherits", _terms(answer))
    grid.add_row("standing", "\n".join([stands.state(answer.standing), *stands.means(answer)]))
    for rebuilt in answer.rebuilds:
        grid.add_row("rebuilt", _rebuilt(rebuilt))
    for compared in answer.comparisons:
        grid.add_row("weights", _compared(compared))
    grid.add_row("evaluated", answer.evaluated)
    for found in answer.evaluations:
        seed = "" if found.seed is None else f", seed {found.seed}"
        what = f"{found.metric} {found.value} of {found.n}{seed}, {found.result}, by {found.runner}"
        grid.add_row("", escape(f"{what}; {whose(found)}"))
    for said in answer.attestations:
        grid.add_row("attested", escape(f"{said.type} {whose(said)}"))
    for one in answer.corrections:
        newer = one.earlier == answer.artifact
        other = one.artifact if newer else one.earlier
        colour = "yellow" if newer else "green"
        how = f"[{colour}]{'superseded by' if newer else 'supersedes'}[/]"
        grid.add_row("corrected", f"{how} {short(other)}, {escape(whose(one))}")
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
    stands.stopping(stops=answer.stopping)
    stands.doubts(answer.doubts)
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


def comparisons(found: Sequence[ComparisonOut]) -> None:
    """Print what comparing weights came to, by whose word."""
    for one in found:
        out.print(f"  {_compared(one)}", soft_wrap=True)


def _license(declared: str | None, claimed: str | None) -> str:
    if declared is not None or claimed is None:
        return declared or "[yellow]none[/]"
    return f"{claimed} [yellow](claimed)[/]"


def _compared(one: ComparisonOut) -> str:
    colour = "red" if one.outcome == "contradicted" else "green"
    what = f"{short(one.parent)}: {one.statistic} {one.value}, threshold {one.threshold}; {whose(one)}"
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


def _terms(answer: VerdictOut) -> str:
    if not answer.inherited:
        return "nothing: no license above reaches it"
    return "; ".join(
        f"{escape(one.license)} from {escape(short(one.via[0]))}" + ("" if one.settled else ", unsettled")
        for one in answer.inherited
    )
