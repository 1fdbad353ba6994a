"""Statistics of models: compute them over data, register them, and say by which id a recipe names them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from registry.cli.session import HomeOption, JsonOption, counted, err, home_at, out, progress, say
from registry.work.add import Declared
from signing.canonical import Json
from signing.errors import Malformed

app = typer.Typer(help="Statistics that merges weigh by: compute and register them.", no_args_is_help=True)

ModelArgument = Annotated[str, typer.Argument(help="Registered model: an id, a name or a folder.")]
DataOption = Annotated[
    Path,
    typer.Option("--data", help="Text, or .jsonl with 'text' (and 'pair'): one sample a line."),
]
OutOption = Annotated[Path, typer.Option("--out", help="New folder for the statistics.")]
SamplesOption = Annotated[
    int, typer.Option("--samples", min=1, max=100_000, help="At most so many samples, the first ones.")
]
LengthOption = Annotated[
    int, typer.Option("--max-length", min=2, max=131_072, help="Tokens that a sample is cut to.")
]
NameOption = Annotated[str | None, typer.Option(help="namespace/name, or namespace/name@revision.")]
LicenseOption = Annotated[str | None, typer.Option("--license", help="SPDX or hub license id.")]


@app.command()
def fisher(
    model: ModelArgument,
    data: DataOption,
    target: OutOption,
    samples: SamplesOption = 256,
    longest: LengthOption = 512,
    name: NameOption = None,
    license_id: LicenseOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """How much does a language model's likelihood depend on each weight? For merges by method fisher."""
    _produced(
        "fisher", model, data, target, samples, longest, 1, Declared(name, license_id), home, as_json=as_json
    )


@app.command()
def gram(
    model: ModelArgument,
    data: DataOption,
    target: OutOption,
    samples: SamplesOption = 256,
    longest: LengthOption = 512,
    batch: Annotated[
        int, typer.Option("--batch", min=1, max=4096, help="Samples of one length that are computed at once.")
    ] = 8,
    name: NameOption = None,
    license_id: LicenseOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which inputs does each linear layer see? For merges by method regmean."""
    _produced(
        "gram",
        model,
        data,
        target,
        samples,
        longest,
        batch,
        Declared(name, license_id),
        home,
        as_json=as_json,
    )


def _produced(
    kind: Literal["fisher", "gram"],
    model: str,
    data: Path,
    target: Path,
    samples: int,
    longest: int,
    batch: int,
    declared: Declared,
    home: Path | None,
    *,
    as_json: bool,
) -> None:
    try:
        from registry.stats.produce import produce  # noqa: PLC0415 - torch takes seconds to load
        from registry.stats.samples import read  # noqa: PLC0415 - as above, for the package it stands in
    except ModuleNotFoundError as error:
        raise Malformed(f"statistics need {error.name}: pip install 'studbook[demo]'") from None
    opened = home_at(home)
    read_in = read(data, samples)
    with progress(f"{kind} of {model}", len(read_in.samples), quiet=as_json, in_bytes=False) as advance:
        made = produce(
            opened, kind, model, read_in, target, declared, longest=longest, batch=batch, advance=advance
        )
    notes = list(made.gathered.notes)
    if made.gathered.cut:
        notes.append(
            f"{counted(made.gathered.cut, 'sample')} of {made.samples} reached {longest} tokens and may be cut"
        )
    entries = sorted({receipt.index for receipt in made.added.receipts})

    def show() -> None:
        for note in notes:
            err.print(f"note: {note}", markup=False, soft_wrap=True)
        out.print(f"[bold]{escape(declared.name or str(target))}[/]  {made.artifact}", soft_wrap=True)
        out.print(
            f"  {kind} of {made.model} over {counted(made.samples, 'sample')}, {counted(made.gathered.tokens, 'token')}; "
            f"signed and logged as entries {', '.join(map(str, entries))}",
            soft_wrap=True,
        )
        out.print(f"  in a recipe, beside the model: statistics: {made.artifact}", soft_wrap=True)

    value: Json = {
        "artifact": made.artifact,
        "kind": kind,
        "model": made.model,
        "folder": str(target),
        "samples": made.samples,
        "tokens": made.gathered.tokens,
        "tensors": len(made.gathered.tensors),
        "notes": list(notes),
        "entries": list(entries),
    }
    say(as_json, value, show)
