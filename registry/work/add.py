"""Register a folder: describe every byte of it, sign what it is and what is declared about it, log all or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from lineage.facts import Relation, Role
from lineage.predicates import derivation, license, manifest, name, signature  # noqa: A004 - the statement's own name
from lineage.predicates import search as searching
from merger.folder import Description, Progress, describe
from registry.home import Home
from registry.store import Absent, artifacts, places, refs
from registry.store.log import Receipt
from registry.work import cards, sameness, sketches, tensors
from registry.work.shelf import described, keep
from registry.work.sign import check_target, write
from signing.digest import SIGNATURE, parse_id
from signing.errors import Malformed, Untrusted
from signing.statement import Statement


@dataclass(frozen=True, slots=True)
class Added:
    """A registered artifact: its description, the receipts of what was logged about it, and remarks on what could not be."""

    description: Description
    receipts: tuple[Receipt, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """A search or training that ran elsewhere: its algorithm, a file that shows it, the recipe that it found."""

    algorithm: str
    evidence: Path | None = None
    recipe: str | None = None
    """`sha256:<64 hex>`, as a merge prints it."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What the publisher says about an artifact besides its bytes."""

    name: str | None = None
    license: str | None = None
    parents: Sequence[tuple[str, Relation]] = ()
    """References of what it was made from, each with how."""
    search: Search | None = None
    """What searched among the parents, where that is how it was made."""
    same_as: Sequence[str] = ()
    """The stubs that it is, `hf:<owner>/<name>[@<commit>]`."""


def add(
    home: Home,
    folder: Path,
    declared: Declared,
    *,
    copy: bool = False,
    sign: bool = False,
    force: bool = False,
    threads: int = 2,
    progress: Progress = lambda _: None,
) -> Added:
    """Register the artifact in `folder`; run twice it changes nothing.

    With `sign`, what the log holds as its model signature is written into the folder too, over an older one if `force`.
    Raises `Malformed` for a folder that is no artifact or a `same_as` that is no stub, `Absent` for a parent that is not registered.
    """
    if sign:
        check_target(folder, folder / SIGNATURE, force=force)
    search = declared.search
    if search is not None and not declared.parents:
        raise Malformed(f"{search.algorithm} searched among models, and none is named; name each with --base")
    description = describe(folder, threads, progress)
    artifact = description.artifact
    with home.store.reading() as connection:
        _check_described(home, connection, description)
        parents = [
            derivation.Parent(artifact=_parent(connection, artifact, ref), relation=relation, part={})
            for ref, relation in dict.fromkeys(declared.parents)
        ]
        made = _made(artifact, parents, search)
        said = declarations(home, connection, artifact, declared.name, declared.license)
        same = sameness.statements(home, connection, artifact, declared.same_as)
        held = tensors.said(connection, artifact, description.manifest)
    told, remarks = cards.statements(folder, artifact, description.manifest)
    keep(home, description.manifest, description.blocks)
    if copy:
        for file in description.manifest.files:
            home.blobs.add(file.sha256, folder / file.name)
    files = {file.name: file.sha256 for file in description.manifest.files}
    signed = signature.statement(declared.name or folder.resolve().name, files)
    statements: list[tuple[Role, Statement]] = [
        ("publisher", signed),
        ("publisher", manifest.statement(artifact, description.manifest.digest)),
    ]
    if search is not None and search.evidence is not None:
        home.blobs.add(_digest(search.evidence), search.evidence)
    receipts = home.say_all([*statements, *held, *made, *same, *told, *said])
    with home.store.writing() as connection:
        places.put(connection, folder, artifact)
    sketches.keep(home, artifact, folder, description.manifest, description.blocks)
    if sign:
        # P-256 as it is used here signs one statement in one way: these are the bytes that were logged.
        write(folder / SIGNATURE, signed, home.keys("publisher"), force=force)
    return Added(description, tuple(receipts), remarks)


def _made(
    artifact: str, parents: Sequence[derivation.Parent], search: Search | None
) -> list[tuple[Role, Statement]]:
    """Return the statement of what an artifact was made from, if anything is said of that."""
    if search is None:
        return [("publisher", derivation.statement(artifact, parents))] if parents else []
    evidence = None if search.evidence is None else _digest(search.evidence)
    recipe = None if search.recipe is None else parse_id(search.recipe)
    named = [parent.artifact for parent in parents]
    return [("publisher", searching.statement(artifact, search.algorithm, named, evidence, recipe))]


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _check_described(home: Home, connection: Connection, found: Description) -> None:
    """Refuse an artifact of which somebody signed other tensors than its files hold: merges would believe them."""
    try:
        signed, _ = described(home, connection, found.artifact)
    except (Absent, Untrusted):
        # What lists other files, or is not what it was signed as, describes nothing: this folder does now.
        return
    if signed.digest != found.manifest.digest:
        raise Untrusted(
            f"the manifest sha256:{signed.digest} that is signed for {found.artifact} is not that of its files, "
            f"sha256:{found.manifest.digest}; whoever signed it lied about them: report an incident, and merge nothing of it"
        )


def declarations(
    home: Home, connection: Connection, artifact: str, wanted: str | None, terms: str | None
) -> list[tuple[Role, Statement]]:
    """Return the statements that give `artifact` a name and a license, as far as the log does not say so already."""
    said: list[tuple[Role, Statement]] = []
    if terms is not None and artifacts.license_of(connection, artifact) != terms:
        said.append(("publisher", license.statement(artifact, terms, home.now())))
    if wanted is not None:
        bare, at, revision = wanted.partition("@")
        if refs.named(connection, bare, revision if at else None) != artifact:
            said.append(("publisher", naming(home, artifact, wanted)))
    return said


def naming(home: Home, artifact: str, wanted: str) -> Statement:
    """Return the statement that points `wanted`, a name or name@revision, at `artifact` from now on."""
    bare, at, revision = wanted.partition("@")
    return name.statement(artifact, bare, revision if at else None, home.now())


def _parent(connection: Connection, artifact: str, ref: str) -> str:
    if ref.startswith("hf:"):
        return ref
    parent = refs.resolve(connection, ref)
    if parent == artifact:
        raise Malformed(f"{ref} is this very artifact, {artifact}; nothing is made from itself")
    return parent
