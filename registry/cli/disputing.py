"""The command by which an owner says that an incident is not so: incident dispute."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lineage.predicates import dispute as dispute_predicate
from registry import afar
from registry.cli.answering import answers_of, remote_at
from registry.cli.incidents import Which, named, one_of
from registry.cli.session import HomeOption, JsonOption, RegistryOption, home_at, key_at, out, say
from registry.publish import publish
from registry.work.disputes import owned
from registry.work.owners import owners
from signing import dsse
from signing.canonical import Json
from signing.digest import parse_id

app = typer.Typer()


@app.command()
def dispute(
    which: Which,
    text: Annotated[str, typer.Option(help="Why it is not so, in one line.")],
    artifact: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="For which artifact of yours, if it reaches several; with --registry, a full id.",
        ),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="What bears it out: its SHA-256 is logged, and the file is yours to keep."
        ),
    ] = None,
    operator: Annotated[
        str | None, typer.Option(help="As whom, with --key; this home's publisher otherwise.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(metavar="PEM", help="Private key of whoever registered it: a file, or env://NAME."),
    ] = None,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say, as the owner of an artifact that an incident reaches, that it is not so. It is shown beside the incident, and moves no flag."""
    opened = home_at(home)
    signer = opened.keys("publisher") if key is None else key_at(key)
    whose = operator or opened.operator("publisher")
    remote = None if registry is None else remote_at(registry, home)
    if remote is None:
        incident = named(opened, which).id
        found = owners(opened, incident)
        meant = None if artifact is None else answers_of(opened).resolve(artifact)
    else:
        incident = one_of(remote.incidents(), which).id
        found = afar.owners(remote, incident)
        # What a registry says that a name means is its word: whoever signs names the artifact by its id.
        meant = None if artifact is None else f"sha256:{parse_id(artifact)}"
    about = owned(found, whose, meant)
    digest = None if evidence is None else _digest(evidence)
    said = dispute_predicate.statement(incident, about, text, digest, opened.now())
    raw = dsse.sign(said.encode(), [signer]).encode()
    receipt = publish(opened.writer(), raw) if remote is None else remote.publish(raw)

    def show() -> None:
        out.print(
            f"incident {incident[:12]} disputed by {escape(whose)}, entry {receipt.index}", soft_wrap=True
        )
        out.print(f"  for {about}; it stands beside the incident, and flags stay", soft_wrap=True)

    value: Json = {"incident": incident, "artifact": about, "evidence": digest, "index": receipt.index}
    say(as_json, value, show)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
