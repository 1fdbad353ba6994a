"""The command that takes one weight apart: attribute."""

from __future__ import annotations

import math
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from registry.cli.checking import provenance
from registry.cli.session import Fails, HomeOption, JsonOption, home_at, out, say
from registry.work.attribute import Attributed, weigh
from signing.canonical import Json

app = typer.Typer()


@app.command()
def attribute(
    ref: Annotated[str, typer.Argument(help="Artifact that was made by a logged recipe.")],
    weight: Annotated[str, typer.Argument(metavar="TENSOR[i,j]", help="One weight of it.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which parents put what into one weight? Exit 1 if what is stored there is not what is derived."""
    opened = home_at(home)
    found = weigh(opened, provenance(opened, ref), weight)
    say(as_json, _attribution(found), lambda: _show_attribution(found))
    if found.same is False:
        raise Fails


def _attribution(found: Attributed) -> Json:
    return {
        "artifact": found.artifact,
        "weight": found.weight,
        "method": found.method,
        "operation": found.operation,
        "dtype": found.dtype,
        "source": found.derived.source,
        "base": _number(found.derived.base),
        "parents": [
            {
                "parent": one.position,
                "source": one.source,
                "value": _number(one.value),
                "delta": _number(one.delta),
                "kept": one.kept,
                "agreed": one.agreed,
                "factor": _number(one.factor),
                "contribution": _number(one.contribution),
            }
            for one in found.derived.parts
        ],
        "scalars": found.scalars,
        "derived": _number(found.derived.result),
        "stored": _number(found.stored),
        "same": found.same,
    }


def _show_attribution(found: Attributed) -> None:
    derived = found.derived
    out.print(f"[bold]{escape(found.weight)}[/]  {found.artifact}", soft_wrap=True)
    if derived.source is not None:
        # What permute moves is computed as far as the plan goes, and a copy as far as its bytes do.
        how = "moved from" if found.operation == "compute" else f"{found.operation} of"
        out.print(f"  {how} {escape(derived.source)}", soft_wrap=True)
    else:
        table = Table(box=None, pad_edge=False)
        for column in ("", "value", "delta", "kept", "agreed", "factor", "contribution"):
            table.add_column(column)
        if derived.base is not None:
            table.add_row("base", _said(derived.base))
        for one in derived.parts:
            numbers = (_said(one.value), _said(one.delta))
            words = (_said(one.kept), _said(one.agreed))
            table.add_row(
                f"parent {one.position + 1}", *numbers, *words, _said(one.factor), _said(one.contribution)
            )
        out.print(table)
    same = {True: "the stored value", False: "[bold red]another value is stored[/]", None: "not stored here"}
    stored = "" if found.same is not False else f" {_said(found.stored)}"
    out.print(
        f"  {found.method} derives {_said(derived.result)} in {found.dtype}: {same[found.same]}{stored}"
    )


def _said(value: float | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:.9g}"


def _number(value: float | None) -> Json:
    """Return a number as JSON has it; what is not finite has no form there but its name."""
    return value if value is None or math.isfinite(value) else str(value)
