"""The command that puts everything about an artifact and its descendants on one signed page, dossier; and how one is checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lineage.authority import TrustedRoot
from registry import afar
from registry.cli.answering import answers_of, remote_at
from registry.cli.asking import Ref
from registry.cli.session import (
    Fails,
    HomeOption,
    JsonOption,
    RegistryOption,
    home_at,
    key_at,
    out,
    say,
)
from registry.page import page
from registry.settings import now
from registry.work.dossier import compiled, signed, vouched
from signing.canonical import Json
from signing.digest import sha256_hex
from signing.errors import Untrusted

app = typer.Typer()

SizeOption = Annotated[int | None, typer.Option(metavar="N", min=1, help="As of the log's first N entries.")]


@app.command("dossier")
def compile_dossier(
    ref: Ref,
    to: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="New folder for dossier.html and dossier.json.")
    ],
    as_of: SizeOption = None,
    since: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Say what changed since the log had N entries."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="PEM",
            help="Private key of whoever signs it: a file, or env://NAME; the home's publisher key otherwise.",
        ),
    ] = None,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put what is known of an artifact and everything made of it on one page, signed by the publisher key."""
    signer = home_at(home).keys("publisher") if key is None else key_at(key)
    said: Mapping[str, Json]
    if registry is None:
        opened = home_at(home)
        said = compiled(opened.store, answers_of(opened).resolve(ref), as_of, since)
    else:
        said = afar.dossier(remote_at(registry, home), ref, as_of, since).model_dump(mode="json")
    shown = page(said)
    envelope = signed(said, shown, signer)
    value = {**said, "page": sha256_hex(shown.encode())}
    to.mkdir(parents=True)
    (to / "dossier.html").write_bytes(shown.encode())
    (to / "dossier.json").write_bytes(envelope)

    def show() -> None:
        out.print(f"[bold]dossier of {escape(ref)}[/]  {said['artifact']}", soft_wrap=True)
        out.print(
            f"  dossier.html and dossier.json in {escape(str(to))}, as of {said['as_of']} log entries; signed by {signer.public.id}",
            soft_wrap=True,
        )
        if registry is not None:
            out.print(
                f"  [yellow]by the word of {escape(registry)}[/]: whoever signs it answers for it, and what it rests on is proven by `studbook bundle`",
                soft_wrap=True,
            )

    say(as_json, value, show)


def check(file: Path, meant: str | None, trusted: TrustedRoot, *, as_json: bool) -> None:
    """Check a signed dossier, and that the page beside it is the one that was signed; exit 1 if it is another."""
    found = vouched(file.read_bytes(), trusted, now())
    if meant not in {None, found.artifact}:
        raise Untrusted(f"{file} is about {found.artifact}, not about {meant}")
    beside = file.with_suffix(".html")
    same = sha256_hex(beside.read_bytes()) == found.page if beside.exists() else None
    words = {
        True: "the page beside it is the one",
        False: "the page beside it is another",
        None: "no page is beside it",
    }
    value: dict[str, Json] = {
        "holds": same is not False,
        "artifact": found.artifact,
        "operators": list(found.operators),
        "log": found.log,
        "as_of": found.as_of,
        "page": same,
    }

    def show() -> None:
        word = "[bold red]does not hold[/]" if same is False else "[bold green]holds[/]"
        out.print(
            f"{word}  dossier of {found.artifact}, signed by {', '.join(found.operators)}; {words[same]}",
            soft_wrap=True,
        )
        out.print(
            f"  as of {found.as_of} entries of {escape(found.log)}; what it says is theirs to answer for, and proven by bundles",
            soft_wrap=True,
        )

    say(as_json, value, show)
    if same is False:
        raise Fails
