"""The command that says what changed about an artifact between two sizes of the log: diff."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.markup import escape

from registry import afar
from registry.answers import EdgeOut
from registry.cli.answering import answers_of, remote_at
from registry.cli.asking import Ref
from registry.cli.exporting import scope_of
from registry.cli.session import (
    HomeOption,
    JsonOption,
    RegistryOption,
    called,
    counted,
    home_at,
    out,
    say,
    short,
)
from registry.kinship import DiffOut, StateOut
from registry.work import difference

app = typer.Typer()


@app.command()
def diff(
    ref: Ref,
    since: Annotated[
        int | None,
        typer.Option(
            "--from",
            min=1,
            metavar="N",
            help="Since the log had N entries; since it was registered otherwise.",
        ),
    ] = None,
    until: Annotated[
        int | None,
        typer.Option("--to", min=1, metavar="N", help="Until the log had N entries; until now otherwise."),
    ] = None,
    ancestors: Annotated[
        bool, typer.Option("--ancestors", help="Of its relatives, ancestors alone.")
    ] = False,
    descendants: Annotated[
        bool, typer.Option("--descendants", help="Of its relatives, descendants alone.")
    ] = False,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """What changed about it, its ancestors and its descendants between two sizes of the log?"""
    scope = scope_of(ancestors=ancestors, descendants=descendants)
    if registry is not None:
        answer = afar.diff(remote_at(registry, home), ref, scope, since, until)
    else:
        opened = home_at(home)
        answer = difference.diff(opened.store, answers_of(opened).resolve(ref), scope, since, until)
    say(as_json, answer, lambda: _show(answer))


def _show(answer: DiffOut) -> None:
    head = escape(called(answer.artifact, answer.names))
    out.print(
        f"[bold]{head}[/] from {answer.before.as_of} to {answer.now.as_of} log entries  {answer.artifact}",
        soft_wrap=True,
    )
    lines = list(_changes(answer))
    for line in lines or ["  nothing changed"]:
        out.print(line, soft_wrap=True)


def _changes(answer: DiffOut) -> Iterator[str]:
    """Go through what changed, a line each."""
    before, now = answer.before, answer.now
    for what, old, new in (
        ("standing", _standing(before), _standing(now)),
        ("license", before.license or "none", now.license or "none"),
    ):
        if old != new:
            yield f"  {what}: {escape(old)} → {escape(new)}"
    for word, moved in (("ancestor", answer.ancestors), ("descendant", answer.descendants)):
        for one in moved.came:
            yield f"  [green]+[/] {word} {escape(called(one.artifact, one.names))}  {one.artifact}"
        for one in moved.went:
            yield f"  [red]-[/] {word} {escape(called(one.artifact, one.names))}  {one.artifact}"
    yield from (f"  [green]+[/] edge {_edge(one)}, {one.evidence}" for one in answer.edges_came)
    yield from (f"  [red]-[/] edge {_edge(one)}, {one.evidence}" for one in answer.edges_went)
    for regraded in answer.regraded:
        yield f"  edge {_edge(regraded.edge)}: {regraded.before} → {regraded.edge.evidence}"
    for sign, some in (("[green]+[/]", answer.incidents_came), ("[red]-[/]", answer.incidents_went)):
        for incident in some:
            yield f"  {sign} incident {incident.id[:12]} {incident.kind}, {incident.stage}: {escape(incident.summary)}"
    yield from (f"  [green]+[/] evaluation, entry {one[:12]}" for one in answer.evaluations_came)
    yield from (f"  [red]-[/] evaluation, entry {one[:12]}" for one in answer.evaluations_went)


def _standing(state: StateOut) -> str:
    if not state.seen:
        return "not known yet"
    missing = counted(len(state.standing.missing), "artifact")
    return state.standing.state + (f" ({missing} missing)" if state.standing.missing else "")


def _edge(edge: EdgeOut) -> str:
    return f"{escape(short(edge.parent))} → {escape(short(edge.child))} by {edge.relation}"
