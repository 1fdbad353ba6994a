"""The command that asks the weights themselves: parents."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from registry.answers import VerdictOut
from registry.cli import tables
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
from registry.work.findings import SUSPICION, FindingOut, ParentageOut, SuspectOut
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
        bool, typer.Option("--review", help="List every artifact here whose weights raise a suspicion.")
    ] = False,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """What is it made from, and do the weights bear that out? Exit 1 if they contradict a declared parent."""
    if listed:
        if ref is not None or test or sign or registry is not None:
            raise Malformed(
                "--review looks through this home's own sketches, and takes no artifact, --test or --registry"
            )
        _review(home_at(home), as_json=as_json)
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
    if registry is not None:
        raise Malformed("--test compares weights that were read on this machine, and takes no --registry")
    opened = home_at(home)
    found = compare(opened, answers_of(opened).resolve(ref))
    receipt = publish(opened, found) if sign else None
    logged: Json = receipt.index if receipt else None
    say(as_json, {**found.model_dump(mode="json"), "entry": logged}, lambda: _show(found, logged, sign=sign))
    if any(one.outcome == "contradicted" for one in found.parents):
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
    tables.comparisons(answer.comparisons)
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
    out.print(f"  compared with {counted(found.compared, 'artifact')} of its architecture")


def _row(one: FindingOut) -> tuple[str, ...]:
    outcome = f"[{_COLOURS[one.outcome]}]{one.outcome}[/]"
    if one.value is None or one.threshold is None:
        return short(one.parent), one.relation, outcome, escape(one.why or ""), "", ""
    return (
        short(one.parent),
        one.relation,
        outcome,
        one.statistic or "",
        f"{one.value:.4g}",
        f"{one.threshold:.4g}",
    )


def _suspicion(one: SuspectOut) -> str:
    rest = f"; or {', '.join(map(short, one.instead))}" if one.instead else ""
    return f"{_SUSPECTED[one.kind]} {one.parent} ({one.statistic} {one.value:.4g}, threshold {one.threshold:.4g}){rest}"


def _review(home: Home, *, as_json: bool) -> None:
    with progress("comparing", len(sketches.every(home)), quiet=as_json, in_bytes=False) as advance:
        found = review(home, advance)

    def show() -> None:
        for one in found:
            for suspect in one.suspects:
                out.print(f"[bold]{short(one.artifact)}[/] {_suspicion(suspect)}", soft_wrap=True)
            for parent in one.parents:
                if parent.outcome == "contradicted":
                    out.print(
                        f"[bold]{short(one.artifact)}[/] contradicts its parent {parent.parent}",
                        soft_wrap=True,
                    )
        out.print(f"{counted(len(found), 'artifact')} to look at; {SUSPICION}", soft_wrap=True)

    say(as_json, found, show)
