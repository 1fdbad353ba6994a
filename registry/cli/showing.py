"""The command that tells everything about one incident: incident show."""

from __future__ import annotations

import typer
from rich.markup import escape

from registry import afar
from registry.cli import stands, tables
from registry.cli.answering import remote_at
from registry.cli.incidents import Which, named, one_of
from registry.cli.session import (
    HomeOption,
    JsonOption,
    RegistryOption,
    counted,
    home_at,
    moment,
    out,
    say,
    short,
)
from registry.cli.statuses import reasoned
from registry.history import EventOut, HistoryOut
from registry.work.history import history

app = typer.Typer()


@app.command()
def show(
    which: Which, home: HomeOption = None, registry: RegistryOption = None, as_json: JsonOption = False
) -> None:
    """Everything about one incident: what was said of it, when and by whom, what it names and flags, and whom that concerns."""
    if registry is not None:
        remote = remote_at(registry, home)
        answer = afar.history(remote, one_of(remote.incidents(), which).id)
    else:
        opened = home_at(home)
        answer = history(opened, named(opened, which).id)
    say(as_json, answer, lambda: _show(answer))


def _show(answer: HistoryOut) -> None:
    one = answer.incident
    out.print(
        f"[bold]incident {one.id[:12]}[/]  {one.kind}, {one.severity}, {one.stage}: {escape(one.summary)}",
        soft_wrap=True,
    )
    out.print(f"  id {one.id}", soft_wrap=True)
    out.print(f"  contact {escape(one.contact)}", soft_wrap=True)
    for known in answer.known:
        out.print(
            f"  known to {', '.join(known.operators) or 'nobody'} since {moment(known.time)}, by entry {known.index}",
            soft_wrap=True,
        )
    for artifact in one.artifacts:
        out.print(f"  names {artifact}", soft_wrap=True)
    for selector in one.selectors:
        out.print(f"  selects by {selector}", soft_wrap=True)
    out.print(f"  flags {counted(answer.flagged, 'artifact')}", soft_wrap=True)
    table = tables.headed("entry", "logged", "what", "by", "why")
    for event in answer.events:
        table.add_row(
            str(event.index),
            moment(event.time),
            event.event,
            _whose(event),
            escape(event.reason or event.summary),
        )
    tables.put(table)
    if answer.left_out:
        out.print(f"  and {counted(answer.left_out, 'older event')}", soft_wrap=True)
    stands.disputes(one, "  ")
    for status in answer.statuses:
        out.print(f"  for {status.artifact}: {reasoned(status)}", soft_wrap=True)
    if answer.assessed > len(answer.statuses):
        others = counted(answer.assessed - len(answer.statuses), "artifact")
        out.print(f"  and older words on {others}", soft_wrap=True)
    _concerned(answer)
    out.print(
        f"  as of {answer.as_of} log entries; `studbook incident owners` says by which way", soft_wrap=True
    )


def _concerned(answer: HistoryOut) -> None:
    for owner in answer.owners:
        reached = escape("; ".join(owner.contacts))
        out.print(
            f"  concerns {owner.operator}, {counted(owner.artifacts, 'artifact')}, contact: {reached}",
            soft_wrap=True,
        )
    if answer.unowned:
        out.print(f"  {counted(answer.unowned, 'artifact')} that nobody registered here", soft_wrap=True)
    if not answer.complete:
        out.print("  [yellow]incomplete:[/] it flags more than owners are listed of")


def _whose(event: EventOut) -> str:
    keys = ", ".join(short(one)[:12] for one in event.keys)
    return f"{', '.join(event.operators) or 'nobody'} (key {keys})"
