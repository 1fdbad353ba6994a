"""Signature files: sign a folder for strangers' tools, and hold one to what they signed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from merger import folder as folders
from registry.cli.session import (
    ForceOption,
    HomeOption,
    JsonOption,
    ThreadsOption,
    counted,
    home_at,
    key_at,
    moment,
    out,
    progress,
    say,
)
from registry.settings import now
from registry.work import sign as files
from registry.work.sign import Vouched
from registry.work.verify import Fails
from signing.canonical import Json
from signing.certificate import Certified, certified
from signing.digest import SIGNATURE
from signing.errors import Malformed
from signing.keys import PublicKey

app = typer.Typer()


@app.command()
def sign(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with the model's files.")],
    to: Annotated[Path | None, typer.Option("--out", help="File to write; DIR/model.sig otherwise.")] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="PEM",
            help="Private key, ECDSA P-256: a file, or env://NAME; the home's publisher key otherwise.",
        ),
    ] = None,
    force: ForceOption = False,
    threads: ThreadsOption = 2,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a folder's files in a model.sig that `model_signing verify key` accepts. Nothing is logged; `add` does that."""
    if key is not None and home is not None:
        raise Malformed(f"--key {key} signs without a home; leave out --home {home}")
    target = to or folder / SIGNATURE
    signer = home_at(home).keys("publisher") if key is None else key_at(key)
    with progress(f"hashing {folder.name}", folders.size(folder), quiet=as_json) as advance:
        made = files.sign(folder, signer, target, force=force, threads=threads, progress=advance)

    def told() -> None:
        out.print(f"[bold]{escape(str(target))}[/]  {made.artifact}", soft_wrap=True)
        out.print(
            f"  {counted(len(made.files), 'file')}, signed by the key {signer.public.id}", soft_wrap=True
        )

    value: Json = {
        "signature": str(target),
        "artifact": made.artifact,
        "files": dict(made.files),
        "key": signer.public.id,
        "entry": made.entry,
    }
    say(as_json, value, told)


def held(
    folder: Path,
    file: Path | None,
    key: Path | None,
    chain: Sequence[Path],
    identity: str | None,
    threads: int,
    *,
    quiet: bool,
) -> Vouched | Fails:
    """Hold `folder` to its signature file: by the public key, or else by a certificate under one of the roots, now."""
    bundle = files.read(folder, file)
    signer: PublicKey | Certified
    if key is not None:
        signer = PublicKey.parse(key.read_bytes())
    else:
        given = b"\n".join(one.read_bytes() for one in chain)
        signer = certified(bundle.certificates, given, now())
        if identity is not None:
            files.check_identity(signer, identity)
    with progress(f"hashing {folder.name}", folders.size(folder), quiet=quiet) as advance:
        return files.hold(folder, bundle, signer, threads=threads, progress=advance)


def show(folder: Path, found: Vouched) -> None:
    """Print which files were signed, and by whose key or certificate."""
    count = counted(len(found.files), "file")
    out.print(
        f"[bold green]holds[/]  {escape(str(folder))} is {found.artifact}, {count}, byte for byte",
        soft_wrap=True,
    )
    signer = found.signer
    if isinstance(signer, Certified):
        names = ", ".join((signer.subject, *signer.names))
        start, end, judged = (moment(one) for one in (signer.start, signer.end, signer.time))
        lines = [
            f"signed by {names}, with the key {signer.key.id}",
            f"certified under {signer.root}, good from {start} to {end}, judged as of now, {judged}",
        ]
    else:
        lines = [f"signed by the key {signer.id}"]
    lines.append("when it was signed is not proven: that takes a log")
    # As sha256sum lists them.
    lines += [f"{digest}  {name}" for name, digest in found.files.items()]
    for line in lines:
        out.print(f"  {line}", markup=False, soft_wrap=True)


def plain(found: Vouched) -> Json:
    """Return the JSON value of what was proven."""
    signer: dict[str, Json]
    match found.signer:
        case Certified() as one:
            signer = {
                "key": one.key.id,
                "subject": one.subject,
                "names": list(one.names),
                "root": one.root,
                "valid_from": one.start,
                "valid_until": one.end,
                "judged_at": one.time,
            }
        case PublicKey(id=key):
            signer = {"key": key}
    return {
        "holds": True,
        "artifact": found.artifact,
        "files": dict(found.files),
        "signer": signer,
        "entry": found.entry,
    }
