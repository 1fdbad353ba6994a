"""The command that says how much of a merge comes from which parent: shares."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from registry.cli.checking import provenance
from registry.cli.session import HomeOption, JsonOption, counted, home_at, out, say
from registry.work import logged
from registry.work import shares as sharing
from signing.canonical import Json

app = typer.Typer()


@app.command()
def shares(
    ref: Annotated[str, typer.Argument(help="Artifact that was made by a logged recipe.")],
    tensor: Annotated[str | None, typer.Argument(help="One tensor of it; all together if not given.")] = None,
    by_tensor: Annotated[
        bool, typer.Option("--by-tensor", help="A row for every tensor and parent.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """How much of a merge comes from which parent? As its signed account says; `rebuild` counts again."""
    opened = home_at(home)
    found = provenance(opened, ref)
    tensors, uncounted, whole = sharing.counted(found.artifact, logged.claimed(opened, found), tensor)
    together = sharing.parts(found, tensors)
    single = {one.tensor: sharing.parts(found, [one]) for one in tensors} if by_tensor else {}

    def show() -> None:
        out.print(f"[bold]{escape(tensor or ref)}[/]  {found.artifact}", soft_wrap=True)
        table = Table(box=None, pad_edge=False)
        for column in (*(["tensor"] if by_tensor else []), "", "kept", "agreed", "energy", "artifact"):
            table.add_column(column)
        for name, parts in single.items() if by_tensor else [("", together)]:
            for one in parts:
                cells = (_percent(one.kept), _percent(one.agreed), _percent(one.energy), one.reference[:19])
                table.add_row(*([escape(name)] if by_tensor else []), f"parent {one.position + 1}", *cells)
        out.print(table)
        rest = f"; {counted(uncounted, 'tensor')} more, of which nothing is counted" if uncounted else ""
        taken = f"; {counted(whole, 'tensor')} taken whole from one source" if whole else ""
        out.print(
            f"  {found.recipe.method}, {counted(len(tensors), 'tensor')} counted{rest}{taken}; energy is of what each put in",
            soft_wrap=True,
        )

    value: Json = {
        "artifact": found.artifact,
        "method": found.recipe.method,
        "tensors": [one.tensor for one in tensors],
        "uncounted": uncounted,
        "taken_whole": whole,
        "parents": [_json(one) for one in together],
        "by_tensor": {name: [_json(one) for one in parts] for name, parts in single.items()},
    }
    say(as_json, value, show)


def _json(one: sharing.Part) -> Json:
    return {
        "parent": one.position,
        "reference": one.reference,
        "kept": one.kept,
        "agreed": one.agreed,
        "energy": one.energy,
    }


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
