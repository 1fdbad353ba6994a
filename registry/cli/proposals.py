"""Versions of the trusted root on their way: signed by one operator after another, then logged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lineage.authority import TrustedRoot
from registry.cli.session import HomeOption, JsonOption, counted, home_at, key_at, kind_of, out, say
from registry.cli.tables import moment
from registry.home import Home
from registry.work import roots
from signing.canonical import Json
from signing.dsse import Envelope
from signing.errors import Malformed
from signing.statement import Statement

app = typer.Typer()

_SHOWN = 8


@app.command()
def sign(
    file: Annotated[Path, typer.Argument(help="A proposal, as --out wrote it.")],
    key: Annotated[
        str | None, typer.Option(help="Private key in PEM, or env://NAME; this home's otherwise.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a root key's signature to a proposal, after showing what it changes."""
    opened = home_at(home)
    signer = opened.keys("root") if key is None else key_at(key)
    signed = roots.countersign(opened, Envelope.parse(file.read_bytes()), signer)
    _write(file, signed)
    _show(opened, signed, file, as_json=as_json)


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(help="A proposal that enough operators have signed.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Log a proposal; from its entry on it is in force."""
    opened = home_at(home)
    _submit(opened, roots.proposal(opened, Envelope.parse(file.read_bytes())), as_json=as_json)


def change(home: Home, following: TrustedRoot, to: Path | None, *, as_json: bool) -> bool:
    """Log a version if this home's signature is enough and no file is asked for; return whether it was."""
    proposed = roots.propose(home, following)
    if to is None and len(proposed.operators) < proposed.needed:
        raise Malformed(
            f"{counted(proposed.needed, 'operator')} must sign version {following.version}, and this home signs as"
            f" {', '.join(proposed.operators) or 'none of them'}: write it with --out FILE for the others"
        )
    if to is None:
        _submit(home, proposed, as_json=as_json)
        return True
    _write(to, proposed)
    _show(home, proposed, to, as_json=as_json)
    return False


def _submit(home: Home, proposed: roots.Proposal, *, as_json: bool) -> None:
    receipt = roots.submit(home, proposed)
    gone = roots.fallen(home, receipt)

    def table() -> None:
        out.print(
            f"version {proposed.following.version} of the trusted root is in force since entry {receipt.index}"
        )
        if gone:
            out.print(
                f"[yellow]{counted(len(gone), 'statement')} made after the key's end no longer count:[/]"
            )
        for one in gone[:_SHOWN]:
            out.print(f"  {one.index}  {_what(one.envelope)}  {one.entry[:16]}")
        if len(gone) > _SHOWN:
            out.print(f"  and {len(gone) - _SHOWN} more; `studbook log show` marks them")

    value: Json = {
        "version": proposed.following.version,
        "entry": receipt.entry,
        "index": receipt.index,
        "voided": [one.index for one in gone],
    }
    say(as_json, value, table)


def _show(home: Home, proposed: roots.Proposal, file: Path, *, as_json: bool) -> None:
    """Say what a proposal changes and who has signed it."""
    root = home.root()
    before = {key.public.id: key for key in root.keys}
    changes = [
        f"{'adds' if key.public.id not in before else 'ends'} the key {key.public.id[:16]} of {key.operator}"
        f" ({', '.join(key.roles)}){'' if key.valid_for.end is None else f' at {moment(key.valid_for.end)}'}"
        for key in proposed.following.keys
        if before.get(key.public.id) != key
    ]
    if proposed.following.threshold != root.threshold:
        changes.append(
            f"asks for {counted(proposed.following.threshold, 'operator')}, {root.threshold} before"
        )
    left = max(0, proposed.needed - len(proposed.operators))

    def table() -> None:
        out.print(
            f"{escape(str(file))}: version {proposed.following.version} of the trusted root", soft_wrap=True
        )
        for change in changes:
            out.print(f"  {escape(change)}", soft_wrap=True)
        then = (
            f"`studbook root submit {file}` logs it"
            if not left
            else f"{counted(left, 'operator')} more must sign"
        )
        out.print(f"  signed by {', '.join(proposed.operators) or 'nobody'}; {escape(then)}", soft_wrap=True)

    value: Json = {
        "version": proposed.following.version,
        "changes": list(changes),
        "signed": list(proposed.operators),
        "needed": proposed.needed,
    }
    say(as_json, value, table)


def _write(to: Path, proposed: roots.Proposal) -> None:
    to.write_bytes(proposed.envelope.encode() + b"\n")


def _what(envelope: bytes | None) -> str:
    return (
        "removed"
        if envelope is None
        else kind_of(Statement.parse(Envelope.parse(envelope).payload).predicate_type)
    )
