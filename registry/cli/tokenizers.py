"""The command that makes one vocabulary of several, with the row map by which models are merged over it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from merger.tokens import Given, read
from registry.cli.session import HomeOption, JsonOption, counted, home_at, out, say, short
from registry.work.tokenizer import UNION, make
from signing import canonical
from signing.canonical import Json
from signing.errors import Malformed

app = typer.Typer()


@app.command()
def tokenizer(
    models: Annotated[list[str], typer.Argument(help="Models that will be merged, the base first.")],
    target: Annotated[Path, typer.Option("--out", help="New folder for tokenizer files and row map.")],
    source: Annotated[
        str,
        typer.Option(
            help="union: the first model's tokens, then what others add; base: the first model's; or a model's reference."
        ),
    ] = UNION,
    pad_to: Annotated[
        int, typer.Option("--pad-to", min=1, max=1 << 20, help="Add rows of 0 up to a multiple of this.")
    ] = 1,
    tokens: Annotated[
        Path | None,
        typer.Option(
            help="JSON file of tokens and where their rows come from, as in mergekit's tokenizer.tokens."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="namespace/name, or namespace/name@revision.")] = None,
    license_id: Annotated[str | None, typer.Option("--license", help="SPDX or hub license id.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make one vocabulary of models whose rows differ, and register it for recipes to name as tokenizer."""
    given = () if tokens is None else _given(tokens)
    made = make(
        home_at(home), models, target, source, pad_to=pad_to, tokens=given, name=name, terms=license_id
    )
    artifact = made.added.description.artifact
    entries = sorted({receipt.index for receipt in made.added.receipts})

    def show() -> None:
        out.print(f"[bold]{escape(name or str(target))}[/]  {artifact}", soft_wrap=True)
        out.print(f"  {counted(made.tokens, 'token')} in {counted(made.rows, 'row')}", soft_wrap=True)
        for model, has in made.has.items():
            out.print(f"  {short(model)} has {has} of them and lacks {made.tokens - has}", soft_wrap=True)
        out.print(f"  signed and logged as entries {', '.join(map(str, entries))}", soft_wrap=True)

    value: Json = {
        "artifact": artifact,
        "tokens": made.tokens,
        "rows": made.rows,
        "models": [{"model": model, "tokens": has} for model, has in made.has.items()],
        "entries": list(entries),
    }
    say(as_json, value, show)


def _given(file: Path) -> tuple[Given, ...]:
    try:
        return read(canonical.decode(file.read_bytes()))
    except Malformed as error:
        raise Malformed(f"{file}: {error}") from None
