"""Commands that compute: merge a recipe, rebuild an artifact."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from merger.replay import Differs
from registry.cli import checking
from registry.cli.session import (
    Fails,
    HomeOption,
    JsonOption,
    MemoryOption,
    ReadOption,
    ThreadsOption,
    bound,
    counted,
    err,
    home_at,
    out,
    progress,
    say,
)
from registry.work import rebuild as rebuilding
from registry.work.chain import links
from registry.work.engine import NUMPY, Computer, compiling, torch_on
from registry.work.make import make
from registry.work.terms import RECIPE_LIMIT
from signing.canonical import Json
from signing.errors import Malformed

app = typer.Typer()


class BackendName(StrEnum):
    """Which library computes; the bytes are the same."""

    COMPILED = "compiled"
    NUMPY = "numpy"
    TORCH = "torch"


BackendOption = Annotated[BackendName, typer.Option("--backend", help="Library that computes; same bytes.")]
DeviceOption = Annotated[
    str, typer.Option("--device", help="Device of the torch backend, such as cpu or cuda:0.")
]


@app.command()
def merge(
    recipe: Annotated[Path, typer.Argument(help="Recipe: mergekit YAML or canonical JSON.")],
    target: Annotated[Path, typer.Option("--out", help="New folder for the result.")],
    name: Annotated[str | None, typer.Option(help="namespace/name, or namespace/name@revision.")] = None,
    seed: Annotated[str | None, typer.Option(help="Seed of random masks, where the recipe has none.")] = None,
    threads: ThreadsOption = 2,
    read: ReadOption = 1,
    memory: MemoryOption = None,
    backend: BackendOption = BackendName.COMPILED,
    device: DeviceOption = "cpu",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Execute a recipe: check every input byte, hash every output byte, sign and log the provenance."""
    opened = home_at(home)
    with recipe.open("rb") as file:
        raw = file.read(RECIPE_LIMIT + 1)
    computer, most = computer_of(backend, device), bound(memory)
    earlier: list[tuple[Path, str]] = []
    for link in links(opened, raw, target, seed):
        prepared, folder = link.prepared, link.folder
        for note in prepared.notes:
            err.print(f"note: {note}", markup=False, soft_wrap=True)
        if link.artifact is not None:
            err.print(f"note: {folder} is made by this recipe already and is used as it is", markup=False)
            earlier.append((folder, link.artifact))
            continue
        total = sum(file.size for file in next(iter(prepared.inputs.values())).manifest.files)
        own = name if folder == target else None
        with progress(f"merging {folder.name}", total, quiet=as_json) as advance:
            made = make(
                opened,
                prepared,
                folder,
                computer,
                name=own,
                threads=threads,
                factor=read,
                memory=most,
                progress=advance,
            )
        if folder != target:
            earlier.append((folder, made.result.artifact))
    artifact, digest = made.result.artifact, prepared.recipe.digest

    def show() -> None:
        out.print(f"[bold]{escape(name or str(target))}[/]  {artifact}", soft_wrap=True)
        out.print(f"  recipe sha256:{digest}", soft_wrap=True)
        for folder, one in earlier:
            out.print(f"  by way of {folder}  {one}", markup=False, soft_wrap=True)
        entries = sorted({receipt.index for receipt in made.receipts})
        kept = (
            f", continued from {counted(len(made.result.resumed), 'finished shard')}"
            if made.result.resumed
            else ""
        )
        out.print(f"  signed and logged as entries {', '.join(map(str, entries))}{kept}", soft_wrap=True)

    value: Json = {
        "artifact": artifact,
        "recipe": f"sha256:{digest}",
        "folder": str(target),
        "resumed": list(made.result.resumed),
        "earlier": [{"folder": str(folder), "artifact": one} for folder, one in earlier],
        "entries": [receipt.index for receipt in made.receipts],
        "notes": list(prepared.notes),
    }
    say(as_json, value, show)


def _check_asked(sample: int | None, against: Path | None, ulp: int | None) -> None:
    if sample is not None and against is not None:
        raise Malformed("--sample checks a logged merge, --against one made elsewhere: give one of them")
    if ulp is not None and against is None:
        raise Malformed(f"--ulp {ulp} would change nothing without --against")


@app.command()
def rebuild(
    ref: Annotated[
        str, typer.Argument(help="Artifact that was made by a logged recipe; with --against, a recipe file.")
    ],
    sample: Annotated[
        int | None,
        typer.Option(
            "--sample",
            min=1,
            metavar="N",
            help="Check N blocks drawn at random and state the odds; logs nothing.",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against", help="Folder of a merge made elsewhere, to compare with the recipe; logs nothing."
        ),
    ] = None,
    ulp: Annotated[
        int | None,
        typer.Option(
            "--ulp", min=1, help="With --against: distance that passes as rounding; 1 if not given."
        ),
    ] = None,
    threads: ThreadsOption = 2,
    read: ReadOption = 1,
    memory: MemoryOption = None,
    backend: BackendOption = BackendName.COMPILED,
    device: DeviceOption = "cpu",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Derive an artifact again, compare bit for bit, sign and log the verdict. Exit 1 if it differs."""
    opened = home_at(home)
    _check_asked(sample, against, ulp)
    computer, most = computer_of(backend, device), bound(memory)
    if sample is not None:
        checking.sampled(opened, ref, sample, computer, threads, most, as_json=as_json)
        return
    if against is not None:
        checking.compared(
            opened,
            against,
            Path(ref),
            ulp or 1,
            computer,
            threads=threads,
            factor=read,
            memory=most,
            as_json=as_json,
        )
        return
    found = checking.provenance(opened, ref)
    with progress("rebuilding", rebuilding.size(opened, found), quiet=as_json) as advance:
        rebuilt = rebuilding.rederive(
            opened, found, computer, threads=threads, factor=read, memory=most, progress=advance
        )
    outcome = rebuilt.outcome
    tensors = outcome.tensors if isinstance(outcome, Differs) else ()
    other = outcome.files if isinstance(outcome, Differs) else ()

    def show() -> None:
        if not isinstance(outcome, Differs):
            out.print(f"[bold green]the same bytes[/]  {found.artifact}", soft_wrap=True)
        else:
            out.print(f"[bold red]differs[/]  {found.artifact}", soft_wrap=True)
            for one in tensors:
                where = (
                    ""
                    if one.first is None
                    else f": first at element {one.first}, at most {one.ulp} ulp apart"
                )
                out.print(f"  {one.tensor}{where}", markup=False, soft_wrap=True)
            for file in other:
                out.print(f"  {file}", markup=False)
        if rebuilt.accounted is False and not isinstance(outcome, Differs):
            out.print(
                "  [yellow]its signed account says other things[/] of scalars, witnesses or shares than were derived"
            )
        out.print(f"  verdict signed and logged as entry {rebuilt.receipt.index}")

    value: Json = {
        "artifact": found.artifact,
        "same": not isinstance(outcome, Differs),
        "tensors": [{"tensor": t.tensor, "first": t.first, "ulp": t.ulp} for t in tensors],
        "files": list(other),
        "same_account": rebuilt.accounted,
        "entry": rebuilt.receipt.index,
    }
    say(as_json, value, show)
    if isinstance(outcome, Differs):
        raise Fails


def computer_of(backend: BackendName, device: str) -> Computer:
    """Return what computes, by the options."""
    if backend is BackendName.TORCH:
        return torch_on(device)
    if device != "cpu":
        raise Malformed(f"the {backend} backend computes on the cpu, not on {device!r}; add --backend torch")
    return compiling() if backend is BackendName.COMPILED else NUMPY
