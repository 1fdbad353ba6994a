"""Commands that register: a home with its keys, and folders in its log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.markup import escape

from lineage.facts import MAKINGS, Relation
from merger import folder as folders
from merger.lora import CONFIG as ADAPTER_CONFIG
from registry.cli.session import (
    ForceOption,
    HomeOption,
    JsonOption,
    ThreadsOption,
    counted,
    err,
    home_at,
    new_passphrase,
    out,
    progress,
    say,
)
from registry.home import Home
from registry.settings import Settings
from registry.work.add import Declared, Search
from registry.work.add import add as add_folder
from signing.canonical import Json
from signing.digest import SIGNATURE
from signing.errors import Malformed

app = typer.Typer()


@app.command()
def init(
    home: HomeOption = None,
    operator: Annotated[
        str | None, typer.Option(help="Who signs: letters, digits, dot, dash; local if not given.")
    ] = None,
    seal: Annotated[
        bool, typer.Option("--seal", help="Seal the keys with a passphrase, as STUDBOOK_PASSPHRASE does.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a home: database, blobs, and keys of your own. Run again, it completes what is missing."""
    settings = Settings()
    if seal and settings.passphrase is None:
        settings = Settings(passphrase=SecretStr(new_passphrase()))
    path = home or settings.home
    made = Home.create(path, operator, settings=settings)
    root, speaks = made.root(), made.operator("publisher")

    def show() -> None:
        out.print(f"home      {escape(str(path))}", soft_wrap=True)
        out.print(f"log       {root.origin}")
        out.print(
            f"operator  {speaks}; keys in {escape(str(path / 'keys'))}, readable by you alone",
            soft_wrap=True,
        )

    say(as_json, {"home": str(path), "origin": root.origin, "operator": speaks}, show)


@app.command()
def add(
    folder: Annotated[Path, typer.Argument(help="Folder with the model's files.")],
    name: Annotated[str | None, typer.Option(help="namespace/name, or namespace/name@revision.")] = None,
    license_id: Annotated[str | None, typer.Option("--license", help="SPDX or hub license id.")] = None,
    base: Annotated[
        list[str] | None,
        typer.Option(
            help="What it was made from: a reference, or hf:owner/name\\[@commit]. May be repeated."
        ),
    ] = None,
    relation: Annotated[
        str | None,
        typer.Option(
            help=f"How: {', '.join(MAKINGS)}; if not given, adapter_of for a PEFT adapter and else finetune."
        ),
    ] = None,
    same_as: Annotated[
        list[str] | None,
        typer.Option(metavar="STUB", help="What it is upstream: hf:owner/name\\[@commit]. May be repeated."),
    ] = None,
    made_by: Annotated[
        str | None,
        typer.Option(
            "--made-by", metavar="ALGORITHM", help="Merged by a search or training among what --base names."
        ),
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option(help="With --made-by: a file that shows it, which is kept.")
    ] = None,
    found: Annotated[
        str | None,
        typer.Option("--found", metavar="RECIPE", help="With --made-by: sha256 of the recipe found."),
    ] = None,
    copy: Annotated[
        bool, typer.Option("--copy", help="Store the files too; otherwise they are referenced.")
    ] = False,
    sign: Annotated[
        bool, typer.Option("--sign", help="Write the signature into the folder too, as model.sig.")
    ] = False,
    force: ForceOption = False,
    threads: ThreadsOption = 2,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register a folder: hash every byte, sign what it is, log it."""
    kind: Relation = _relation(relation, made_by, adapter=(folder / ADAPTER_CONFIG).is_file())
    if relation is not None and not base:
        raise Malformed(
            f"--relation {relation} says how it was made, and not from what; name that with --base"
        )
    if made_by is None and (evidence or found):
        raise Malformed("--evidence and --found say more of a search; name it with --made-by")
    if force and not sign:
        raise Malformed("--force writes over a model.sig; ask for one with --sign")
    search = None if made_by is None else Search(made_by, evidence, found)
    opened = home_at(home)
    declared = Declared(name, license_id, [(ref, kind) for ref in base or ()], search, same_as or ())
    with progress(f"hashing {folder.name}", folders.size(folder), quiet=as_json) as advance:
        added = add_folder(
            opened,
            folder,
            declared,
            copy=copy,
            sign=sign,
            force=force,
            threads=threads,
            progress=advance,
        )
    for remark in added.remarks:
        err.print(f"note: {escape(remark)}", soft_wrap=True)
    manifest = added.description.manifest
    size = sum(file.size for file in manifest.files)
    entries = sorted({receipt.index for receipt in added.receipts})

    def show() -> None:
        out.print(f"[bold]{escape(name or str(folder))}[/]  {added.description.artifact}", soft_wrap=True)
        out.print(
            f"  {counted(len(manifest.files), 'file')}, {counted(len(manifest.tensors), 'tensor')}, {size / 1e6:.1f} MB; "
            f"signed and logged as entries {', '.join(map(str, entries))}",
            soft_wrap=True,
        )
        if sign:
            out.print(f"  signature in {escape(str(folder / SIGNATURE))}", soft_wrap=True)

    value: Json = {
        "artifact": added.description.artifact,
        "files": len(manifest.files),
        "tensors": len(manifest.tensors),
        "bytes": size,
        "entries": list(entries),
        "signature": str(folder / SIGNATURE) if sign else None,
    }
    say(as_json, value, show)


def _relation(said: str | None, made_by: str | None, *, adapter: bool) -> Relation:
    if said is not None and said not in MAKINGS:
        raise Malformed(f"{said!r} is no relation; choose one of {', '.join(MAKINGS)}")
    if made_by is None:
        return said or ("adapter_of" if adapter else "finetune")
    if said not in (None, "merge"):
        raise Malformed(f"--made-by {made_by} makes a merge, and --relation says {said}; leave that out")
    return "merge"
