"""Incidents as people read them, and how an artifact stands by those that reach it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.markup import escape

from lineage.around import Incident
from registry.answers import VerdictOut
from registry.cli import remarks
from registry.cli.remarks import whose
from registry.cli.session import called, counted, out, path_of, short
from registry.cli.statuses import reasoned
from registry.cli.tables import headed, put
from registry.incidents import HitOut, IncidentOut, StandingOut

_COLOURS = {"clean": "green", "affected": "red", "unknown": "yellow"}


def standing(answer: VerdictOut, names: Mapping[str, Sequence[str]]) -> None:
    """Print whether anything reaches an artifact, and by which way."""
    head = escape(called(answer.artifact, answer.names))
    out.print(f"[bold]{head}[/]  {state(answer.standing)}  {answer.artifact}", soft_wrap=True)
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
            f"{indent}[yellow]disputed[/] for {short(said.artifact)}: {escape(said.text)}{shown}; {escape(whose(said))}",
            soft_wrap=True,
        )
    if one.disputed > len(one.disputes):
        out.print(f"{indent}and {counted(one.disputed - len(one.disputes), 'older dispute')}", soft_wrap=True)


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


def state(found: StandingOut) -> str:
    """Return the state of an artifact with the kinds and stages of what reaches it, as markup."""
    colour = _COLOURS[found.state]
    stages = ", ".join(sorted({f"{hit.incident.kind}, {hit.incident.stage}" for hit in found.incidents}))
    return f"[bold {colour}]{found.state}[/]" + (f" ({stages})" if stages else "")


def means(answer: VerdictOut) -> list[str]:
    """Return what somebody found incidents to mean for an artifact, a line each, as markup."""
    hits = (*answer.standing.incidents, *answer.stopped)
    return [f"{hit.incident.id[:12]}: {reasoned(hit.status)}" for hit in hits if hit.status is not None]
