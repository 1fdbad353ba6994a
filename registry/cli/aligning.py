"""The command that aligns one model with another before they are merged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from registry.cli.session import (
    HomeOption,
    JsonOption,
    ThreadsOption,
    counted,
    home_at,
    out,
    progress,
    say,
)
from registry.cli.stats import LicenseOption, NameOption
from registry.work import align as aligning
from registry.work.add import Declared
from signing.canonical import Json
from signing.errors import Malformed

app = typer.Typer()

_SOFTNESS = 0.05


@app.command()
def align(
    onto: Annotated[str, typer.Argument(metavar="A", help="The model that stays as it is.")],
    model: Annotated[str, typer.Argument(metavar="B", help="The model whose units are to lie on A's.")],
    target: Annotated[Path, typer.Option("--out", help="New folder for the alignment.")],
    soft: Annotated[
        bool,
        typer.Option(
            "--soft", help="Write mixtures of units, for transport, instead of an order, for permute."
        ),
    ] = False,
    softness: Annotated[
        float | None,
        typer.Option(help=f"With --soft: how far units are mixed, above 0; {_SOFTNESS} if not given."),
    ] = None,
    name: NameOption = None,
    license_id: LicenseOption = None,
    threads: ThreadsOption = 2,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find which units of B are A's, and register that as statistics of B; reads both, changes neither."""
    if softness is not None and not soft:
        raise Malformed(f"--softness {softness} would change nothing without --soft")
    if softness is not None and not 0 < softness <= 1000:
        raise Malformed(f"--softness is {softness}; it must be above 0 and at most 1000")
    opened = home_at(home)
    with (
        aligning.paired(opened, onto, model) as pair,
        progress("aligning", pair.size, quiet=as_json) as advance,
    ):
        made = aligning.align(
            opened,
            pair,
            target,
            Declared(name, license_id),
            softness=(softness or _SOFTNESS) if soft else None,
            threads=threads,
            progress=advance,
        )
    artifact = made.added.description.artifact
    kind, method = ("transport", "transport") if soft else ("permutation", "permute")
    units, moved = sum(one.units for one in made.found), sum(one.moved or 0 for one in made.found)

    entries = sorted({receipt.index for receipt in made.added.receipts})

    def show() -> None:
        out.print(f"[bold]{escape(name or str(target))}[/]  {artifact}", soft_wrap=True)
        out.print(
            f"  {kind} of {made.model}: {counted(units, 'unit')} in {counted(len(made.found), 'group')}, "
            f"{'mixed' if soft else f'{moved} moved'}; "
            f"signed and logged as entries {', '.join(map(str, entries))}",
            soft_wrap=True,
        )
        out.print(f"  in a recipe of {method}, beside the model: statistics: {artifact}", soft_wrap=True)

    value: Json = {
        "artifact": artifact,
        "folder": str(target),
        "kind": kind,
        "model": made.model,
        "onto": made.onto,
        "groups": [{"name": one.name, "units": one.units, "moved": one.moved} for one in made.found],
        "entries": list(entries),
    }
    say(as_json, value, show)
