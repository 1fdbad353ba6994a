"""Sketches of what was registered on this machine: beside the blobs, by architecture, never logged and never folded.

A sketch is made while the files are known to be here, and outlives them. It follows from the weights, so one that is lost or
damaged is made again from them; what others say of their artifacts never becomes one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from merger.elements import family
from merger.manifest import Manifest
from merger.sketch import Sketch, content, sketch, sketched
from registry.home import Home
from registry.store import Absent, artifacts
from registry.work.shelf import described, shelved
from signing.digest import parse_id
from signing.errors import Malformed, Refused, Untrusted

_FOLDER = "sketches"
# What is still being written begins with a dot.
_ANY = "[0-9a-f]*"


def keep(home: Home, artifact: str, folder: Path, manifest: Manifest, blocks: bytes) -> None:
    """Sketch the artifact in `folder` and keep that, if it holds anything to sketch and no sketch of it is here."""
    path = _path(home, artifact, manifest)
    if path is None or path.exists():
        return
    from merger.weights import opened_weights  # noqa: PLC0415 - who serves a registry compares sketches and makes none

    with opened_weights({artifact: folder}, {artifact: (manifest, blocks)}) as weights:
        found = sketch(weights[artifact])
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{secrets.token_hex(16)}")
    try:
        staged.write_bytes(found.encode())
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)


def of(home: Home, artifact: str, *, files: bool = True) -> Sketch:
    """Return an artifact's sketch, made now if it has none, its `files` may be read, and they are here; `Absent` where there is none."""
    with home.store.reading() as connection:
        manifest, _ = described(home, connection, artifact)
    path = _path(home, artifact, manifest)
    if path is None:
        raise Absent(f"{artifact} holds no tensor of floats, so there is nothing to compare")
    if not path.exists():
        if not files:
            raise Absent(f"no sketch of {artifact} is kept here")
        one = shelved(home, [artifact])[artifact]
        keep(home, artifact, one.folder, one.manifest, one.blocks)
    found = _read(path)
    if found.content != content(manifest):
        raise Untrusted(f"{_said(path)} is no sketch of {artifact}: remove it, and it is made again")
    return found


def alike(home: Home, architecture: str, *, skipping: bool = False) -> Iterator[tuple[str, Sketch]]:
    """Go through the sketches of one architecture (64 hex digits), by artifact; one that cannot be read is refused, or left out if `skipping`."""
    folder = home.path / _FOLDER / architecture
    for artifact in _registered(home, folder.glob(_ANY)):
        try:
            found = _read(folder / parse_id(artifact))
        except Malformed:
            if skipping:
                continue
            raise
        yield artifact, found


def every(home: Home) -> list[str]:
    """Return the artifacts of which there are sketches here."""
    return _registered(home, (home.path / _FOLDER).glob(f"*/{_ANY}"))


def _registered(home: Home, paths: Iterable[Path]) -> list[str]:
    """Return the artifacts of these sketches that are still registered: a registration may be voided, and its sketch stays."""
    named = sorted(f"sha256:{path.name}" for path in paths)
    with home.store.reading() as connection:
        return [one for one in named if artifacts.registrations(connection, one)]


def _path(home: Home, artifact: str, manifest: Manifest) -> Path | None:
    tensors = sketched(manifest)
    if not tensors:
        return None
    return home.path / _FOLDER / family(one.shape for one in tensors) / parse_id(artifact)


def _read(path: Path) -> Sketch:
    try:
        return Sketch.parse(path.read_bytes())
    except Refused as error:
        raise Malformed(f"{_said(path)} cannot be read: {error}; remove it, and it is made again") from None


def _said(path: Path) -> str:
    """Return where a sketch lies in the home: where the home lies is nobody else's business."""
    return "/".join(path.parts[-3:])
