"""The command that puts everything about an artifact and its descendants on one signed page, dossier; and how one is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lineage.authority import TrustedRoot
from lineage.dossier import URI, dossier
from lineage.subjects import Pedigree
from registry.cli.asking import Ref
from registry.cli.session import Fails, HomeOption, JsonOption, home_at, out, say
from registry.page import page
from registry.settings import now
from registry.store import Absent, refs, subjects
from registry.work.dossier import vouched
from signing import dsse
from signing.canonical import Json
from signing.digest import parse_id, sha256_hex
from signing.errors import Refused, Untrusted
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
        found = subjects.pedigree(connection, artifact, size=as_of)
        before = None if since is None else subjects.pedigree(connection, artifact, size=since)
        responsible = subjects.responsible(connection, {edge.entry for edge in found.edges}, found.at.size)
    for one in (found, *([before] if before else [])):
        _insist(one)
    if before is not None and before.at.size > found.at.size:
        raise Refused(f"--since {since} is no earlier size of the log than {found.at.size}")
    said = dossier(found, responsible, before)
    shown = page(said).encode()
    # The page's digest stands in what is signed, so one signature covers both files.
    value: dict[str, Json] = {**said, "page": sha256_hex(shown)}
    statement = Statement((Subject(artifact, parse_id(artifact)),), URI, value)
    envelope = dsse.sign(statement.encode(), [key]).encode()
    if len(envelope) > dsse.MAX_BYTES:
        raise Refused(
            f"the dossier of {artifact} takes {len(envelope)} bytes, and an envelope at most {dsse.MAX_BYTES}:"
            f" {len(found.edges)} edges are too many for one page"
        )
    to.mkdir(parents=True)
    (to / "dossier.html").write_bytes(shown)
    (to / "dossier.json").write_bytes(envelope)

    def show() -> None:
        out.print(f"[bold]dossier of {escape(ref)}[/]  {artifact}", soft_wrap=True)
        out.print(
            f"  dossier.html and dossier.json in {escape(str(to))}, as of {found.at.size} log entries; signed by {key.public.id}",
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


def _insist(subject: Pedigree) -> None:
    if not subject.here.seen:
        raise Absent(
            f"nothing is known about {subject.here.id} in the first {subject.at.size} entries of the log: a dossier is"
            " about an artifact that is registered there"
        )
