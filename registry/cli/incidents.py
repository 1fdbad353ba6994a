"""Incidents: report what is wrong with an artifact, list what was reported, amend it, take it back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from lineage import patterns, schema
from lineage.around import Incident
from lineage.facts import KINDS, SEVERITIES, Kind, Severity, is_stub
from lineage.predicates import incident, incident_amendment, incident_change
from lineage.predicates.incident_change import Change
from registry.answers import IncidentOut
from registry.cli import searching, tables
from registry.cli.answering import answers_of, asked
from registry.cli.roots import key_of
from registry.cli.searching import look, show_unread, tensor_of
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
Which = Annotated[str, typer.Argument(metavar="INCIDENT", help="Id of the incident, or its beginning.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, in one line.")]

_BEGINNING = re.compile("[0-9a-f]{8,64}")

app = typer.Typer(
    help="Report, list, confirm, amend and end incidents, and search for what they name.",
    no_args_is_help=True,
)
app.registered_commands += searching.app.registered_commands


@app.command()
def report(
    summary: Annotated[str, typer.Option(help="What is wrong, in one line.")],
    artifact: Annotated[
        list[str] | None,
        typer.Argument(help="The artifacts that are bad; hf:owner/name for what was never seen here."),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            help="A signing key, by its id or the beginning: all that it registered or built, now and later."
        ),
    ] = None,
    tensor: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REF:NAME",
            help="A tensor, by an artifact and its name there, or by its digest: all that hold it, now and later.",
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RANGE",
            help="Names, as acme/*, acme/merge-*, acme/one or hf:owner/*: whatever they were ever bound to, or will be.",
        ),
    ] = None,
    kind: Annotated[str, typer.Option(help=", ".join(KINDS))] = "compromised",
    severity: Annotated[str, typer.Option(help=", ".join(SEVERITIES))] = "high",
    contact: Annotated[str | None, typer.Option(help="Whom to ask; the operator otherwise.")] = None,
    confirmed: Annotated[bool, typer.Option("--confirmed", help="Confirmed, not only reported.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report an incident by the security key; everything below the artifacts is flagged at once."""
    what, grave = kind_named(kind), _severity(severity)
    opened = home_at(home)
    keys = [key_of(opened.root(), one) for one in key or ()]
    suspected = [tensor_of(opened, one) for one in tensor or ()]
    looked = look(opened, suspected, quiet=as_json)
    with opened.store.reading() as connection:
        # A stub need not be named by anything yet: what is made of it may come later.
        named = list(
            dict.fromkeys(
                schema.check_stub(ref) if is_stub(ref) else refs.resolve(connection, ref)
                for ref in artifact or ()
            )
        )
    statement = incident.statement(
        named,
        what,
        grave,
        "confirmed" if confirmed else "reported",
        summary,
        contact=contact or opened.operator("security"),
        issued=opened.now(),
        keys=keys,
        tensors=suspected,
        names=[patterns.folded(one) for one in name or ()],
    )
    receipt = opened.say_all([("security", statement), *looked.statements])[0]
    with opened.store.reading() as connection:
        flagged = lineage.flagged(connection, receipt.entry)
        (found,) = lineage.incidents(connection, receipt.entry)
    below = sorted(flagged - set(found.artifacts))

    def show() -> None:
        out.print(f"[bold]incident {receipt.entry[:12]}[/]  logged as entry {receipt.index}")
        out.print(
            f"  flags {counted(len(found.artifacts), 'artifact')} and {counted(len(below), 'descendant')}"
        )
        local = answers_of(opened)
        for one in below:
            out.print(f"    {called(one, local.verdict(one).names)}", markup=False)
        show_unread(looked)
        if found.removed:
            tables.doubts([IncidentOut.of(found)])

    value: Json = {
        "incident": receipt.entry,
        "index": receipt.index,
        "artifacts": list(found.artifacts),
        "selectors": list(found.selectors),
        "descendants": below,
        "unread": list(looked.unread),
        "removed": found.removed,
    }
    say(as_json, value, show)


@app.command("list")
def list_all(home: HomeOption = None, registry: RegistryOption = None, as_json: JsonOption = False) -> None:
    """List every incident and the stage it has reached."""
    found = asked(home, registry).incidents()
    say(as_json, found, lambda: tables.incidents(found))


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
    grave = None if severity is None else _severity(severity)
    statement = incident_amendment.statement(
        found, reason, severity=grave, summary=summary, contact=contact, issued=opened.now()
    )
    receipt = opened.say("security", statement)[0]
    value: Json = {"incident": found, "index": receipt.index}
    say(as_json, value, lambda: out.print(f"incident {found[:12]} amended, entry {receipt.index}"))


@app.command()
def confirm(which: Which, reason: ReasonOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say that a reported incident was looked into and is so: what it reaches is refused, not only warned of."""
    _move(which, "confirmed", reason, home, as_json=as_json)


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


def kind_named(text: str) -> Kind:
    """Return the kind of incident that is called so, or say which there are."""
    for kind in KINDS:
        if kind == text:
            return kind
    raise Malformed(f"{text!r} is no kind of incident; choose one of {', '.join(KINDS)}")


def _severity(text: str) -> Severity:
    for severity in SEVERITIES:
        if severity == text:
            return severity
    raise Malformed(f"{text!r} is no severity; choose one of {', '.join(SEVERITIES)}")
