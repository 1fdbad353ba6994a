"""Commands that ask: show, ancestors, descendants, why, status, verify."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lineage.authority import TrustedRoot
from merger import folder as folders
from registry.answers import Answers
from registry.cli import evidence, tables
from registry.cli.session import (
    Fails,
    HomeOption,
    JsonOption,
    RegistryOption,
    ThreadsOption,
    asked,
    home_at,
    out,
    progress,
    say,
)
from registry.home import Home
from registry.settings import Settings
from registry.store import Absent, places
from registry.work import evidence as proving
from registry.work.lines import Broken
from registry.work.verify import Holds, verify_folder
from signing.canonical import Json
from signing.digest import artifact_id, parse_id
from signing.errors import Malformed, Untrusted

app = typer.Typer()
_ID = re.compile("sha256:[0-9a-f]{64}")

Ref = Annotated[
    str, typer.Argument(help="sha256:<id or its beginning>, namespace/name\\[@revision], or a folder.")
]
RootOption = Annotated[
    Path | None, typer.Option("--root", help="Pinned trusted_root.json; the home's own otherwise.")
]


@app.command()
def show(
    ref: Ref, home: HomeOption = None, registry: RegistryOption = None, as_json: JsonOption = False
) -> None:
    """What is this? What is it made of?"""
    verdict = asked(home, registry).verdict(ref)
    say(as_json, verdict, lambda: tables.verdict(verdict))


@app.command()
def ancestors(
    ref: Ref, home: HomeOption = None, registry: RegistryOption = None, as_json: JsonOption = False
) -> None:
    """What is it made of, all the way up?"""
    answer = asked(home, registry).ancestors(ref)
    say(as_json, answer, lambda: tables.lineage(answer))


@app.command()
def descendants(
    ref: Ref, home: HomeOption = None, registry: RegistryOption = None, as_json: JsonOption = False
) -> None:
    """Who descends from it?"""
    answer = asked(home, registry).descendants(ref)
    say(as_json, answer, lambda: tables.lineage(answer))


@app.command()
def why(
    ancestor: Ref,
    descendant: Ref,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """How does one descend from the other? Exit 1 if it does not."""
    answer = asked(home, registry).why(ancestor, descendant)
    say(as_json, answer, lambda: tables.why(answer))
    if not answer.paths:
        raise Fails


@app.command()
def status(
    ref: Ref,
    threads: ThreadsOption = 2,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Is it affected by anything? A folder is hashed first. Exit 0 only if it is clean."""
    answers = asked(home, registry)
    hashed = _hashed(ref, threads, quiet=as_json)
    if hashed is not None and not ref.startswith(("/", ".", "~")):
        _insist_on_one(answers, ref, hashed)
    verdict = answers.verdict(hashed or ref)
    names = {verdict.artifact: verdict.names}
    for one in answers.ancestors(verdict.artifact).relatives:
        names[one.artifact] = one.names
    say(as_json, verdict, lambda: tables.standing(verdict, names))
    if verdict.standing.state != "clean":
        raise Fails


@app.command()
def verify(
    what: Annotated[Path, typer.Argument(help="Folder of an artifact, or file of bundles.")],
    expected: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="The artifact it should be; what is registered there otherwise. With --registry, its full id.",
        ),
    ] = None,
    root: RootOption = None,
    threads: ThreadsOption = 2,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Are these the signed, logged bytes? Says what was proven, by whom, when. Exit 1 if they are not."""
    pinned = _pinned(root, home)
    if what.is_file():
        _verify_file(what, _meant(expected, home, registry), pinned, as_json=as_json)
        return
    answers = asked(home, registry)
    wanted = _expected(what, expected, answers, None if registry else home_at(home))
    with progress(f"hashing {what.name}", folders.size(what), quiet=as_json) as advance:
        found = verify_folder(what, wanted, answers, pinned, threads=threads, progress=advance)
    if isinstance(found, Holds):
        value: Json = {
            "holds": True,
            "artifact": found.artifact,
            "proven": [evidence.proof(one) for one in found.proofs],
        }
        say(as_json, value, lambda: tables.holds(what, found))
        return
    value = {
        "holds": False,
        "artifact": found.artifact,
        "changed": list(found.changed),
        "missing": list(found.missing),
        "extra": list(found.extra),
    }
    say(as_json, value, lambda: out.print(f"[bold red]no:[/] {escape(found.sentence(what))}", soft_wrap=True))
    raise Fails


def _hashed(ref: str, threads: int, *, quiet: bool) -> str | None:
    folder = Path(ref).expanduser()
    if not folder.is_dir():
        return None
    with progress(f"hashing {folder.name}", folders.size(folder), quiet=quiet) as advance:
        return artifact_id(folders.digests(folder, threads, advance))


def _insist_on_one(answers: Answers, ref: str, hashed: str) -> None:
    # A local folder must not shadow a name in silence (2-arithmetic, "Traps to refuse or report").
    try:
        named = answers.resolve(ref)
    except Absent:
        return
    if named != hashed:
        raise Malformed(
            f"{ref!r} is {named} here, and the folder holds {hashed}: write ./{ref} for the folder"
        )


def _expected(folder: Path, expected: str | None, answers: Answers, home: Home | None) -> str | None:
    if home is None:
        # What a registry says that a name means is its word alone; an id needs nobody's.
        return None if expected is None else f"sha256:{parse_id(expected)}"
    if expected is not None:
        return answers.resolve(expected)
    with home.store.reading() as connection:
        return places.at(connection, folder)


def _meant(expected: str | None, home: Path | None, registry: str | None) -> str | None:
    # An id needs nobody to say what it means, so neither a home nor a registry.
    if expected is None or _ID.fullmatch(expected):
        return expected
    return asked(home, registry).resolve(expected)


def _verify_file(file: Path, expected: str | None, pinned: TrustedRoot, *, as_json: bool) -> None:
    raws = file.read_bytes().removesuffix(b"\n").split(b"\n")
    if raws == [b""]:
        raise Absent(f"{file} holds no bundle")
    with progress(f"verifying {file.name}", len(raws), quiet=as_json, in_bytes=False) as advance:
        found = proving.read(raws, pinned, advance)
    broken = [line.why for line in found.lines if isinstance(line, Broken)]
    if len(broken) == len(found.lines):
        raise Untrusted(f"{file} proves nothing: line 1: {broken[0]}")
    if expected is not None:
        proving.check_about(found, expected)
    say(as_json, evidence.value(found, pinned), lambda: evidence.show(found, pinned))
    if len(found.held) < len(found.lines):
        raise Fails


def _pinned(root: Path | None, home: Path | None) -> TrustedRoot:
    path = root or (home or Settings().home) / "trusted_root.json"
    if not path.is_file():
        raise Absent(f"no trusted root at {path}: name the one you pinned with --root")
    return TrustedRoot.parse(path.read_bytes().strip())
