"""Incidents: report what is wrong with an artifact, list what was reported, take it back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, TypeVar

import typer

from lineage.around import Incident
from lineage.facts import KINDS, SEVERITIES, Kind, Severity
from lineage.predicates import incident, incident_change
from registry.answers import IncidentOut
from registry.cli import tables
from registry.cli.answering import answers_of, asked
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
from registry.home import Home
from registry.store import Absent, lineage, refs
from signing.canonical import Json
from signing.errors import Malformed

_Listed = TypeVar("_Listed", Incident, IncidentOut)
_BEGINNING = re.compile("[0-9a-f]{8,64}")

app = typer.Typer(help="Report, list and retract incidents.", no_args_is_help=True)


@app.command()
def report(
    artifact: Annotated[list[str], typer.Argument(help="The artifacts that are bad.")],
    summary: Annotated[str, typer.Option(help="What is wrong, in one line.")],
    kind: Annotated[str, typer.Option(help=", ".join(KINDS))] = "compromised",
    severity: Annotated[str, typer.Option(help=", ".join(SEVERITIES))] = "high",
    contact: Annotated[str | None, typer.Option(help="Whom to ask; the operator otherwise.")] = None,
    confirmed: Annotated[bool, typer.Option("--confirmed", help="Confirmed, not only reported.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report an incident by the security key; everything below the artifacts is flagged at once."""
    what, grave = _kind(kind), _severity(severity)
    opened = home_at(home)
    with opened.store.reading() as connection:
        named = list(dict.fromkeys(refs.resolve(connection, ref) for ref in artifact))
    statement = incident.statement(
        named,
        what,
        grave,
        "confirmed" if confirmed else "reported",
        summary,
        contact=contact or opened.operator("security"),
        issued=opened.now(),
    )
    receipt = opened.say("security", statement)[0]
    with opened.store.reading() as connection:
        flagged = lineage.flagged(connection, receipt.entry)
    below = sorted(flagged - set(named))

    def show() -> None:
        out.print(f"[bold]incident {receipt.entry[:12]}[/]  logged as entry {receipt.index}")
        out.print(f"  flags {counted(len(named), 'artifact')} and {counted(len(below), 'descendant')}")
        local = answers_of(opened)
        for one in below:
            out.print(f"    {called(one, local.verdict(one).names)}", markup=False)

    value: Json = {
        "incident": receipt.entry,
        "index": receipt.index,
        "artifacts": named,
        "descendants": below,
    }
    say(as_json, value, show)


@app.command("list")
def list_all(home: HomeOption = None, registry: RegistryOption = None, as_json: JsonOption = False) -> None:
    """List every incident and the stage it has reached."""
    found = asked(home, registry).incidents()
    say(as_json, found, lambda: tables.incidents(found))


@app.command()
def retract(
    which: Annotated[str, typer.Argument(metavar="INCIDENT", help="Id of the incident, or its beginning.")],
    reason: Annotated[str, typer.Option(help="Why, in one line.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an incident back; both statements stay in the log, and its flags no longer count."""
    opened = home_at(home)
    found = named(opened, which).id
    receipt = opened.say("security", incident_change.statement(found, "retracted", reason))[0]
    value: Json = {"incident": found, "index": receipt.index}
    say(as_json, value, lambda: out.print(f"incident {found[:12]} retracted, entry {receipt.index}"))


def named(home: Home, beginning: str) -> Incident:
    """Return the incident whose id begins so."""
    _check(beginning)
    with home.store.reading() as connection:
        return one_of(lineage.incidents(connection, beginning), beginning)


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


def _kind(text: str) -> Kind:
    for kind in KINDS:
        if kind == text:
            return kind
    raise Malformed(f"{text!r} is no kind of incident; choose one of {', '.join(KINDS)}")


def _severity(text: str) -> Severity:
    for severity in SEVERITIES:
        if severity == text:
            return severity
    raise Malformed(f"{text!r} is no severity; choose one of {', '.join(SEVERITIES)}")
