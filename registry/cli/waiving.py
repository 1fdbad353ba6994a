"""Commands about conflicts that somebody accepts: license waive, license gate."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.markup import escape

from lineage.finding import KINDS
from registry import afar
from registry.cli.answering import remote_at
from registry.cli.asking import Ref
from registry.cli.incidents import ReasonOption
from registry.cli.roots import when
from registry.cli.selecting import completing
from registry.cli.session import HomeOption, JsonOption, RegistryOption, home_at, moment, out, say
from registry.found import GateOut
from registry.home import Home
from registry.store import log
from registry.store.gate import decision
from registry.work.waiving import decide
from registry.work.waiving import waive as accept
from signing.canonical import Json
from signing.errors import Malformed

app = typer.Typer()

_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_STATES = ("open", "shut")


@app.command()
def waive(
    ref: Ref,
    rule: Annotated[
        str,
        typer.Argument(
            metavar="RULE",
            autocompletion=completing(tuple(KINDS)),
            help="Whose conflicts: LIC-…; `studbook licenses --rules` lists them.",
        ),
    ],
    until: Annotated[
        str,
        typer.Option(
            metavar="WHEN",
            help="Until the end of a day in UTC, 2026-12-31, or 2026-12-31T12:00:00Z; now takes an earlier waiver back.",
        ),
    ],
    reason: ReasonOption,
    name: Annotated[
        str | None,
        typer.Option(help="A name that it has or is to have: for names in that namespace it is accepted."),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(metavar="ORIGIN", help="Only what this artifact, or this license, brings in."),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept what a license rule finds about an artifact, for names of yours and until a day. It stays a conflict, and says so."""
    if rule not in KINDS:
        raise Malformed(f"{rule!r} is no rule; choose one of {', '.join(KINDS)}")
    opened = home_at(home)
    ends = _ends(opened, until)
    done = accept(opened, ref, rule, ends, reason, name=name, origin=origin)
    indexes = [receipt.index for receipt in done.receipts]

    def show() -> None:
        listed = ", ".join(map(str, indexes))
        out.print(
            f"{rule} of {done.artifact} is waived for {done.namespace} until {moment(ends)}, entry {listed}",
            soft_wrap=True,
        )
        for one in done.findings:
            out.print(f"  {escape(one.sentence)}", soft_wrap=True)

    value: Json = {
        "artifact": done.artifact,
        "rule": rule,
        "namespace": done.namespace,
        "until": ends,
        "waived": [{"license": one.license, "origin": one.origin} for one in done.findings],
        "entries": list(indexes),
    }
    say(as_json, value, show)


@app.command()
def gate(
    state: Annotated[
        str | None,
        typer.Argument(
            metavar="[open|shut]",
            autocompletion=completing(_STATES),
            help="What it is to be; else what it is.",
        ),
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in one line.")] = None,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Are names held to what licenses say? Whoever keeps the log can open that gate, which is logged, and shut it again."""
    if state is None:
        if reason is not None:
            raise Malformed("--reason says why the gate is opened or shut; say which: open or shut")
        answer = _decided(home_at(home)) if registry is None else afar.license_gate(remote_at(registry, home))
        say(as_json, answer, lambda: _show(answer))
        return
    if state not in _STATES:
        raise Malformed(f"{state!r} is no state of the gate; choose open or shut")
    if reason is None:
        raise Malformed(f"whoever looks later wants to know why the gate is {state}: say it by --reason TEXT")
    if registry is not None:
        raise Malformed("--registry asks; whoever keeps a log decides about its gate at home")
    opened = home_at(home)
    receipt = decide(opened, reason, shut=state == "shut")
    value: Json = {"shut": state == "shut", "index": receipt.index}
    say(as_json, value, lambda: out.print(f"the license gate is {state}, entry {receipt.index}"))


def _ends(home: Home, said: str) -> int:
    """Return the unix seconds at which a waiver ends: of a day the end."""
    if _DAY.fullmatch(said) is None:
        return when(home, said)
    try:
        day = datetime.strptime(said, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise Malformed(f"{said!r} is no day: write it as 2026-12-31") from None
    return int(day.timestamp())


def _decided(home: Home) -> GateOut:
    with home.store.reading() as connection:
        return GateOut.of(decision(connection), log.size(connection))


def _show(answer: GateOut) -> None:
    word = "[green]shut[/]" if answer.shut else "[yellow]open[/]"
    what = (
        "names need waivers for what licenses contradict" if answer.shut else "names are held to no licenses"
    )
    out.print(f"the license gate is {word}: {what}")
    if answer.index is not None and answer.time is not None:
        since = f"since entry {answer.index}, {moment(answer.time)}: {answer.reason}"
        out.print(f"  {escape(since)}", soft_wrap=True)
    out.print(f"  as of {answer.as_of} log entries")
