"""Commands about recipes: explain what a merge would do before it does anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from merger.cost import Cost, Estimate, Rates, cost, estimate
from merger.explain import From, Group, groups
from merger.weights import opened_weights
from registry.cli.session import (
    HomeOption,
    JsonOption,
    MemoryOption,
    ReadOption,
    ThreadsOption,
    bound,
    counted,
    home_at,
    out,
    say,
    short,
)
from registry.work.chain import Link, links
from registry.work.engine import compiling
from registry.work.make import planned
from registry.work.room import cores, program, rates, room
from registry.work.terms import RECIPE_LIMIT
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
    read: ReadOption = 1,
    memory: MemoryOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What will each tensor be made of, and what will it take, and about how long? Reads no weights."""
    most = bound(memory)
    opened = home_at(home)
    with recipe.open("rb") as file:
        raw = file.read(RECIPE_LIMIT + 1)
    for link in links(opened, raw, target, seed):
        if link.artifact is None:
            _explained(link, threads, read, most, whole=link.folder == target, as_json=as_json)
            # What comes after it can only be planned over its result.
            return


def _explained(
    link: Link, threads: int, read: int, memory: int | None, *, whole: bool, as_json: bool
) -> None:
    prepared = link.prepared
    folders = {artifact: one.folder for artifact, one in prepared.inputs.items()}
    known = {artifact: (one.manifest, one.blocks) for artifact, one in prepared.inputs.items()}
    with opened_weights(folders, known) as weights:
        plan = planned(prepared.recipe, weights)
        computer = compiling()
        threads, read = room(plan, weights, computer, memory, threads=threads, factor=read)
    found = groups(plan)
    manifests = {artifact: manifest for artifact, (manifest, _) in known.items()}
    takes = cost(plan, manifests, threads=threads, factor=read)
    speed, most = rates(), takes.memory + program(computer)
    lasts = estimate(takes, speed, threads=threads, cores=cores())
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
        "process": most,
        "threads": threads,
        "read": read,
        "seconds": list(lasts.seconds),
        "made_of": {part: list(seconds) for part, seconds in lasts.parts.items()},
        "rates": {"sha256": speed.sha256, "blake3": speed.blake3, "copy": speed.copy},
    }

    def show() -> None:
        out.print(
            f"[bold]{prepared.recipe.method}[/]  recipe sha256:{prepared.recipe.digest}", soft_wrap=True
        )
        names = {artifact: ref for ref, artifact in prepared.named.items()}
        for artifact, folder in folders.items():
            ref = names.get(artifact, "")
            out.print(f"  {escape(ref)} is {artifact}, in {escape(str(folder))}", soft_wrap=True)
        _list(found, names)
        for note in notes:
            out.print(f"note: {note}", markup=False, soft_wrap=True)
        _takes(takes, len(plan.shards), threads, read, most)
        _lasts(lasts, speed)

    say(as_json, value, show)


def _list(found: tuple[Group, ...], names: dict[str, str]) -> None:
    """Print a line or more for each group; what holds for all of them is said once, before."""
    inputs = [[_from(one, names, group.tensors) for one in group.inputs] for group in found]
    settings = [[f"{name} {value}" for name, value in group.parameters.items()] for group in found]
    same_inputs, same_settings = (
        len(found) > 1 and all(one == each[0] for one in each) for each in (inputs, settings)
    )
    common = [("from", inputs[0])] if same_inputs else []
    common += [("with", settings[0])] if same_settings and settings[0] else []
    for word, said in common:
        out.print(f"every tensor {word} {'; '.join(said)}", markup=False, soft_wrap=True)
    for group, made_of, given in zip(found, inputs, settings, strict=True):
        head = f"{group.tensors}  {group.operation} {group.dtype}"
        out.print(f"[bold]{escape(head)}[/]", soft_wrap=True)
        own = [] if same_inputs else [("from", made_of)]
        own += [("with", given)] if given and not same_settings else []
        for word, said in own:
            out.print(f"  {word} {'; '.join(said)}", markup=False, soft_wrap=True)


def _from(one: From, names: dict[str, str], tensors: str) -> str:
    adapter = f"+{names.get(one.adapter) or short(one.adapter)}" if one.adapter else ""
    # The layers that the result has too need no word.
    layers = f" layers {one.layers}" if one.layers and f"{{{one.layers}}}" not in tensors else ""
    lent = [f"{count} of {names.get(whose) or short(whose) or '+0'}" for whose, count in one.rows.items()]
    rows = f" rows {', '.join(lent)}" if lent else ""
    return f"{one.role} {names.get(one.model) or short(one.model)}{adapter}{layers}{rows}".strip()


def _takes(takes: Cost, shards: int, threads: int, read: int, process: int) -> None:
    low, high = takes.reads
    reads = _megabytes(low) if low == high else f"{_megabytes(low)} to {_megabytes(high)}"
    few, many = takes.passes
    over = "once" if many == 1 else f"{many} times" if few == many else f"{few} to {many} times"
    out.print(
        f"reads {reads}, an input at most {over}; writes {_megabytes(takes.writes)} in {counted(shards, 'shard')}; "
        f"holds about {_megabytes(process)} with {counted(threads, 'thread')} and --read {read}, of which {_megabytes(takes.memory)} to work with",
        soft_wrap=True,
    )


def _lasts(lasts: Estimate, speed: Rates) -> None:
    """Print about how long it takes, and what that is made of."""
    parts = ", ".join(f"{part} {_between(seconds)}" for part, seconds in lasts.parts.items())
    out.print(
        f"takes about {_between(lasts.seconds)} s beside the start of the program; of processor time: {parts} s",
        soft_wrap=True,
    )
    out.print(
        f"  as measured just now, a thread and second: BLAKE3 {_megabytes(speed.blake3)}, SHA-256 {_megabytes(speed.sha256)}, "
        f"copying {_megabytes(speed.copy)}; to compute is taken for copying what every pass takes in and gives out",
        soft_wrap=True,
    )


def _between(seconds: tuple[float, float]) -> str:
    low, high = (f"{one:.1f}" if one < 10 else f"{one:.0f}" for one in seconds)
    return low if low == high else f"{low} to {high}"


def _megabytes(size: float) -> str:
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
            | ({"rows": dict(one.rows)} if one.rows else {})
            for one in group.inputs
        ],
        "parameters": dict(group.parameters),
        "bytes": group.size,
    }
