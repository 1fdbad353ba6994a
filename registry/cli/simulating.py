"""Commands that say what would change, and write nothing: simulate report, simulate license."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from lineage.incidents import KINDS
from registry import afar
from registry.cli import stands, tables
from registry.cli.answering import answers_of, remote_at
from registry.cli.asking import Ref
from registry.cli.incidents import kind_named
from registry.cli.session import (
    HomeOption,
    JsonOption,
    RegistryOption,
    called,
    counted,
    home_at,
    out,
    say,
)
from registry.cli.statuses import told
from registry.simulated import BorneOut, SimulatedLicenseOut, SimulatedReportOut
from registry.work import simulation

app = typer.Typer(help="Say what would change, and write nothing.", no_args_is_help=True)


@app.command()
def report(
    artifact: Ref,
    kind: Annotated[str, typer.Option(help=", ".join(KINDS))] = "compromised",
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """What would be flagged if an incident were reported on it?"""
    what = kind_named(kind)
    if registry is not None:
        answer = afar.simulated_report(remote_at(registry, home), artifact, what)
    else:
        opened = home_at(home)
        answer = simulation.report(opened, answers_of(opened).resolve(artifact), what)
    say(as_json, answer, lambda: _report(answer))


@app.command("license")
def relicense(
    artifact: Ref,
    license_id: Annotated[str, typer.Argument(metavar="LICENSE", help="What it would declare.")],
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which licenses and findings would change if it declared another license? Not legal advice."""
    if registry is not None:
        answer = afar.simulated_license(remote_at(registry, home), artifact, license_id)
    else:
        opened = home_at(home)
        answer = simulation.license(opened.store, answers_of(opened).resolve(artifact), license_id)
    say(as_json, answer, lambda: _license(answer))


def _report(answer: SimulatedReportOut) -> None:
    head = escape(called(answer.artifact, answer.names))
    out.print(
        f"[bold]{head}[/], if it were {answer.kind}: {counted(answer.flagged, 'artifact')} flagged, {answer.fresh} of"
        f" them reached by no incident now; {answer.spared} of its descendants not",
        soft_wrap=True,
    )
    out.print(f"  by level: {', '.join(map(str, answer.levels))}", soft_wrap=True)
    for one in answer.first:
        now = "" if one.fresh else " [yellow]affected already[/]"
        now += "".join(f", {told(said)}" for said in one.statuses)
        out.print(f"  {one.level}  {escape(called(one.artifact, one.names))}{now}", soft_wrap=True)
    _more(answer.flagged - len(answer.first), "artifact")
    stands.stopping(stops=answer.stopping)
    tables.completeness(answer.complete, answer.as_of)
    out.print(f"  as of {answer.as_of} log entries; nothing was reported")


def _license(answer: SimulatedLicenseOut) -> None:
    head = escape(called(answer.artifact, answer.names))
    was = escape(answer.declared or "none")
    out.print(
        f"[bold]{head}[/], if it declared {escape(answer.license)} and not {was}: other licenses would hold for"
        f" {answer.changed} of {counted(answer.concerned, 'artifact')}",
        soft_wrap=True,
    )
    if answer.levels:
        out.print(f"  by level: {', '.join(map(str, answer.levels))}", soft_wrap=True)
    for one in answer.first:
        outcome = one.after if one.before == one.after else f"{one.before} → {one.after}"
        out.print(
            f"  {one.level}  {escape(called(one.artifact, one.names))}  {outcome.replace('_', ' ')}",
            soft_wrap=True,
        )
        for sign, some in (("[green]+[/]", one.came), ("[red]-[/]", one.went)):
            for term in some:
                out.print(f"     {sign} {_term(term)}", soft_wrap=True)
        for sign, findings in (("[green]+[/]", one.findings_came), ("[red]-[/]", one.findings_went)):
            for found in findings:
                out.print(f"     {sign} {found.kind}: {escape(found.sentence)}", soft_wrap=True)
    _more(answer.concerned - answer.judged, "artifact", " not judged by the rules, only counted")
    tables.completeness(answer.complete, answer.as_of)
    out.print(f"  as of {answer.as_of} log entries; nothing was declared. {answer.notice}", soft_wrap=True)


def _more(left: int, noun: str, how: str = "") -> None:
    if left > 0:
        out.print(f"  and {counted(left, noun)} more{how}", soft_wrap=True)


def _term(term: BorneOut) -> str:
    return escape(term.license) + ("" if term.settled else ", unsettled")
