"""Stubs: which repository of a hub a written name means, as a stub's id, or why it means none.

A name is kept as it is written: case is never folded, and a repository that was renamed stays two stubs, since nothing that is
read here knows better (3-trust, Ids). A folder of somebody's cache says owner, name and commit, so it means just those.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lineage.schema import UPSTREAM
from signing.errors import Malformed

_REPOSITORY = re.compile(rf"({UPSTREAM}/{UPSTREAM})(?:@([^\s@]{{1,200}}))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
# How huggingface_hub lays out its cache; names of the hub hold no two dashes in a row.
_PART = r"((?=[A-Za-z0-9_])(?:(?!--)[A-Za-z0-9_.-]){1,96})"
_CACHED = re.compile(
    rf"(?:^|[/\\])models--{_PART}--{_PART}[/\\]snapshots[/\\]([0-9a-f]{{40}})(?:[/\\].*)?",
    re.ASCII | re.DOTALL,
)
_LOCAL = re.compile(r"[/~.\\]|[A-Za-z]:[/\\]", re.ASCII)
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:", re.ASCII)
_SHOWN = 120

LOCAL = "names a folder of somebody's machine"
ADDRESS = "names an address"
OWNERLESS = "names no owner"
NEITHER = "names no repository"


class Nameless(Malformed):
    """What is written names no repository; `gist` says why without the values, so that it can be counted."""

    def __init__(self, sentence: str, gist: str = NEITHER) -> None:
        """Keep the sentence and the reason."""
        super().__init__(sentence)
        self.gist = gist


@dataclass(frozen=True, slots=True)
class Stub:
    """A repository, by its stub id, and the branch or tag of it that was named, which moves and is no part of the id."""

    artifact: str
    revision: str | None = None


def stub(written: str) -> Stub:
    """Return the repository that `written` means, or raise `Nameless`."""
    name = written.strip()
    found = _REPOSITORY.fullmatch(name)
    if found is not None:
        repository, revision = found.groups()
        pinned = revision is not None and _COMMIT.fullmatch(revision)
        return Stub(f"hf:{name}") if pinned else Stub(f"hf:{repository}", revision)
    cached = _CACHED.search(name)
    if cached is not None and cached.end() == len(name):
        return Stub(f"hf:{cached[1]}/{cached[2]}@{cached[3]}")
    shown = repr(name[:_SHOWN])
    if _LOCAL.match(name) or "\\" in name:
        raise Nameless(f"{shown} is a folder of somebody's machine, and names no repository", LOCAL)
    if _ADDRESS.match(name):
        raise Nameless(f"{shown} is an address; a repository is named owner/name", ADDRESS)
    if name and "/" not in name:
        raise Nameless(
            f"{shown} has no owner; a repository is named owner/name, and nothing here says what the hub's first ones, which had"
            " none, were renamed to",
            OWNERLESS,
        )
    raise Nameless(f"{shown} is no owner/name, so it names no repository")


def placed(name: str) -> str | None:
    """Return the stub that a document's place says it is about: owner/name/FILE, or a folder of the hub's cache; None if it says none."""
    parts = name.split("/")
    cached = _CACHED.search("/".join(parts[:-1]))
    if cached is not None:
        return f"hf:{cached[1]}/{cached[2]}@{cached[3]}"
    if len(parts) == 3 and _REPOSITORY.fullmatch("/".join(parts[:2])):
        return f"hf:{parts[0]}/{parts[1]}"
    return None
