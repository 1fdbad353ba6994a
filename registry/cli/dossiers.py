"""The command that puts everything about an artifact and its descendants on one signed page: dossier."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lineage.dossier import URI, dossier
from lineage.subjects import Pedigree
from registry.cli.asking import Ref
from registry.cli.session import HomeOption, JsonOption, home_at, out, say
from registry.page import page
from registry.store import Absent, refs, subjects
from signing import dsse
from signing.canonical import Json
from signing.digest import parse_id, sha256_hex
from signing.errors import Refused
from signing.statement import Statement, Subject

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
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put what is known of an artifact and everything made of it on one page, signed by the publisher key."""
    opened = home_at(home)
    key = opened.keys("publisher")
    with opened.store.reading() as connection:
        artifact = refs.resolve(connection, ref)
        now = subjects.pedigree(connection, artifact, size=as_of)
        before = None if since is None else subjects.pedigree(connection, artifact, size=since)
        responsible = subjects.responsible(connection, {edge.entry for edge in now.edges}, now.at.size)
    for one in (now, *([before] if before else [])):
        _check(one)
    if before is not None and before.at.size > now.at.size:
        raise Refused(f"--since {since} is no earlier size of the log than {now.at.size}")
    said = dossier(now, responsible, before)
    shown = page(said).encode()
    # The page's digest stands in what is signed, so one signature covers both files.
    value: dict[str, Json] = {**said, "page": sha256_hex(shown)}
    statement = Statement((Subject(artifact, parse_id(artifact)),), URI, value)
    envelope = dsse.sign(statement.encode(), [key]).encode()
    to.mkdir(parents=True)
    (to / "dossier.html").write_bytes(shown)
    (to / "dossier.json").write_bytes(envelope)

    def show() -> None:
        out.print(f"[bold]dossier of {escape(ref)}[/]  {artifact}", soft_wrap=True)
        out.print(
            f"  dossier.html and dossier.json in {escape(str(to))}, as of {now.at.size} log entries; signed by {key.public.id}",
            soft_wrap=True,
        )

    say(as_json, value, show)


def _check(subject: Pedigree) -> None:
    if not subject.here.seen:
        raise Absent(
            f"nothing is known about {subject.here.id} in the first {subject.at.size} entries of the log: a dossier is"
            " about an artifact that is registered there"
        )
