"""Commands that ask: show, ancestors, descendants, why, status."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from merger import folder as folders
from registry.answers import Answers, LineageOut
from registry.cli import answered, stands, trees
from registry.cli.answering import asked
from registry.cli.selecting import (
    SHAPES,
    EvidenceOption,
    FormOption,
    LicenseOption,
    OwnerOption,
    RelationOption,
    SinceOption,
    StandingOption,
    UntilOption,
    selection,
    shape,
)
from registry.cli.session import (
    Fails,
    HomeOption,
    JsonOption,
    RegistryOption,
    ThreadsOption,
    progress,
    say,
)
from registry.store import Absent
from signing.digest import artifact_id
from signing.errors import Malformed

app = typer.Typer()

Ref = Annotated[
    str,
    typer.Argument(
        help="sha256:<id or its beginning>, namespace/name\\[@revision], hf:owner/name, or a folder."
    ),
]


@app.command()
def show(
    ref: Ref, home: HomeOption = None, registry: RegistryOption = None, as_json: JsonOption = False
) -> None:
    """What is this? What is it made of?"""
    verdict = asked(home, registry).verdict(ref)
    say(as_json, verdict, lambda: answered.verdict(verdict))


@app.command()
def ancestors(
    ref: Ref,
    relation: RelationOption = None,
    evidence: EvidenceOption = None,
    standing: StandingOption = None,
    license_id: LicenseOption = None,
    owner: OwnerOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    form: FormOption = "table",
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """What is it made of, all the way up? What is left out by an option is counted."""
    wanted = selection(relation, evidence, standing, license_id, owner, since, until)
    shown = shape(form, as_json=as_json)
    answers = asked(home, registry)
    if shown in SHAPES:
        _tell(answers.ancestors(ref, wanted), shown)
    else:
        typer.echo(answers.export(ref, shown, "ancestors", wanted).encode(), nl=False)


@app.command()
def descendants(
    ref: Ref,
    relation: RelationOption = None,
    evidence: EvidenceOption = None,
    standing: StandingOption = None,
    license_id: LicenseOption = None,
    owner: OwnerOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    form: FormOption = "table",
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who descends from it? What is left out by an option is counted."""
    wanted = selection(relation, evidence, standing, license_id, owner, since, until)
    shown = shape(form, as_json=as_json)
    answers = asked(home, registry)
    if shown in SHAPES:
        _tell(answers.descendants(ref, wanted), shown)
    else:
        typer.echo(answers.export(ref, shown, "descendants", wanted).encode(), nl=False)


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
    say(as_json, answer, lambda: answered.why(answer))
    if answer.paths == "0":
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
    say(as_json, verdict, lambda: stands.standing(verdict, names))
    if verdict.standing.state != "clean":
        raise Fails


def _tell(answer: LineageOut, shape: str) -> None:
    say(shape == "json", answer, lambda: trees.tree(answer) if shape == "tree" else answered.lineage(answer))


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
