"""The log: is it intact, what does it hold, and a proof of any entry that needs no registry to check."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lineage import predicates
from lineage.facts import about
from registry import fsck as checking
from registry.cli.session import (
    Fails,
    HomeOption,
    JsonOption,
    answers_of,
    counted,
    err,
    home_at,
    kind_of,
    out,
    say,
    short,
)
from registry.store import Absent, log
from registry.store.log import Logged
from signing.canonical import Json
from signing.dsse import Envelope
from signing.log import Leaf
from signing.statement import Statement

app = typer.Typer(help="Check, list and prove the log.", no_args_is_help=True)


@app.command()
def fsck(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Throw every table away, fold the log again and compare. Exit 1 if anything differs."""
    opened = home_at(home)
    with err.status("folding the log again"):
        report = checking.fsck(opened)

    def show() -> None:
        if not report.findings:
            out.print(
                f"[bold green]intact[/]  {report.size} entries folded again, every table equal; "
                f"{report.checkpoints} checkpoints verified"
            )
        for finding in report.findings:
            out.print(f"[red]found[/] {escape(finding)}", soft_wrap=True)
        for remark in report.remarks:
            out.print(escape(remark), soft_wrap=True)
        if report.waiting:
            out.print(f"{report.waiting} entries wait for their checkpoint; the next write signs it")

    value: dict[str, Json] = {
        "size": report.size,
        "checkpoints": report.checkpoints,
        "waiting": report.waiting,
        "findings": list(report.findings),
        "remarks": list(report.remarks),
    }
    say(as_json, value, show)
    if report.findings:
        raise Fails


@app.command()
def show(
    start: Annotated[int, typer.Argument(min=0, max=2**53, help="First entry.")] = 0,
    end: Annotated[int | None, typer.Argument(min=0, max=2**53, help="Entry to stop before.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List entries: when, what kind of statement, about what."""
    with home_at(home).store.reading() as connection:
        rows = [_row(one) for one in log.scan(connection, start, end)]
        note = log.newest(connection).decode()

    def table() -> None:
        grid = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for column in ("index", "logged", "statement", "about", "entry"):
            grid.add_column(column, no_wrap=True)
        for row in rows:
            grid.add_row(
                str(row["index"]),
                str(row["time"])[:16],
                kind_of(str(row["statement"])),
                ", ".join(map(short, row["about"])),  # type: ignore[arg-type] # a list of ids, by _row
                str(row["entry"])[:8],
            )
        out.print(grid)
        out.print(f"\n{escape(note.strip())}", soft_wrap=True)

    say(as_json, {"entries": rows, "checkpoint": note}, table)


@app.command()
def prove(
    what: Annotated[str, typer.Argument(help="Index or id of an entry, or an artifact.")],
    to: Annotated[
        Path | None, typer.Option("--out", help="File for the bundles; standard output otherwise.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Write offline-verifiable bundles, one JSON line each; `studbook verify FILE` checks them anywhere."""
    opened = home_at(home)
    with opened.store.reading() as connection:
        indexes = (
            (int(what),)
            if what.isascii() and what.isdecimal() and len(what) < 16
            else log.indexes(connection, what)
        )
        bundles = [log.bundle(connection, index).encode() for index in indexes]
    if not bundles:
        local = answers_of(opened)
        bundles = list(local.bundles(local.resolve(what)))
    if not bundles:
        raise Absent(f"{what} is no entry of this log")
    lines = b"".join(line + b"\n" for line in bundles)
    if to is None:
        typer.echo(lines.decode(), nl=False)
    else:
        to.write_bytes(lines)
        err.print(f"{counted(len(bundles), 'bundle')} written to {escape(str(to))}", soft_wrap=True)


def _row(logged: Logged) -> dict[str, Json]:
    leaf = Leaf.parse(logged.leaf)
    statement, artifacts = "removed by an order", list[str]()
    if logged.envelope is not None:
        said = Statement.parse(Envelope.parse(logged.envelope).payload)
        statement = said.predicate_type
        artifacts = [one for fact in predicates.facts(said, logged.entry) for one in about(fact)]
    return {
        "index": logged.index,
        "entry": logged.entry,
        "time": datetime.fromtimestamp(leaf.time, UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "statement": statement,
        "about": list(dict.fromkeys(artifacts)),
        "keys": list(leaf.keys),
    }
