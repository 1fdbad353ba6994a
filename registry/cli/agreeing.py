"""What independent rebuilders agree on, and how their verdicts compare."""

from __future__ import annotations

import typer
from rich.markup import escape
from rich.table import Table

from registry.cli.answering import asked
from registry.cli.session import (
    EveryOption,
    HomeOption,
    JsonOption,
    RegistryOption,
    again,
    home_at,
    out,
    say,
)
from registry.outcomes import ContradictedOut, RebuildersOut
from registry.work.quorum import Quorum, agree
from signing.canonical import Json

app = typer.Typer()
rebuilds = typer.Typer(help="What independent rebuilders agree on.", no_args_is_help=True)


@rebuilds.callback()
def _rebuilds() -> None:
    pass


@rebuilds.command("quorum")
def quorum(every: EveryOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """State, for this registry, which provenances independent operators reproduced. Run again, it logs what is new."""
    opened = home_at(home)

    def look() -> bool:
        found = agree(opened)
        say(as_json, [_quorum(one) for one in found], lambda: _show_quorums(found))
        return True

    again(look, every)


@app.command()
def rebuilders(home: HomeOption = None, registry: RegistryOption = None, as_json: JsonOption = False) -> None:
    """Who rebuilds, how do their verdicts compare, and who passed what is known not to match?"""
    answer = asked(home, registry).rebuilders()
    say(as_json, answer, lambda: _show_rebuilders(answer))


def _quorum(found: Quorum) -> Json:
    return {
        "artifact": found.artifact,
        "build": found.build,
        "operators": list(found.operators),
        "entry": found.entry,
        "new": found.new,
    }


def _show_quorums(found: tuple[Quorum, ...]) -> None:
    if not found:
        out.print(
            "no provenance has a quorum: two operators that neither built it nor keep this log have to pass it"
        )
    for one in found:
        said = "logged now as" if one.new else "logged as"
        out.print(
            f"[bold green]reproduced[/]  {one.artifact} by {' and '.join(one.operators)}, {said} entry {one.entry[:12]}",
            soft_wrap=True,
        )


def _show_rebuilders(answer: RebuildersOut) -> None:
    if answer.rebuilders:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for column in ("rebuilder", "passed", "failed", "with the majority"):
            table.add_column(column)
        for one in answer.rebuilders:
            table.add_row(one.operator, str(one.passed), str(one.failed), f"{one.agreed} of {one.compared}")
        out.print(table)
    else:
        out.print("nobody has rebuilt anything")
    for one in answer.rebuilders:
        for against in one.passed_mismatches:
            _contradicted(one.operator, "passed", "failed", against)
        for against in one.failed_matches:
            _contradicted(one.operator, "failed", "passed", against)
    out.print(f"as of {answer.as_of} log entries")


def _contradicted(operator: str, said: str, others: str, against: ContradictedOut) -> None:
    out.print(
        f"[bold red]{operator}[/] {said} {against.artifact}, and {' and '.join(against.by)} {others} it",
        soft_wrap=True,
    )
    out.print(
        f"  provenance {against.build[:12]}; different, it is said: {escape(', '.join(against.differs))}",
        soft_wrap=True,
    )
