"""Incidents: list what was reported, amend it, take it back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.markup import escape

from lineage.around import Incident
from lineage.incidents import KINDS, SEVERITIES, Kind, Severity
from lineage.predicates import incident_amendment, incident_change
from lineage.predicates.incident_change import Change
from registry.cli import searching, stands
from registry.cli.answering import asked
from registry.cli.session import (
    HomeOption,
    JsonOption,
    RegistryOption,
    err,
    home_at,
    out,
    say,
)
from registry.home import Home
from registry.incidents import IncidentOut
from registry.store import Absent, flagging
from registry.work.cosigning import alone
from signing.canonical import Json
from signing.errors import Malformed

_Listed = TypeVar("_Listed", Incident, IncidentOut)
Which = Annotated[str, typer.Argument(metavar="INCIDENT", help="Id of the incident, or its beginning.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, in one line.")]

_BEGINNING = re.compile("[0-9a-f]{8,64}")

app = typer.Typer(
    help="Report, list, confirm, amend and end incidents, and search for what they name.",
    no_args_is_help=True,
)
app.registered_commands += searching.app.registered_commands


@app.command("list")
def list_all(home: HomeOption = None, registry: RegistryOption = None, as_json: JsonOption = False) -> None:
    """List every incident and the stage it has reached."""
    found = asked(home, registry).incidents()
    say(as_json, found, lambda: stands.incidents(found))


@app.command()
def amend(
    which: Which,
    reason: ReasonOption,
    severity: Annotated[str | None, typer.Option(help=", ".join(SEVERITIES))] = None,
    summary: Annotated[str | None, typer.Option(help="What is wrong, in one line.")] = None,
    contact: Annotated[str | None, typer.Option(help="Whom to ask.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that an incident's severity, summary or contact is another from now on; what was said before stays in the log."""
    opened = home_at(home)
    found = named(opened, which).id
    grave = None if severity is None else severity_named(severity)
    statement = incident_amendment.statement(
        found, reason, severity=grave, summary=summary, contact=contact, issued=opened.now()
    )
    receipt = opened.say("security", statement)[0]
    value: Json = {"incident": found, "index": receipt.index}
    say(as_json, value, lambda: out.print(f"incident {found[:12]} amended, entry {receipt.index}"))


@app.command()
def resolve(which: Which, reason: ReasonOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say that nothing more is to be done about a confirmed incident; what it reaches stays affected, since bytes do not heal."""
    _move(which, "resolved", reason, home, as_json=as_json)


@app.command()
def reject(which: Which, reason: ReasonOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say that an incident was looked into and is not so; its flags no longer count."""
    _move(which, "rejected", reason, home, as_json=as_json)


@app.command()
def retract(which: Which, reason: ReasonOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Take an incident back; both statements stay in the log, and its flags no longer count."""
    _move(which, "retracted", reason, home, as_json=as_json)


def warn_alone(home: Home, incident: str) -> None:
    """Say where a trusted root with one security operator let one confirm what otherwise takes two."""
    found = alone(home, incident)
    if found is not None:
        err.print(
            f"[yellow]note:[/] the incident flags {found.flags} artifacts, which takes two operators to confirm, and the trusted"
            f" root names {escape(', '.join(found.able))} alone with the role security, so one was enough",
            soft_wrap=True,
        )


def _move(which: str, stage: Change, reason: str, home: Path | None, *, as_json: bool) -> None:
    opened = home_at(home)
    found = named(opened, which).id
    receipt = opened.say("security", incident_change.statement(found, stage, reason))[0]
    value: Json = {"incident": found, "stage": stage, "index": receipt.index}
    say(as_json, value, lambda: out.print(f"incident {found[:12]} {stage}, entry {receipt.index}"))


def named(home: Home, beginning: str) -> Incident:
    """Return the incident whose id begins so."""
    _check(beginning)
    with home.store.reading() as connection:
        return one_of(flagging.incidents(connection, beginning), beginning)


def one_of(listed: Iterable[_Listed], beginning: str) -> _Listed:
    """Return the one of `listed` incidents whose id begins so."""
    _check(beginning)
    found = [one for one in listed if one.id.startswith(beginning)]
    if not found:
        raise Absent(f"no incident {beginning!r} was reported; `studbook incident list` lists them")
    if len(found) > 1:
        raise Malformed(f"{beginning!r} is the beginning of {len(found)} incidents; write more of it")
    return found[0]


def _check(beginning: str) -> None:
    if _BEGINNING.fullmatch(beginning) is None:
        raise Malformed(f"{beginning!r} is no incident: write 8 to 64 lower-case hex digits of its id")


def kind_named(text: str) -> Kind:
    """Return the kind of incident that is called so, or say which there are."""
    for kind in KINDS:
        if kind == text:
            return kind
    raise Malformed(f"{text!r} is no kind of incident; choose one of {', '.join(KINDS)}")


def severity_named(text: str) -> Severity:
    """Return the severity that is called so, or say which there are."""
    for severity in SEVERITIES:
        if severity == text:
            return severity
    raise Malformed(f"{text!r} is no severity; choose one of {', '.join(SEVERITIES)}")
