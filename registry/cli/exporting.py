"""The command that tells other people's tools what the log says: export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lineage.subjects import Pedigree, Reach, Scope
from registry import exports
from registry.cli.incidents import named
from registry.cli.session import HomeOption, JsonOption, home_at, out, say
from registry.home import Home
from registry.store import refs, subjects
from signing.canonical import Json
from signing.errors import Malformed

app = typer.Typer()

_OF_ARTIFACTS, _OF_INCIDENTS = exports.formats(Pedigree), exports.formats(Reach)


@app.command("export")
def export(
    what: Annotated[
        str,
        typer.Argument(
            metavar="REF|INCIDENT", help="An artifact; an incident's id or its beginning for osv and openvex."
        ),
    ],
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help=", ".join(exports.discovered()) + ".")
    ],
    ancestors: Annotated[
        bool, typer.Option("--ancestors", help="Of its relatives, ancestors alone.")
    ] = False,
    descendants: Annotated[
        bool, typer.Option("--descendants", help="Of its relatives, descendants alone.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option("--out", help="File to write; standard output otherwise.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell other tools what the log says: a bill of materials, a graph, an advisory. The same log gives the same bytes."""
    if form in _OF_INCIDENTS and (ancestors or descendants):
        raise Malformed(
            f"--format {form} tells of an incident: it takes neither --ancestors nor --descendants"
        )
    opened = home_at(home)
    subject, text = (
        _of_incident(opened, what, form)
        if form in _OF_INCIDENTS
        else _of_artifact(opened, what, form, scope_of(ancestors=ancestors, descendants=descendants))
    )
    if to is not None:
        to.write_bytes(text.encode())
    elif not as_json:
        typer.echo(text.encode(), nl=False)
        return
    whole = "complete" if subject.complete else "incomplete"

    def show() -> None:
        out.print(
            f"{form} written to {escape(str(to))}, as of {subject.at.size} log entries, {whole}",
            soft_wrap=True,
        )

    value: dict[str, Json] = {
        "format": form,
        "as_of": subject.at.size,
        "complete": subject.complete,
        "file": None if to is None else str(to),
        "text": text if to is None else None,
    }
    say(as_json, value, show)


def _of_artifact(home: Home, ref: str, form: str, scope: Scope) -> tuple[Pedigree, str]:
    known = _OF_ARTIFACTS.get(form)
    if known is None:
        raise Malformed(f"{form!r} is no format; choose one of {', '.join(exports.discovered())}")
    with home.store.reading() as connection:
        subject = subjects.pedigree(connection, refs.resolve(connection, ref), scope)
    return subject, known.text(subject)


def _of_incident(home: Home, beginning: str, form: str) -> tuple[Reach, str]:
    incident = named(home, beginning).id
    with home.store.reading() as connection:
        subject = subjects.reach(connection, incident, home.policy())
    return subject, _OF_INCIDENTS[form].text(subject)


def scope_of(*, ancestors: bool, descendants: bool) -> Scope:
    """Return which relatives two options ask for: both, where neither or both are given."""
    if ancestors == descendants:
        return "both"
    return "ancestors" if ancestors else "descendants"
