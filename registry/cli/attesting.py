"""Commands that say something of an artifact in public words, and hand everything said of it to others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lineage import predicates
from registry.cli.answering import asked, remote_at
from registry.cli.asking import Ref
from registry.cli.session import (
    HomeOption,
    JsonOption,
    RegistryOption,
    counted,
    home_at,
    key_at,
    kind_of,
    out,
    say,
    short,
)
from registry.publish import publish
from registry.store.log import Receipt
from registry.work.attest import attestation
from signing import dsse
from signing.bundle import Bundle
from signing.canonical import Json
from signing.checkpoint import Checkpoint
from signing.digest import parse_id

app = typer.Typer()


@app.command()
def attest(
    ref: Ref,
    uri: Annotated[
        str,
        typer.Option(
            "--type", metavar="URI", help="What kind of statement: one that is read here, or your own."
        ),
    ],
    predicate: Annotated[
        Path, typer.Option(metavar="FILE", help="What is said: a file with one JSON object.")
    ],
    key: Annotated[
        str | None,
        typer.Option(
            metavar="PEM",
            help="Private key of whoever says it: a file, or env://NAME; the home's own otherwise.",
        ),
    ] = None,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say something of an artifact: sign a predicate of any type and log it. With --registry, REF is a full id."""
    # What a registry says that a name means is its word: whoever signs names the artifact by its id.
    artifact = asked(home, None).resolve(ref) if registry is None else f"sha256:{parse_id(ref)}"
    statement = attestation(artifact, uri, predicate)
    signer = home_at(home).keys(predicates.roles(uri)[0]) if key is None else key_at(key)
    receipt = _logged(dsse.sign(statement.encode(), [signer]).encode(), home, registry)
    read = uri in predicates.discovered()

    def show() -> None:
        out.print(
            f"[bold]{escape(kind_of(uri))}[/] about {short(artifact)}  logged as entry {receipt.index}",
            soft_wrap=True,
        )
        out.print(f"  entry {receipt.entry}")
        if not read:
            out.print(
                f"  nobody here reads {escape(uri)}: it is kept and shown, and changes no answer",
                soft_wrap=True,
            )

    value: dict[str, Json] = {
        "artifact": artifact,
        "type": uri,
        "read": read,
        "entry": receipt.entry,
        "index": receipt.index,
    }
    say(as_json, value, show)


@app.command()
def bundle(
    ref: Ref,
    to: Annotated[
        Path | None, typer.Option("--out", help="File to write; standard output otherwise.")
    ] = None,
    ancestors: Annotated[
        bool,
        typer.Option("--ancestors/--no-ancestors", help="With what is said of its ancestors, or without."),
    ] = True,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write everything said of an artifact and its ancestors as one file, which `studbook verify` checks anywhere."""
    lines = asked(home, registry).bundle(ref, ancestors=ancestors)
    if to is None:
        typer.echo(b"".join(line + b"\n" for line in lines), nl=False)
        return
    to.write_bytes(b"".join(line + b"\n" for line in lines))
    # The note's signature is for whoever verifies the file.
    text, _, _ = Bundle.parse(lines[0]).checkpoint.decode().partition("\n\n")
    size = Checkpoint.parse(f"{text}\n").size

    def show() -> None:
        out.print(
            f"{counted(len(lines), 'bundle')} written to {escape(str(to))}, as of {size} log entries",
            soft_wrap=True,
        )
        out.print(
            f"  whoever pinned the trusted root checks them with: studbook verify {escape(to.name)} --root trusted_root.json",
            soft_wrap=True,
        )

    value: dict[str, Json] = {"file": str(to), "bundles": len(lines), "as_of": size}
    say(as_json, value, show)


def _logged(raw: bytes, home: Path | None, registry: str | None) -> Receipt:
    """Log a signed statement here or at a registry."""
    if registry is None:
        return publish(home_at(home).writer(), raw)
    with remote_at(registry, home) as remote:
        return remote.publish(raw)
