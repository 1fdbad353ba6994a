"""The command that tells other people's tools what the log says: export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lineage.subjects import Pedigree, Reach, Scope
from registry import afar, exports
from registry.cli.answering import remote_at
from registry.cli.incidents import named, one_of
from registry.cli.session import HomeOption, JsonOption, RegistryOption, home_at, out, say
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
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell other tools what the log says: a bill of materials, a graph, an advisory. The same log gives the same bytes."""
    if form in _OF_INCIDENTS and (ancestors or descendants):
        raise Malformed(
            f"--format {form} tells of an incident: it takes neither --ancestors nor --descendants"
        )
    scope = scope_of(ancestors=ancestors, descendants=descendants)
    told = (
        _told(home_at(home), what, form, scope)
        if registry is None
        else _asked(registry, home, what, form, scope)
    )
    if to is not None:
        to.write_bytes(told.text.encode())
    elif not as_json:
        typer.echo(told.text.encode(), nl=False)
        return
    words = {True: "complete", False: "incomplete", None: "which says whether it is complete"}

    def show() -> None:
        size = "as the registry tells it" if told.size is None else f"as of {told.size} log entries"
        out.print(f"{form} written to {escape(str(to))}, {size}, {words[told.complete]}", soft_wrap=True)

    value: dict[str, Json] = {
        "format": form,
        "as_of": told.size,
        "complete": told.complete,
        "file": None if to is None else str(to),
        "text": told.text if to is None else None,
    }
    say(as_json, value, show)


@dataclass(frozen=True, slots=True)
class _Told:
    """A document; of one that a registry made, only the document says as of how many entries, and whether it is complete."""

    text: str
    size: int | None = None
    complete: bool | None = None


def _told(home: Home, what: str, form: str, scope: Scope) -> _Told:
    if form in _OF_INCIDENTS:
        incident = named(home, what).id
        with home.store.reading() as connection:
            reached = subjects.reach(connection, incident, home.policy())
        return _Told(_OF_INCIDENTS[form].text(reached), reached.at.size, reached.complete)
    _check(form)
    with home.store.reading() as connection:
        found = subjects.pedigree(connection, refs.resolve(connection, what), scope)
    return _Told(_OF_ARTIFACTS[form].text(found), found.at.size, found.complete)


def _asked(url: str, home: Path | None, what: str, form: str, scope: Scope) -> _Told:
    if form not in _OF_INCIDENTS:
        _check(form)
    remote = remote_at(url, home)
    if form in _OF_INCIDENTS:
        return _Told(afar.advisory(remote, one_of(remote.incidents(), what).id, form))
    return _Told(remote.export(what, form, scope))


def _check(form: str) -> None:
    if form not in _OF_ARTIFACTS:
        raise Malformed(f"{form!r} is no format; choose one of {', '.join(exports.discovered())}")


def scope_of(*, ancestors: bool, descendants: bool) -> Scope:
    """Return which relatives two options ask for: both, where neither or both are given."""
    if ancestors == descendants:
        return "both"
    return "ancestors" if ancestors else "descendants"
