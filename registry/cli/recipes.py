"""Commands about recipes: explain what a merge would do before it does anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from merger.explain import Cost, Group, cost, groups
from merger.weights import opened_weights
from registry.cli.session import HomeOption, JsonOption, ThreadsOption, counted, home_at, out, say, short
from registry.work.chain import Link, links
from registry.work.make import RECIPE_LIMIT, planned
from signing.canonical import Json

app = typer.Typer(help="Look at recipes before they are merged.", no_args_is_help=True)


@app.callback()
def _recipes() -> None:
    pass


@app.command()
def explain(
    recipe: Annotated[Path, typer.Argument(help="Recipe: mergekit YAML or canonical JSON.")],
    target: Annotated[
        Path,
        typer.Option(
            "--out", help="Where a chain's result goes; its documents made beside are not asked again."
        ),
    ] = Path("merged"),
    seed: Annotated[str | None, typer.Option(help="Seed of random masks, where the recipe has none.")] = None,
    threads: ThreadsOption = 2,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What will each tensor be made of, and what will it take? Reads no weights."""
    opened = home_at(home)
    with recipe.open("rb") as file:
        raw = file.read(RECIPE_LIMIT + 1)
    for link in links(opened, raw, target, seed):
        if link.artifact is None:
            _explained(link, threads, whole=link.folder == target, as_json=as_json)
            # What comes after it can only be planned over its result.
            return


def _explained(link: Link, threads: int, *, whole: bool, as_json: bool) -> None:
    prepared = link.prepared
    folders = {artifact: one.folder for artifact, one in prepared.inputs.items()}
    known = {artifact: (one.manifest, one.blocks) for artifact, one in prepared.inputs.items()}
    with opened_weights(folders, known) as weights:
        plan = planned(prepared.recipe, weights)
    found = groups(plan)
    takes = cost(plan, {artifact: manifest for artifact, (manifest, _) in known.items()}, threads=threads)
    notes = list(prepared.notes)
    if not whole:
        notes.append(
            f"this is the first document that is not merged yet, into {link.folder}; those after it are planned over its result"
        )
    value: Json = {
        "recipe": prepared.recipe.json_value(),
        "digest": f"sha256:{prepared.recipe.digest}",
        "references": dict(prepared.named),
        "folders": {artifact: str(folder) for artifact, folder in folders.items()},
        "notes": list(notes),
        "tensors": [_said(group) for group in found],
        "shards": len(plan.shards),
        "reads": list(takes.reads),
        "passes": list(takes.passes),
        "writes": takes.writes,
        "memory": takes.memory,
    }

    def show() -> None:
        out.print(
            f"[bold]{prepared.recipe.method}[/]  recipe sha256:{prepared.recipe.digest}", soft_wrap=True
        )
        names = {artifact: ref for ref, artifact in prepared.named.items()}
        for artifact, folder in folders.items():
            ref = names.get(artifact, "")
            out.print(f"  {escape(ref)} is {artifact}, in {escape(str(folder))}", soft_wrap=True)
        _table(found, names)
        for note in notes:
            out.print(f"note: {note}", markup=False, soft_wrap=True)
        _takes(takes, len(plan.shards), threads)

    say(as_json, value, show)


def _table(found: tuple[Group, ...], names: dict[str, str]) -> None:
    settings = ["; ".join(f"{name} {value}" for name, value in group.parameters.items()) for group in found]
    # What holds for every tensor is said once.
    alike = len(found) > 1 and len(set(settings)) == 1
    if alike and settings[0]:
        out.print(f"every tensor with {escape(settings[0])}", soft_wrap=True)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("tensors", "made by", "from", *(() if alike else ("with",))):
        table.add_column(head, overflow="fold")
    for group, given in zip(found, settings, strict=True):
        inputs = []
        for one in group.inputs:
            adapter = f"+{names.get(one.adapter) or short(one.adapter)}" if one.adapter else ""
            layers = f" layers {one.layers}" if one.layers else ""
            inputs.append(f"{one.role} {names.get(one.model) or short(one.model)}{adapter}{layers}".strip())
        cells = [group.tensors, f"{group.operation} {group.dtype}", "\n".join(inputs), given]
        table.add_row(*map(escape, cells[:3] if alike else cells))
    out.print(table)


def _takes(takes: Cost, shards: int, threads: int) -> None:
    low, high = takes.reads
    reads = _megabytes(low) if low == high else f"{_megabytes(low)} to {_megabytes(high)}"
    few, many = takes.passes
    over = "once" if many == 1 else f"{many} times" if few == many else f"{few} to {many} times"
    out.print(
        f"reads {reads}, an input at most {over}; writes {_megabytes(takes.writes)} in {counted(shards, 'shard')}; "
        f"buffers of about {_megabytes(takes.memory)} with {counted(threads, 'thread')}, beside the program itself",
        soft_wrap=True,
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _said(group: Group) -> dict[str, Json]:
    return {
        "tensors": group.tensors,
        "count": group.count,
        "operation": group.operation,
        "dtype": group.dtype,
        "inputs": [
            {"role": one.role, "model": one.model, "layers": one.layers}
            | ({"adapter": one.adapter} if one.adapter else {})
            for one in group.inputs
        ],
        "parameters": dict(group.parameters),
        "bytes": group.size,
    }
