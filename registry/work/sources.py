"""The documents of an import, from this machine's files: read once, each record with the document that holds it.

What cannot be read, for whatever reason the system has, is a record that is not read; what a folder holds besides documents of the
kind asked for is none of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from registry.ingest import Kind
from registry.records import Document, Reason, Record, Unread
from registry.stubs import Nameless, placed, stub
from signing import canonical
from signing.errors import Malformed

# More than any list of the hub's; what is larger would be held in memory whole.
MOST_BYTES = 1 << 28
_LONGEST_NAME = 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A document that was read: its name and the SHA-256 (hex) of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Found:
    """A record and where it comes from; a document that could not be read has no digest, and nothing follows from it."""

    source: Source
    record: Record


def listed(kind: Kind, path: Path) -> list[tuple[str, Path]]:
    """Return the documents at `path`, a file or a folder, by their names below it, in order."""
    if not path.is_dir():
        path.stat()  # what is not there is the caller's mistake
        return [(path.name, path)]
    found = []
    for folder, folders, names in os.walk(path):
        folders.sort()
        found += [Path(folder, name) for name in names]
    below = sorted((one.relative_to(path).as_posix(), one) for one in found)
    wanted = [(name, one) for name, one in below if kind.wants(name)]
    if not wanted:
        raise Malformed(f"{path} holds none of {kind.ABOUT}")
    return wanted


def indexed(index: Path) -> dict[Path, str | None]:
    """Return what the documents of an index make, by their resolved paths: a JSON list of {"file": …, "target": …}."""
    entries = canonical.decode(index.read_bytes())
    if not isinstance(entries, list):
        raise Malformed(f"{index} is no list of {{file, target}}")
    found: dict[Path, str | None] = {}
    for number, one in enumerate(entries):
        match one:
            case {"file": str(file), "target": str() | None as target} if "\0" not in file:
                found[(index.parent / file).resolve()] = target
            case _:
                raise Malformed(f"entry {number} of {index} names no file with a target: {one!r:.120}")
    return found


def read(
    kind: Kind,
    documents: list[tuple[str, Path]],
    target: str | None,
    index: Mapping[Path, str | None],
    progress: Callable[[int], object] = lambda _: None,
) -> Iterator[Found]:
    """Yield every record of these documents; `target` is the stub that they are about, or `index` says it, or their place."""
    for name, path in documents:
        yield from _document(kind, name, path, target, index)
        progress(1)


def _document(
    kind: Kind, name: str, path: Path, target: str | None, index: Mapping[Path, str | None]
) -> Iterator[Found]:
    shown = "".join(char if char.isprintable() else "\ufffd" for char in name)
    if shown != name or len(name) > _LONGEST_NAME:
        why = f"a statement names its document by at most {_LONGEST_NAME} printable characters"
        yield Found(
            Source(shown, ""), Unread(shown[:_LONGEST_NAME], Reason("has a name that cannot be signed", why))
        )
        return
    try:
        data = _bytes(path)
        about = target or _about(name, path, index)
    except OSError as error:
        yield Found(Source(name, ""), Unread(name, Reason("cannot be read", error.strerror or str(error))))
        return
    except Nameless as error:
        yield Found(Source(name, ""), Unread(name, Reason(f"is of what {error.gist}", str(error))))
        return
    except Malformed as error:
        yield Found(Source(name, ""), Unread(name, Reason("is too large", str(error))))
        return
    document = Document(name, data)
    source = Source(name, document.sha256)
    for one in kind.read(document, about):
        yield Found(source, one)


def _bytes(path: Path) -> bytes:
    with path.open("rb") as opened:
        data = opened.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise Malformed(f"the document has more than {MOST_BYTES} bytes")
    return data


def _about(name: str, path: Path, index: Mapping[Path, str | None]) -> str | None:
    said = index.get(path.resolve())
    return placed(name) if said is None else stub(said).artifact
