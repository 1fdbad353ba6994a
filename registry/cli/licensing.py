"""Commands that ask about licenses: license, licenses. `license` alone asks about an artifact, whatever it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from registry.cli import remarks
from registry.cli.answering import asked
from registry.cli.asking import Ref
from registry.cli.session import (
    Fails,
    HomeOption,
    JsonOption,
    RegistryOption,
    called,
    counted,
    moment,
    out,
    path_of,
    say,
)
from registry.cli.tables import headed, put
from registry.found import AcceptedOut, FindingOut
from registry.licensed import LicenseOut, TermOut, UseOut
from registry.ruleset import KnownOut, RuleOut, known, rules
from signing.errors import Malformed

app = typer.Typer()


class Asks(TyperGroup):
    """Commands of which the first word may be left out: then it is `ask`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take what is no command of this group for what is asked about."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["ask", *args]
        return super().parse_args(ctx, args)


group = typer.Typer(
    cls=Asks, no_args_is_help=True, help="May I use it, and how? `studbook license REF` asks that."
)

COLOURS = {"ok": "green", "conflict": "red", "unknown": "yellow", "needs_review": "yellow", "nothing": "dim"}


def _count(text: str | int) -> int:
    """Return how many a person means by `1000000`, `1_000_000`, `1,000,000` or `1e6`."""
    try:
        found = Decimal(str(text).replace(",", "").replace("_", ""))
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is no number: write 1000000 or 1e6") from None
    if not found.is_finite() or found != found.to_integral_value() or not 0 <= found < 10**15:
        raise typer.BadParameter(f"{text!r} is no whole number from 0 to 999,999,999,999,999")
    return int(found)


class UseName(StrEnum):
    """What a use can be called."""

    commercial = "commercial"


@group.command()
def ask(
    ref: Ref,
    use: Annotated[UseName | None, typer.Option("--use", help="May it be used so?")] = None,
    territory: Annotated[
        str | None, typer.Option("--territory", metavar="PLACE", help="There: DE, US, or EU for all of it.")
    ] = None,
    mau: Annotated[
        int | None,
        typer.Option("--mau", parser=_count, metavar="N", help="By so many monthly users; 1e9 will do."),
    ] = None,
    revenue: Annotated[
        int | None,
        typer.Option("--revenue", parser=_count, metavar="N", help="At so many US dollars a year."),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Without distributing it; else it is taken to be distributed.")
    ] = False,
    gated: Annotated[
        bool | None,
        typer.Option("--gated/--ungated", help="Whether it is given only to who accepts its terms."),
    ] = None,
    card: Annotated[
        Path | None, typer.Option("--card", help="Its card and notices: do they show what they have to?")
    ] = None,
    gone: Annotated[
        list[str] | None,
        typer.Option(metavar="REF", help="What it is made of that is deleted or renamed upstream."),
    ] = None,
    none_gone: Annotated[
        bool, typer.Option("--none-gone", help="Somebody looked upstream, and all of it is there.")
    ] = False,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """May I use it, and how, by what its lineage declares? Exit 0 only if that is ok. Not legal advice."""
    if gone and none_gone:
        raise Malformed("--gone names what is upstream no more, and --none-gone says that all of it is there")
    answers = asked(home, registry)
    wanted = UseOut.of(
        commercial=use is not None,
        territory=None if territory is None else territory.upper(),
        monthly_users=mau,
        revenue=revenue,
        distributing=not private,
        gated=gated,
        gone=tuple(dict.fromkeys(map(answers.resolve, gone))) if gone else () if none_gone else None,
    )
    answer = answers.license(ref, wanted, None if card is None else _text(card))
    say(as_json, answer, lambda: _show(answer))
    if answer.outcome != "ok":
        raise Fails


@app.command()
def licenses(
    by_rule: Annotated[bool, typer.Option("--rules", help="List the rules that judge them instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Which licenses are known here, what does each ask, and what was read for that?"""
    if by_rule:
        told = rules()
        say(as_json, told, lambda: _rules(told))
        return
    found = known()
    say(as_json, found, lambda: _list(found))


def _text(card: Path) -> str:
    raw = card.read_bytes()
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Malformed(f"{card} is not UTF-8, so what it shows cannot be read") from None


def _show(answer: LicenseOut) -> None:
    head = escape(called(answer.artifact, answer.names[answer.artifact]))
    word = outcome(answer.outcome, answer.accepted)
    out.print(
        f"[bold]{head}[/]  [bold {COLOURS[answer.outcome]}]{word}[/]  {answer.artifact}", soft_wrap=True
    )
    lower = " at least, since not everything is known" if answer.at_least else ""
    out.print(
        f"  commercial use: {answer.commercial}; to be passed on: {answer.flow_down.replace('_', ' ')}{lower}",
        soft_wrap=True,
    )
    for one in answer.findings:
        finding(one, answer.names)
    if answer.left_out:
        out.print(f"  and {counted(answer.left_out, 'finding')} more of these kinds, further up")
    for said in answer.doubts:
        out.print(f"  [yellow]read the text:[/] {escape(said)}", soft_wrap=True)
    if answer.terms:
        table = headed("license", "from", "commercial", "asks")
        for term in answer.terms:
            table.add_row(*_term(term, answer))
        put(table)
    remarks.contradictions(answer.contradictions)
    for said in answer.unasked:
        out.print(f"  not judged: {escape(said)}", soft_wrap=True)
    out.print(f"  by rule-set {answer.rules}, as of {answer.as_of} log entries")
    out.print(f"  {answer.notice}", soft_wrap=True)


def outcome(word: str, accepted: Sequence[AcceptedOut]) -> str:
    """Return an outcome in words, and until when it is accepted for whose names; it stays what it is."""
    waived = (f"waived for {one.namespace} until {moment(one.until)}" for one in accepted)
    return ", ".join((word.replace("_", " "), *waived))


def finding(one: FindingOut, names: Mapping[str, Sequence[str]]) -> None:
    """Print a finding with the way that its license takes."""
    remembered = "" if one.verified else " (remembered, not read)"
    out.print(
        f"  [{COLOURS[one.decides]}]{one.kind}[/] {one.severity}: {escape(one.sentence)}{remembered}",
        soft_wrap=True,
    )
    if len(one.via) > 1:
        out.print(f"    by way of {escape(path_of(one.via, names))}", soft_wrap=True)
    for waiver in one.waivers:
        when = (
            f"{'waived' if waiver.live else 'was waived'} for {waiver.namespace} until {moment(waiver.until)}"
        )
        who = f"by {', '.join(waiver.operators)}: {waiver.reason}"
        out.print(f"    {when} {escape(who)}", soft_wrap=True)


def _term(term: TermOut, answer: LicenseOut) -> tuple[str, str, str, str]:
    unsettled = "" if term.settled else "\n[yellow]unsettled[/]"
    source = called(term.via[0], answer.names[term.via[0]]) if term.inherited else "its own declaration"
    asks = ", ".join((*term.obligations, *term.restrictions)) or "nothing"
    return escape(term.license) + unsettled, escape(source), term.commercial, escape(asks)


def _rules(told: tuple[RuleOut, ...]) -> None:
    table = headed("finding", "severity", "says")
    for one in told:
        table.add_row(one.kind, one.severity, escape(one.says))
    out.print(table)
    out.print(f"rule-set {told[0].rules}")


def _list(found: tuple[KnownOut, ...]) -> None:
    table = headed("license", "commercial", "passed on", "verified", "asks")
    for one in found:
        asks = ", ".join((*one.obligations, *one.restrictions)) or "nothing"
        verified = "yes" if one.verified else "[yellow]no[/]"
        table.add_row(escape(one.license), one.commercial, one.flow_down, verified, escape(asks))
    put(table)
    out.print(f"rule-set {found[0].rules}; what was read for each, and when, is in --json; not legal advice")
