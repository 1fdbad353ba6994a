"""Confirming an incident: by one operator, or by one after another where one alone may not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from registry.cli.incidents import ReasonOption, Which, named, warn_alone
from registry.cli.session import HomeOption, JsonOption, counted, home_at, key_at, out, say
from registry.home import Home
from registry.work import cosigning
from registry.work.cosigning import Confirmation
from signing.canonical import Json
from signing.dsse import Envelope

app = typer.Typer()

FileArgument = Annotated[Path, typer.Argument(help="A confirmation, as `confirm --out` wrote it.")]


@app.command()
def confirm(
    which: Which,
    reason: ReasonOption,
    to: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Write it there instead of logging it; another operator signs it besides."
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that a reported incident was looked into and is so: what it reaches is refused, not only warned of.

    One that flags many artifacts takes the signatures of two operators: write it with --out for the other one.
    """
    opened = home_at(home)
    proposed = cosigning.propose(opened, named(opened, which).id, reason)
    if to is None:
        _submit(opened, proposed, as_json=as_json)
        return
    _write(to, proposed)
    _show(proposed, to, as_json=as_json)


@app.command()
def sign(
    file: FileArgument,
    key: Annotated[
        str | None, typer.Option(help="Private key in PEM, or env://NAME; this home's otherwise.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a security key's signature to the confirmation of an incident. Says what it confirms and how much that flags."""
    opened = home_at(home)
    signer = opened.keys("security") if key is None else key_at(key)
    signed = cosigning.countersign(opened, Envelope.parse(file.read_bytes()), signer)
    _write(file, signed)
    _show(signed, file, as_json=as_json)


@app.command()
def submit(file: FileArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Log the confirmation of an incident that enough operators have signed."""
    opened = home_at(home)
    _submit(opened, cosigning.read(opened, Envelope.parse(file.read_bytes())), as_json=as_json)


def _submit(home: Home, proposed: Confirmation, *, as_json: bool) -> None:
    found = proposed.incident.id
    receipt = cosigning.submit(home, proposed)
    value: Json = {"incident": found, "stage": "confirmed", "index": receipt.index}
    say(as_json, value, lambda: out.print(f"incident {found[:12]} confirmed, entry {receipt.index}"))
    warn_alone(home, found)


def _show(proposed: Confirmation, file: Path, *, as_json: bool) -> None:
    one = proposed.incident

    def table() -> None:
        out.print(f"{escape(str(file))}: confirms incident {one.id[:12]}", soft_wrap=True)
        out.print(f"  {one.what}, {one.severity}, {one.stage}: {escape(one.summary)}", soft_wrap=True)
        out.print(f"  because {escape(proposed.reason)}", soft_wrap=True)
        out.print(f"  flags {counted(proposed.flags, 'artifact')}", soft_wrap=True)
        then = (
            f"{' or '.join(proposed.others)} must sign too: `studbook incident sign {file}`"
            if proposed.lacking
            else f"`studbook incident submit {file}` logs it"
        )
        out.print(f"  signed by {', '.join(proposed.operators) or 'nobody'}; {escape(then)}", soft_wrap=True)

    value: Json = {
        "incident": one.id,
        "reason": proposed.reason,
        "flags": proposed.flags,
        "signed": list(proposed.operators),
        "needed": proposed.needed,
        "others": list(proposed.others),
    }
    say(as_json, value, table)


def _write(to: Path, proposed: Confirmation) -> None:
    to.write_bytes(proposed.envelope.encode() + b"\n")
