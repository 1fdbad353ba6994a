"""Reporting an incident: at once, or under embargo, with the words kept back until they are revealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lineage import patterns, predicates, schema
from lineage.facts import is_stub
from lineage.incidents import KINDS, SEVERITIES, Reported, Selecting
from lineage.predicates import incident
from registry.cli import stands, tables
from registry.cli.answering import answers_of
from registry.cli.incidents import kind_named, severity_named, warn_alone
from registry.cli.roots import key_of
from registry.cli.searching import look, show_unread, tensor_of
from registry.cli.session import HomeOption, JsonOption, called, counted, home_at, moment, out, say
from registry.home import Home
from registry.incidents import IncidentOut
from registry.store import flagging, refs
from registry.store.embargoes import Embargo, embargoes
from registry.work import embargoed
from signing.canonical import Json
from signing.errors import Malformed
from signing.statement import Statement

app = typer.Typer()

SummaryOption = Annotated[str, typer.Option("--summary", help="What is wrong, in one line.")]
ArtifactsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ARTIFACT]...",
        help="The artifacts that are bad; hf:owner/name for what was never seen here.",
    ),
]
KeysOption = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        help="A signing key, by its id or the beginning: all that it registered or built, now and later.",
    ),
]
TensorsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tensor",
        metavar="REF:NAME",
        help="A tensor, by an artifact and its name there, or by its digest: all that hold it, now and later.",
    ),
]
NamesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--name",
        metavar="RANGE",
        help="Names, as acme/*, acme/merge-*, acme/one or hf:owner/*: whatever they were ever bound to, or will be.",
    ),
]
KindOption = Annotated[str, typer.Option("--kind", help=", ".join(KINDS))]
SeverityOption = Annotated[str, typer.Option("--severity", help=", ".join(SEVERITIES))]
ContactOption = Annotated[str | None, typer.Option("--contact", help="Whom to ask; the operator otherwise.")]
ConfirmedOption = Annotated[bool, typer.Option("--confirmed", help="Confirmed, not only reported.")]


@dataclass(frozen=True, slots=True)
class _Bad:
    """What is bad, as a command names it."""

    artifacts: Sequence[str]
    keys: Sequence[str]
    tensors: Sequence[str]
    names: Sequence[str]


@app.command()
def report(
    summary: SummaryOption,
    artifact: ArtifactsArgument = None,
    key: KeysOption = None,
    tensor: TensorsOption = None,
    name: NamesOption = None,
    kind: KindOption = "compromised",
    severity: SeverityOption = "high",
    contact: ContactOption = None,
    confirmed: ConfirmedOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report an incident by the security key; everything below the artifacts is flagged at once."""
    what, grave = kind_named(kind), severity_named(severity)
    opened = home_at(home)
    bad = _bad(opened, artifact, key, tensor, name)
    said = incident.statement(
        bad.artifacts,
        what,
        grave,
        "confirmed" if confirmed else "reported",
        summary,
        contact=contact or opened.operator("security"),
        issued=opened.now(),
        keys=bad.keys,
        tensors=bad.tensors,
        names=bad.names,
    )
    _log(opened, said, as_json=as_json)


@app.command()
def embargo(
    summary: SummaryOption,
    to: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help="Where the words go, readable by you alone; keep it."),
    ],
    artifact: ArtifactsArgument = None,
    key: KeysOption = None,
    tensor: TensorsOption = None,
    name: NamesOption = None,
    kind: KindOption = "compromised",
    severity: SeverityOption = "high",
    contact: ContactOption = None,
    confirmed: ConfirmedOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Log that an incident is known, and not what it is: only its id, which `reveal` proves. Nothing is flagged until then."""
    if confirmed:
        # What flags much is confirmed by two, and a file that one of them wrote could never be revealed (T27).
        raise Malformed(
            f"{to} would be revealed as confirmed by one operator: keep it back without --confirmed, reveal it, then confirm"
        )
    what, grave = kind_named(kind), severity_named(severity)
    opened = home_at(home)
    bad = _bad(opened, artifact, key, tensor, name)
    asked = contact or opened.operator("security")
    said = incident.statement(
        bad.artifacts,
        what,
        grave,
        "reported",
        summary,
        contact=asked,
        issued=opened.now(),
        keys=bad.keys,
        tensors=bad.tensors,
        names=bad.names,
        salt=embargoed.salt(),
    )
    found, receipt = embargoed.keep(opened, said, asked, to)

    def show() -> None:
        out.print(f"incident {found[:12]} under embargo  logged as entry {receipt.index}")
        out.print(f"  its words are in {escape(str(to))}, and nowhere else: keep it", soft_wrap=True)
        out.print(
            f"  `studbook incident reveal {escape(str(to))}` tells it, and flags what it reaches",
            soft_wrap=True,
        )

    value: Json = {"incident": found, "index": receipt.index, "file": str(to)}
    say(as_json, value, show)


@app.command()
def reveal(
    file: Annotated[Path, typer.Argument(help="What `embargo` wrote.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report the incident in a file that was kept under embargo: from now on it flags, and it is proven to be as old as the embargo."""
    opened = home_at(home)
    _log(opened, embargoed.kept(opened, file.read_bytes()), as_json=as_json)


@app.command("embargoes")
def list_embargoes(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List which incidents were kept back, since when, and whether they are revealed by now."""
    opened = home_at(home)
    with opened.store.reading() as connection:
        found = embargoes(connection)

    def show() -> None:
        if not found:
            out.print("nothing was kept back")
            return
        table = tables.headed("incident", "since", "entry", "by", "contact", "now")
        for one in found:
            now = "revealed" if one.revealed else "kept back"
            since = moment(one.time)
            table.add_row(
                one.incident[:12], since, str(one.index), ", ".join(one.operators), escape(one.contact), now
            )
        tables.put(table)

    say(as_json, [_embargo(one) for one in found], show)


def _embargo(one: Embargo) -> dict[str, Json]:
    return {
        "incident": one.incident,
        "contact": one.contact,
        "operators": list(one.operators),
        "time": one.time,
        "index": one.index,
        "entry": one.entry,
        "revealed": one.revealed,
    }


def _bad(
    home: Home,
    artifacts: Sequence[str] | None,
    keys: Sequence[str] | None,
    tensors: Sequence[str] | None,
    names: Sequence[str] | None,
) -> _Bad:
    selecting = [key_of(home.root(), one) for one in keys or ()]
    suspected = [tensor_of(home, one) for one in tensors or ()]
    with home.store.reading() as connection:
        # A stub need not be named by anything yet: what is made of it may come later.
        named = dict.fromkeys(
            schema.check_stub(ref) if is_stub(ref) else refs.resolve(connection, ref)
            for ref in artifacts or ()
        )
    return _Bad(list(named), selecting, suspected, [patterns.folded(one) for one in names or ()])


def _log(home: Home, said: Statement, *, as_json: bool) -> None:
    """Log the report of an incident, with what is known to hold the tensors that it names, and say what it flags."""
    facts = predicates.facts(said, "")
    tensors = [one.value for one in facts if isinstance(one, Selecting) and one.attribute == "tensor"]
    confirmed = any(isinstance(one, Reported) and one.stage == "confirmed" for one in facts)
    looked = look(home, tensors, quiet=as_json)
    receipt = home.say_all([("security", said), *looked.statements])[0]
    with home.store.reading() as connection:
        flagged = flagging.flagged(connection, receipt.entry)
        (found,) = flagging.incidents(connection, receipt.entry)
        since = embargoes(connection, receipt.entry)
    below = sorted(flagged - set(found.artifacts))

    def show() -> None:
        out.print(f"[bold]incident {receipt.entry[:12]}[/]  logged as entry {receipt.index}")
        for known in since[:1]:
            out.print(
                f"  known to {', '.join(known.operators)} since {moment(known.time)}, by entry {known.index}",
                soft_wrap=True,
            )
        out.print(
            f"  flags {counted(len(found.artifacts), 'artifact')} and {counted(len(below), 'descendant')}"
        )
        local = answers_of(home)
        for one in below:
            out.print(f"    {called(one, local.verdict(one).names)}", markup=False)
        show_unread(looked)
        if found.removed:
            stands.doubts([IncidentOut.of(found)])

    value: dict[str, Json] = {
        "incident": receipt.entry,
        "index": receipt.index,
        "artifacts": list(found.artifacts),
        "selectors": list(found.selectors),
        "descendants": below,
        "unread": list(looked.unread),
        "removed": found.removed,
    }
    if since:
        value["known_since"] = {"time": since[0].time, "index": since[0].index}
    say(as_json, value, show)
    if confirmed:
        warn_alone(home, receipt.entry)
