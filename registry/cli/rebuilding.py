"""The command of an independent rebuilder: judge what a registry holds, on a machine of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lineage.authority import TrustedRoot
from merger.replay import Differs, Same
from registry.cli.answering import follow
from registry.cli.making import BackendName, BackendOption, DeviceOption, computer_of
from registry.cli.session import (
    EveryOption,
    Fails,
    HomeOption,
    JsonOption,
    MemoryOption,
    ReadOption,
    ThreadsOption,
    again,
    bound,
    err,
    out,
    progress,
    warn,
)
from registry.settings import Settings
from registry.store import keys
from registry.work.pinned import keep, newer, pin
from registry.work.rebuilder import Judged, Means, NotExecutable, Rebuilder
from signing import canonical
from signing.canonical import Json
from signing.errors import Malformed

rebuilder = typer.Typer(help="Rebuild what a registry holds, independently of it.", no_args_is_help=True)


@rebuilder.callback()
def _rebuilder() -> None:
    pass


@rebuilder.command("run")
def run(
    registry: Annotated[
        str, typer.Option("--registry", metavar="URL", help="The registry to rebuild; it is not believed.")
    ],
    key: Annotated[
        Path,
        typer.Option("--key", help="Private key (PEM, mode 0600) that the registry lists as a rebuilder's."),
    ],
    root: Annotated[
        Path | None,
        typer.Option(
            "--root", help="trusted_root.json to pin, from somebody you trust; what was pinned otherwise."
        ),
    ] = None,
    first_use: Annotated[
        bool,
        typer.Option(
            "--insecure-first-use",
            help="Where nothing is pinned, pin what the registry itself says: proves nothing.",
        ),
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Judge what is due and end; so it is if --every is not given.")
    ] = False,
    every: EveryOption = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="End after this many verdicts.")
    ] = None,
    threads: ThreadsOption = 2,
    read: ReadOption = 1,
    memory: MemoryOption = None,
    backend: BackendOption = BackendName.COMPILED,
    device: DeviceOption = "cpu",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rebuild every artifact on which this key's operator has no verdict; sign and publish what comes of it.

    Exit 0 if all came out the same, 1 if any did not or could not be executed.
    """
    if once and every is not None:
        raise Malformed(f"--once ends after one look, and --every {every:g} never does: give one of them")
    # httpx is only needed here, and takes a tenth of a second to load.
    from registry.client import Remote  # noqa: PLC0415
    from registry.supply import Supply  # noqa: PLC0415

    folder, signer = home or Settings().home, keys.load(key)
    means = Means(computer_of(backend, device), threads, read, bound(memory))
    with Remote(registry) as remote:
        source = Supply(remote)

        def look() -> bool:
            kept = folder / "rebuilder" / "trusted_root.json"
            pinned = pin(kept, folder / "trusted_root.json", source, root, first_use=first_use)
            warn(pinned, source.name)
            _remark(pinned.root, newer(pinned.root, source), source.name)
            follow(remote, folder, pinned.root)
            keep(kept, pinned)
            one = Rebuilder(
                folder, source, pinned.root, signer, means,
                bar=lambda what, total: progress(what, total, quiet=as_json),
            )  # fmt: skip
            found = []
            for judged in one.run(limit):
                _tell(judged, as_json=as_json)
                found.append(judged.outcome)
            if not found and not as_json:
                out.print(
                    f"nothing is due: {one.operator} has judged all that {source.name} lists", soft_wrap=True
                )
            return all(isinstance(outcome, Same) for outcome in found)

        if not again(look, every):
            raise Fails


def _remark(root: TrustedRoot, newer: int | None, name: str) -> None:
    if newer is not None:
        err.print(
            f"note: {escape(name)} says that version {newer} of the trusted root is in force, and version"
            f" {root.version} is pinned: what newer keys sign is not believed until --root names a newer one",
            soft_wrap=True,
        )


def _tell(judged: Judged, *, as_json: bool) -> None:
    outcome = judged.outcome
    differs = outcome.names() if isinstance(outcome, Differs) else ()
    why = outcome.why if isinstance(outcome, NotExecutable) else None
    word = "not executable" if why is not None else "differs" if differs else "the same bytes"
    entry = None if judged.receipt is None else judged.receipt.entry
    value: Json = {
        "artifact": judged.artifact,
        "build": judged.build,
        "outcome": "not executable" if why is not None else "failed" if differs else "passed",
        "differs": list(differs),
        "why": why,
        "entry": entry,
    }
    if as_json:
        typer.echo(canonical.encode(value))
        return
    colour = "yellow" if why is not None else "red" if differs else "green"
    out.print(f"[bold {colour}]{word}[/]  {judged.artifact}, provenance {judged.build[:12]}", soft_wrap=True)
    for name in differs:
        out.print(f"  {name}", markup=False, soft_wrap=True)
    if why is not None:
        out.print(f"  {why}; no verdict is given", markup=False, soft_wrap=True)
    if judged.receipt is not None:
        out.print(f"  verdict signed, and logged there as entry {judged.receipt.index}")
