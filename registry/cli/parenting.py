"""The command that asks the weights themselves: parents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape

from registry import afar
from registry.answers import VerdictOut
from registry.cli import answered, tables
from registry.cli.answering import answers_of, remote_at
from registry.cli.session import (
    Fails,
    HomeOption,
    JsonOption,
    RegistryOption,
    called,
    counted,
    home_at,
    out,
    progress,
    say,
    short,
)
from registry.home import Home
from registry.work import sketches
from registry.work.findings import SUSPICION, ParentageOut, SuspectOut, TestedOut
from registry.work.parents import compare, publish, review
from signing.canonical import Json
from signing.errors import Malformed

app = typer.Typer()

_COLOURS = {"consistent": "green", "contradicted": "red", "undecided": "yellow"}
_SUSPECTED = {
    "same tensors": "has the same tensors as",
    "published again": "may be, published again,",
    "made from": "names no parents and may be made from",
    "parent": "may have the undeclared parent",
}


@app.command()
def parents(
    ref: Annotated[str | None, typer.Argument(help="Artifact: an id, a name or a registered folder.")] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Compare weights with the declared parents', and look for others.")
    ] = False,
    sign: Annotated[
        bool, typer.Option("--publish", help="With --test: sign and log what is found of declared parents.")
    ] = False,
    listed: Annotated[
        bool,
        typer.Option("--review", help="List every artifact sketched there whose weights raise a suspicion."),
    ] = False,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """What is it made from, and do the weights bear that out? Exit 1 if they contradict a declared parent."""
    if listed:
        if ref is not None or test or sign:
            raise Malformed("--review looks through all sketches, and takes no artifact, --test or --publish")
        if registry is None:
            found = _reviewed(home_at(home), quiet=as_json)
        else:
            found = afar.suspicions(remote_at(registry, home))
        say(as_json, found, lambda: _show_review(found))
        return
    if ref is None:
        raise Malformed("name an artifact, or give --review")
    if not test:
        if sign:
            raise Malformed("--publish signs what --test finds: give both")
        answers = remote_at(registry, home) if registry is not None else answers_of(home_at(home))
        answer = answers.verdict(ref)
        say(as_json, _declared(answer), lambda: _show_declared(answer))
        return
    if registry is not None and sign:
        raise Malformed("--publish signs what was compared on this machine, and takes no --registry")
    if registry is not None:
        tested, logged = afar.parentage(remote_at(registry, home), ref), None
    else:
        opened = home_at(home)
        tested = compare(opened, answers_of(opened).resolve(ref))
        receipt = publish(opened, tested) if sign else None
        logged = receipt.index if receipt else None
    entry: Json = logged
    say(as_json, {**tested.model_dump(mode="json"), "entry": entry}, lambda: _show(tested, entry, sign=sign))
    if any(one.outcome == "contradicted" for one in tested.parents):
        raise Fails


def _declared(answer: VerdictOut) -> Json:
    value = answer.model_dump(mode="json")
    return {
        member: value[member]
        for member in ("artifact", "names", "parents", "comparisons", "as_of", "complete")
    }


def _show_declared(answer: VerdictOut) -> None:
    head = escape(called(answer.artifact, answer.names))
    out.print(
        f"[bold]{head}[/] declares {counted(len(answer.parents), 'parent')}  {answer.artifact}",
        soft_wrap=True,
    )
    table = tables.headed("parent", "relation", "evidence")
    for edge in answer.parents:
        table.add_row(short(edge.parent), edge.relation, edge.evidence)
    if answer.parents:
        tables.put(table)
    answered.comparisons(answer.comparisons)
    out.print(f"  as of {answer.as_of} log entries")


def _show(found: ParentageOut, logged: Json, *, sign: bool) -> None:
    out.print(f"[bold]{short(found.artifact)}[/]  {found.artifact}", soft_wrap=True)
    if found.r2 is not None and found.exact is not None and found.origin is not None:
        out.print(
            f"  its declared parents explain {found.r2:.1%} of its change from {short(found.origin)} by least squares, and match"
            f" {found.exact:.1%} of what moved exactly",
            soft_wrap=True,
        )
    table = tables.headed("parent", "relation", "weights", "statistic", "value", "threshold")
    for one in found.parents:
        table.add_row(*_row(one))
    if found.parents:
        tables.put(table)
    for suspect in found.suspects:
        out.print(f"  [yellow]suspicion:[/] {_suspicion(suspect)}", soft_wrap=True)
    if found.suspects:
        out.print(f"  {SUSPICION}", soft_wrap=True)
    if sign:
        out.print(
            f"  signed and logged as entry {logged}"
            if logged is not None
            else "  nothing to sign: the weights decide nothing"
        )
    out.print(
        f"  compared with {counted(found.compared, 'artifact')} of its architecture, as of {found.as_of} log entries"
    )


def _row(one: TestedOut) -> tuple[str, ...]:
    outcome = f"[{_COLOURS[one.outcome]}]{one.outcome}[/]"
    if one.value is None or one.threshold is None:
        return escape(short(one.parent)), escape(one.relation), outcome, escape(one.why or ""), "", ""
    return (
        escape(short(one.parent)),
        escape(one.relation),
        outcome,
        escape(one.statistic or ""),
        f"{one.value:.4g}",
        f"{one.threshold:.4g}",
    )


def _suspicion(one: SuspectOut) -> str:
    rest = escape(f"; or {', '.join(map(short, one.instead))}") if one.instead else ""
    return (
        f"{_SUSPECTED[one.kind]} {escape(one.parent)}"
        f" ({escape(one.statistic)} {one.value:.4g}, threshold {one.threshold:.4g}){rest}"
    )


def _reviewed(home: Home, *, quiet: bool) -> tuple[ParentageOut, ...]:
    with progress("comparing", len(sketches.every(home)), quiet=quiet, in_bytes=False) as advance:
        return review(home, advance)


def _show_review(found: Sequence[ParentageOut]) -> None:
    for one in found:
        if one.unread is not None:
            out.print(
                f"[bold]{short(one.artifact)}[/] could not be compared: {escape(one.unread)}", soft_wrap=True
            )
        for suspect in one.suspects:
            out.print(f"[bold]{short(one.artifact)}[/] {_suspicion(suspect)}", soft_wrap=True)
        for parent in one.parents:
            if parent.outcome == "contradicted":
                out.print(
                    f"[bold]{short(one.artifact)}[/] contradicts its parent {escape(parent.parent)}",
                    soft_wrap=True,
                )
    out.print(f"{counted(len(found), 'artifact')} to look at; {SUSPICION}", soft_wrap=True)
