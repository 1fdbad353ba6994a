"""Commands that ask: show, ancestors, descendants, why, status, verify."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lineage.authority import TrustedRoot
from merger import folder as folders
from registry.answers import Answers
from registry.cli import tables
from registry.cli.session import (
    Fails,
    HomeOption,
    JsonOption,
    RegistryOption,
    RootOption,
    ThreadsOption,
    asked,
    home_at,
    out,
    pinned,
    progress,
    say,
)
from registry.home import Home
from registry.store import Absent, places
from registry.work.verify import Holds, Proof, prove, verify_folder
from signing import proof as logged
from signing.bundle import Bundle
from signing.canonical import Json
from signing.digest import artifact_id, parse_id
from signing.errors import Malformed, Untrusted
from signing.log import Leaf

app = typer.Typer()

Ref = Annotated[
    str, typer.Argument(help="sha256:<id or its beginning>, namespace/name\\[@revision], or a folder.")
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
    what: Annotated[Path, typer.Argument(help="Folder of an artifact, file of bundles, or tlog-proof.")],
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
    trusted = pinned(root, home)
    if what.is_file():
        if what.read_bytes().startswith(logged.HEADER.encode()):
            _logged(what, expected, trusted, as_json)
            return
        proofs = tuple(prove(Bundle.parse(line), trusted) for line in what.read_bytes().splitlines() if line)
        if not proofs:
            raise Absent(f"{what} holds no bundle")
        if expected is not None:
            _insist(proofs, asked(home, registry).resolve(expected))
        say(as_json, {"proven": [_proof(one) for one in proofs]}, lambda: tables.proofs(proofs))
        return
    answers = asked(home, registry)
    wanted = _expected(what, expected, answers, None if registry else home_at(home))
    with progress(f"hashing {what.name}", folders.size(what), quiet=as_json) as advance:
        found = verify_folder(what, wanted, answers, trusted, threads=threads, progress=advance)
    if isinstance(found, Holds):
        value: Json = {
            "holds": True,
            "artifact": found.artifact,
            "proven": [_proof(one) for one in found.proofs],
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


def _logged(file: Path, expected: str | None, trusted: TrustedRoot, as_json: bool) -> None:
    """Check a tlog-proof, which shows that a leaf is logged; what was signed is not in it."""
    if expected is not None:
        raise Malformed(f"{file} does not hold what was signed, so it is about no artifact: leave out --as")
    proof = logged.Proof.parse(file.read_bytes())
    if proof.extra is None:
        raise Malformed(f"{file} does not hold the leaf that it is about, as its extra data")
    seen = logged.verify(proof, proof.extra, trusted.origin, trusted.log().public)
    leaf = Leaf.parse(proof.extra)
    value: dict[str, Json] = {
        "entry": leaf.pae,
        "keys": list(leaf.keys),
        "time": leaf.time,
        "index": proof.index,
        "log_size": seen.size,
    }
    say(as_json, {"logged": value}, lambda: tables.logged(leaf, proof.index, seen.size))


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


def _insist(proofs: Sequence[Proof], artifact: str) -> None:
    for one in proofs:
        if artifact not in one.artifacts:
            about = ", ".join(one.artifacts) or "no artifact"
            raise Untrusted(f"entry {one.proven.entry} is proven, and about {about}, not about {artifact}")


def _proof(proof: Proof) -> dict[str, Json]:
    proven = proof.proven
    return {
        "statement": proven.statement.predicate_type,
        "about": list(proof.artifacts),
        "operators": list(proof.operators),
        "entry": proven.entry,
        "index": proven.index,
        "log_size": proven.size,
        "time": proven.time,
    }
