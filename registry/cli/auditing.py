"""Somebody else's log: follow it, copy it, and convict it of a fork. What is trusted is what was pinned beforehand."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from lineage.authority import TrustedRoot
from registry.cli.session import (
    HomeOption,
    JsonOption,
    RootOption,
    again,
    out,
    pinned,
    progress,
    say,
    warn,
)
from registry.settings import Settings
from registry.work import misstated
from registry.work.audit import Audit, Entry
from registry.work.memory import Notebook
from registry.work.mirror import Mirror
from registry.work.misstated import Misstated
from registry.work.pinned import Pinned, keep, pin
from signing import canonical
from signing.canonical import Json
from signing.errors import Malformed
from signing.fork import Fork, check

if TYPE_CHECKING:
    from registry.tlog import RemoteLog

app = typer.Typer()

# A log signs for what it has taken within milliseconds, unless its process was stopped in between.
_PAUSE = 1.0

Url = Annotated[str, typer.Argument(metavar="URL", help="A registry, or files that `log mirror` made.")]
FirstUseOption = Annotated[
    bool,
    typer.Option(
        "--insecure-first-use",
        help="Pin the trusted root that the log itself serves, on its word alone, unless one is pinned already.",
    ),
]
FollowOption = Annotated[
    int | None,
    typer.Option("--follow", metavar="SECONDS", min=1, help="Look again after so many seconds, for ever."),
]


@app.command()
def audit(
    url: Url,
    state: Annotated[
        Path | None,
        typer.Option("--state", help="Folder that remembers the log; one beside the home otherwise."),
    ] = None,
    follow: FollowOption = None,
    root: RootOption = None,
    insecure_first_use: FirstUseOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify everything new in somebody's log, and that it only grew since last time. Exit 1 if anything does not hold."""
    # httpx is only needed for this, and takes a tenth of a second to load.
    from registry.tlog import RemoteLog  # noqa: PLC0415

    with RemoteLog(url) as log:
        notebook = Notebook(state) if state else Notebook.beside(home or Settings().home, log.name)

        def look() -> bool:
            # Held for one look at a time: between two, other commands read from the same registry.
            with notebook.held():
                found = _trusted(log, notebook, root, home, insecure_first_use)
                return _look(log, found, notebook, as_json)

        again(look, follow)


@app.command()
def mirror(
    url: Url,
    folder: Annotated[Path, typer.Argument(help="Folder for the copy: an empty one, or an earlier copy.")],
    root: RootOption = None,
    insecure_first_use: FirstUseOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy somebody's log as files that any web server can hand out, each verified. Run again, it fetches what is new."""
    from registry.tlog import RemoteLog  # noqa: PLC0415 - see above

    copy = Mirror(folder)
    with RemoteLog(url) as log, copy.notebook.held():
        found = _trusted(log, copy.notebook, root, home, insecure_first_use)
        audited = Audit(log, found.root, copy.notebook, copy.envelopes, _pause)
        before = audited.memory.size
        with progress("copying", audited.seen.size - before, quiet=as_json, in_bytes=False) as advance:
            copy.renew(audited, advance)
        keep(copy.notebook.pinned, found)

    def show() -> None:
        out.print(
            f"[bold green]complete[/]  {escape(str(folder))} holds all {audited.seen.size} entries of"
            f" {escape(audited.seen.origin)}; {audited.seen.size - before} are new",
            soft_wrap=True,
        )

    say(as_json, {**_value(audited, before), "folder": str(folder)}, show)


@app.command()
def evidence(
    file: Annotated[Path, typer.Argument(help="The fork-….json or redaction-….json that an audit left.")],
    root: RootOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Does this file prove that a log signed two histories, or took a false account of what was removed? Exit 1 if not."""
    trusted, raw = pinned(root, home), _bounded(file).strip()
    match canonical.decode(raw):
        case {"redaction": _}:
            _misstated(Misstated.parse(raw), trusted, as_json)
        case _:
            _forked(Fork.parse(raw), trusted, as_json)


def _bounded(file: Path) -> bytes:
    """Return the bytes of a file of evidence, of either kind, unless no evidence is as long."""
    with file.open("rb") as opened:
        raw = opened.read(misstated.MAX_BYTES + 1)
    if len(raw) > misstated.MAX_BYTES:
        raise Malformed(f"{file} has more than {misstated.MAX_BYTES} bytes, and no evidence has")
    return raw


def _misstated(evidence: Misstated, trusted: TrustedRoot, as_json: bool) -> None:
    proof, difference = misstated.check(evidence, trusted)
    (removed,) = proof.proven.statement.subjects

    def show() -> None:
        out.print(
            f"[bold red]misstated[/]  {escape(trusted.origin)} logged as entry {proof.proven.index} a redaction, signed by"
            f" {', '.join(proof.operators)}, that misstates entry {removed.sha256}, which it removes: {escape(difference)}",
            soft_wrap=True,
        )

    value: dict[str, Json] = {
        "log": trusted.origin,
        "redaction": proof.proven.index,
        "signed": list(proof.operators),
        "removed": removed.sha256,
        "difference": difference,
    }
    say(as_json, value, show)


def _forked(evidence: Fork, trusted: TrustedRoot, as_json: bool) -> None:
    first, second = check(evidence, trusted.origin, trusted.log().public)
    roots = [one.root.hex() for one in (first, second)]

    def show() -> None:
        out.print(
            f"[bold red]forked[/]  {escape(trusted.origin)} signed two histories: {first.size} entries with the root"
            f" {roots[0]}, and {second.size} with the root {roots[1]}",
            soft_wrap=True,
        )

    value: dict[str, Json] = {
        "log": trusted.origin,
        "sizes": [first.size, second.size],
        "roots": [*roots],
    }
    say(as_json, value, show)


def _look(log: RemoteLog, found: Pinned, notebook: Notebook, as_json: bool) -> bool:
    """Audit once, and say what was found: it holds, or this refuses."""
    audited = Audit(log, found.root, notebook, pause=_pause)
    before = audited.memory.size
    with progress("verifying", audited.seen.size - before, quiet=as_json, in_bytes=False) as advance:
        for one in audited.entries():
            if isinstance(one, Entry):
                advance(1)
    keep(notebook.pinned, found)
    seen, version = audited.seen, len(audited.memory.roots)

    def show() -> None:
        out.print(
            f"[bold green]holds[/]  {escape(seen.origin)} has {seen.size} entries under version {version} of its trusted"
            f" root; {seen.size - before} are new",
            soft_wrap=True,
        )
        out.print(f"  root {seen.root.hex()}, remembered in {escape(str(notebook.folder))}", soft_wrap=True)

    say(as_json, {**_value(audited, before), "state": str(notebook.folder)}, show)
    return True


def _pause() -> None:
    time.sleep(_PAUSE)


def _value(audited: Audit, before: int) -> dict[str, Json]:
    seen = audited.seen
    return {
        "log": seen.origin,
        "size": seen.size,
        "root": seen.root.hex(),
        "verified": seen.size - before,
        "trusted_root": len(audited.memory.roots),
    }


def _trusted(
    log: RemoteLog, notebook: Notebook, root: Path | None, home: Path | None, first_use: bool
) -> Pinned:
    """Return the trusted root to judge this log by; what it serves itself is never taken in silence."""
    own = (home or Settings().home) / "trusted_root.json"
    found = pin(notebook.pinned, own, log, root, first_use=first_use)
    warn(found, log.name)
    return found
