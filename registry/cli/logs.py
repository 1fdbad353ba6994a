"""The log: is it intact, did it only grow, what does it hold, and proofs that need no registry to check."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lineage import predicates
from lineage.facts import about
from registry import fsck as checking
from registry.cli import redacting
from registry.cli.answering import answers_of
from registry.cli.session import (
    Fails,
    HomeOption,
    JsonOption,
    counted,
    err,
    home_at,
    kind_of,
    out,
    say,
    short,
)
from registry.store import Absent, log, tenure, tree
from registry.store.log import Logged
from signing import canonical, merkle
from signing.bundle import Bundle
from signing.canonical import Json
from signing.checkpoint import Checkpoint
from signing.dsse import Envelope
from signing.errors import Malformed
from signing.log import Leaf
from signing.proof import Proof
from signing.statement import Statement

app = typer.Typer(
    help="Check, list and prove the log; follow and copy somebody else's.", no_args_is_help=True
)
app.registered_commands += redacting.app.registered_commands


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
        ended = tenure.ended(connection)
        rows = [_row(one, ended.get(one.index)) for one in log.scan(connection, start, end)]
        note = log.newest(connection).decode()

    def table() -> None:
        grid = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for column in ("index", "logged", "statement", "about", "entry", "void" if ended else ""):
            grid.add_column(column, no_wrap=True)
        for row in rows:
            grid.add_row(
                str(row["index"]),
                str(row["time"])[:16],
                kind_of(str(row["statement"])),
                ", ".join(map(short, row["about"])),  # type: ignore[arg-type] # a list of ids, by _row
                str(row["entry"])[:8],
                "" if row["void_since"] is None else str(row["void_since"]),
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
    tlog_proof: Annotated[
        bool,
        typer.Option("--tlog-proof", help="One entry as a C2SP tlog-proof, which other logs' tools read."),
    ] = False,
    home: HomeOption = None,
) -> None:
    """Write offline-verifiable bundles, one JSON line each; `studbook verify FILE` checks them anywhere."""
    opened = home_at(home)
    with opened.store.reading() as connection:
        bundles = [log.bundle(connection, index).encode() for index in log.named(connection, what)]
    if not bundles:
        local = answers_of(opened)
        bundles = list(local.bundles(local.resolve(what)))
    if not bundles:
        raise Absent(f"{what} is no entry of this log")
    written = _tlog_proof(what, bundles) if tlog_proof else b"".join(line + b"\n" for line in bundles)
    kind = "proof" if tlog_proof else "bundle"
    if to is None:
        typer.echo(written.decode(), nl=False)
    else:
        to.write_bytes(written)
        err.print(f"{counted(len(bundles), kind)} written to {escape(str(to))}", soft_wrap=True)


@app.command()
def consistency(
    old: Annotated[int, typer.Argument(min=1, max=2**53, help="Entries that an earlier checkpoint covers.")],
    new: Annotated[int, typer.Argument(min=1, max=2**53, help="Entries that a later checkpoint covers.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that the log at one checkpoint continues it at another. Exit 1 if it does not."""
    opened = home_at(home)
    root = opened.root()
    with opened.store.reading() as connection:
        notes = [log.note(connection, size) for size in (old, new)]
        first, second = (Checkpoint.opened(note, root.origin, root.log().public) for note in notes)
        proof = tree.consistency(connection, old, new)
    merkle.check_consistency(old, new, first.root, second.root, proof)

    def show() -> None:
        out.print(
            f"[bold green]continues[/]  {new} entries begin with the {old} that were signed before",
            soft_wrap=True,
        )
        for seen in (first, second):
            out.print(f"  root of {seen.size}: {seen.root.hex()}", soft_wrap=True)
        for one in proof:
            out.print(f"  {canonical.to_base64(one)}", soft_wrap=True)

    value: dict[str, Json] = {
        "old": old,
        "new": new,
        "roots": [first.root.hex(), second.root.hex()],
        "proof": [canonical.to_base64(one) for one in proof],
        "checkpoints": [note.decode() for note in notes],
    }
    say(as_json, value, show)


def _tlog_proof(what: str, bundles: Sequence[bytes]) -> bytes:
    """Return the one bundle as a proof file; the leaf's bytes are its extra data."""
    if len(bundles) > 1:
        indexes = ", ".join(str(Bundle.parse(one).index) for one in bundles)
        raise Malformed(
            f"a tlog-proof is of one entry, and {what} means the entries {indexes}; name one of them"
        )
    bundle = Bundle.parse(bundles[0])
    return Proof(bundle.index, bundle.proof, bundle.checkpoint, bundle.leaf.encode()).encode()


def _row(logged: Logged, void_since: int | None) -> dict[str, Json]:
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
        "void_since": void_since,
    }
