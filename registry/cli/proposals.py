"""Changes that the holders of the root make: signed by one operator after another where several must, then logged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lineage.removals import Redacted
from registry.cli import proposed as words
from registry.cli.session import (
    Fails,
    HomeOption,
    JsonOption,
    counted,
    err,
    home_at,
    key_at,
    out,
    say,
)
from registry.home import Home
from registry.work import proposals
from registry.work.proposals import Change, Proposal
from signing.canonical import Json
from signing.dsse import Envelope
from signing.errors import Malformed

app = typer.Typer()

OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Write the signed proposal there instead of logging it; others add to it."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before words are removed for ever.")]


@app.command()
def sign(
    file: Annotated[Path, typer.Argument(help="A proposal, as --out wrote it.")],
    key: Annotated[
        str | None, typer.Option(help="Private key in PEM, or env://NAME; this home's otherwise.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a root key's signature to a proposal: a version of the trusted root, or a redaction. Says what it changes."""
    opened = home_at(home)
    signer = opened.keys("root") if key is None else key_at(key)
    signed = proposals.countersign(opened, Envelope.parse(file.read_bytes()), signer)
    _write(file, signed)
    _show(opened, signed, file, as_json=as_json)


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(help="A proposal that enough operators have signed.")],
    yes: YesOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Log a proposal; from its entry on it is in force."""
    opened = home_at(home)
    proposed = proposals.proposal(opened, Envelope.parse(file.read_bytes()))
    _submit(opened, proposed, yes=yes, as_json=as_json)


def change(home: Home, wanted: Change, to: Path | None, *, as_json: bool, yes: bool = False) -> bool:
    """Log a change if this home's signature is enough and no file is asked for; return whether it was."""
    proposed = proposals.propose(home, wanted)
    if to is None and proposed.lacking:
        raise Malformed(
            f"{counted(proposed.needed, 'operator')} must sign {words.name(wanted)}, and this home signs as"
            f" {', '.join(proposed.operators) or 'none of them'}: write it with --out FILE for the others"
        )
    if to is None:
        _submit(home, proposed, yes=yes, as_json=as_json)
        return True
    _write(to, proposed)
    _show(home, proposed, to, as_json=as_json)
    return False


def _submit(home: Home, proposed: Proposal, *, yes: bool, as_json: bool) -> None:
    """Log a change and say what came of it; what cannot be taken back in any way is asked for first."""
    if isinstance(proposed.change, Redacted) and not yes and not proposed.lacking:
        for line in words.changes(home, proposed.change).lines:
            err.print(escape(line), soft_wrap=True)
        if not typer.confirm("remove it?", err=True):
            raise Fails
    done = words.outcome(home, proposed.change, proposals.submit(home, proposed))

    def table() -> None:
        for line in done.lines:
            out.print(escape(line), soft_wrap=True)

    for note in done.notes:
        err.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)
    say(as_json, done.value, table)


def _show(home: Home, proposed: Proposal, file: Path, *, as_json: bool) -> None:
    """Say what a proposal changes and who has signed it."""
    told = words.changes(home, proposed.change)

    def table() -> None:
        out.print(f"{escape(str(file))}: {words.name(proposed.change)}", soft_wrap=True)
        for line in told.lines:
            out.print(f"  {escape(line)}", soft_wrap=True)
        then = (
            f"{counted(proposed.lacking, 'operator')} more must sign"
            if proposed.lacking
            else f"`studbook root submit {file}` logs it"
        )
        out.print(f"  signed by {', '.join(proposed.operators) or 'nobody'}; {escape(then)}", soft_wrap=True)

    signed: dict[str, Json] = {"signed": list(proposed.operators), "needed": proposed.needed}
    say(as_json, told.value | signed, table)


def _write(to: Path, proposed: Proposal) -> None:
    to.write_bytes(proposed.envelope.encode() + b"\n")
