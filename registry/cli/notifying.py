"""The command that says whom to tell of an incident, and what: incident owners."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from registry import afar
from registry.cli import stands, tables
from registry.cli.answering import remote_at
from registry.cli.incidents import named, one_of
from registry.cli.session import (
    HomeOption,
    JsonOption,
    RegistryOption,
    called,
    counted,
    home_at,
    out,
    path_of,
    say,
    short,
)
from registry.cli.statuses import told
from registry.notices import AffectedOut, OwnersOut, message
from registry.work.owners import owners as found_owners

app = typer.Typer()


@app.command()
def owners(
    which: Annotated[str, typer.Argument(metavar="INCIDENT", help="Id of the incident, or its beginning.")],
    to: Annotated[
        str | None,
        typer.Option("--message", metavar="OPERATOR", help="Print the message to this operator, to be sent."),
    ] = None,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Whom does it concern? Who registered what it reaches, how to reach them, and by which way it gets there."""
    if registry is not None:
        remote = remote_at(registry, home)
        answer = afar.owners(remote, one_of(remote.incidents(), which).id)
    else:
        opened = home_at(home)
        answer = found_owners(opened, named(opened, which).id)
    if to is None:
        say(as_json, answer, lambda: _show(answer))
        return
    text = message(answer, to)
    say(as_json, {"operator": to, "message": text}, lambda: typer.echo(text, nl=False))


def _show(answer: OwnersOut) -> None:
    incident, names = answer.incident, answer.names()
    concerned = f"{counted(len(names), 'artifact')} of {counted(len(answer.owners), 'operator')}"
    out.print(
        f"[bold]incident {incident.id[:12]}[/]  {incident.kind}, {incident.severity}, {incident.stage}:"
        f" {escape(incident.summary)}",
        soft_wrap=True,
    )
    out.print(f"  reaches {concerned}", soft_wrap=True)
    stands.disputes(incident, "  ")
    for owner in answer.owners:
        reached = escape("; ".join(owner.contacts))
        out.print(
            f"[bold]{owner.operator}[/]  {counted(len(owner.artifacts), 'artifact')}  contact: {reached}",
            soft_wrap=True,
        )
        _ways(owner.artifacts, names)
    if answer.unowned:
        out.print(
            f"[yellow]nobody to tell[/] about {counted(len(answer.unowned), 'artifact')} that nobody registered here",
            soft_wrap=True,
        )
        _ways(answer.unowned, names)
    if not answer.complete:
        out.print("[yellow]incomplete:[/] more was made of what it names than is listed here")
    out.print(f"  as of {answer.as_of} log entries; --message OPERATOR prints what to send", soft_wrap=True)


def _ways(affected: tuple[AffectedOut, ...], names: dict[str, tuple[str, ...]]) -> None:
    table = tables.headed("artifact", "by way of")
    table.columns[1].min_width = 9  # beside the long id of a stub, words would be broken into letters
    for one in affected:
        title = called(one.artifact, one.names)
        own = "" if title == short(one.artifact) else f"\n{short(one.artifact)}"
        means = "" if one.status is None else f"\n{told(one.status)}"
        table.add_row(escape(title) + own, escape(path_of(one.via, names)) + means)
    tables.put(table)
