"""Recipes that build on each other: the documents of one file, each merged into a folder beside and used by the next.

As mergekit's multimerge reads them: a document names an earlier one by its `name`. Every merge is executed, signed and
logged like any other, so that the last result descends from artifacts that can be rebuilt one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from merger.dialect import Document
from merger.recipe import Recipe
from registry.home import Home
from registry.store import Absent, places
from registry.work.logged import find
from registry.work.prepared import Prepared, compiled, prepare, read
from signing.errors import Malformed

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Link:
    """One merge of a chain: what to execute, into which folder, and the artifact if this recipe already made it there."""

    prepared: Prepared
    folder: Path
    artifact: str | None = None


def links(home: Home, raw: bytes, out: Path, seed: str | None = None) -> Iterator[Link]:
    """Yield the merges of a recipe file in order; whoever takes one makes it before taking the next.

    The last goes to `out`, those before it beside: `out.name` for a document called `name`. A folder there that the
    same recipe made already is used as it is, so that a chain that was stopped goes on where it was.
    """
    found = read(raw)
    if isinstance(found, Recipe) or len(found) == 1:
        yield Link(prepare(home, raw, seed), out)
        return
    if seed is not None:
        raise Malformed("--seed holds for one recipe; write seed: into the documents that draw random masks")
    _check(found)
    earlier: dict[str, str] = {}
    for i, document in enumerate(found):
        prepared = compiled(home, document, raw + b"#%d" % i, None, earlier)
        if i == len(found) - 1 or document.name is None:
            yield Link(prepared, out)
            return
        folder = out.with_name(f"{out.name}.{document.name}")
        yield Link(prepared, folder, _made(home, folder, prepared.recipe))
        with home.store.reading() as connection:
            artifact = places.at(connection, folder)
        if artifact is None:
            raise Absent(f"{folder} was not made, and the next document needs it")
        earlier[document.name] = artifact


def _check(documents: Sequence[Document]) -> None:
    """Refuse documents that do not lead to each other by names of their own."""
    names = [document.name for document in documents]
    for i, document in enumerate(documents, 1):
        last = i == len(documents)
        if not last and (document.name is None or not _NAME.fullmatch(document.name)):
            raise Malformed(
                f"document {i} of {len(documents)} has the name {document.name!r}; all but the last need one of letters, digits, '.', '_' and '-', by which a later document names it"
            )
        if document.name is not None and document.name in names[: i - 1]:
            raise Malformed(f"two documents are named {document.name!r}")
        for ref in document.references():
            if ref in names[i - 1 :]:
                raise Malformed(
                    f"document {i} names {ref!r}, which is document {names.index(ref) + 1}; put it first"
                )
            # A folder of that name must not be passed over in silence.
            if ref in names[: i - 1] and Path(ref).exists():
                raise Malformed(
                    f"{ref!r} is document {names.index(ref) + 1} and also a folder here: rename one, or write ./{ref} for the folder"
                )


def _made(home: Home, folder: Path, recipe: Recipe) -> str | None:
    """Return the artifact that a folder holds, if this recipe made it."""
    if not folder.exists():
        return None
    with home.store.reading() as connection:
        artifact = places.at(connection, folder)
    try:
        return artifact if artifact is not None and find(home, artifact).recipe == recipe else None
    except Absent:
        return None
