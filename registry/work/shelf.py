"""Where an artifact's bytes are on this machine, and what its signed manifest says about them.

Registered folders are referenced, not copied; an artifact that was stored with `--copy` is laid out again from its
blobs by hard links. Nothing here believes the bytes: whoever reads them checks them against the manifest.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from merger.manifest import Manifest
from registry.home import Home
from registry.store import Absent, artifacts, places
from registry.store.blobs import Blobs
from signing.digest import artifact_id, parse_id, sha256_hex
from signing.errors import Untrusted


@dataclass(frozen=True, slots=True)
class Shelved:
    """An artifact that can be read here: its folder, and its manifest with the block digests."""

    folder: Path
    manifest: Manifest
    blocks: bytes


def keep(home: Home, manifest: Manifest, blocks: bytes) -> None:
    """Store a manifest and its block digests as blobs."""
    home.blobs.put(manifest.digest, [manifest.encode()])
    home.blobs.put(manifest.blocks, [blocks])


def described(home: Home, connection: Connection, artifact: str) -> tuple[Manifest, bytes]:
    """Return an artifact's signed manifest and its block digests.

    Whoever signs a provenance names a manifest, and may name another artifact's: the list of files in it decides.
    """
    named = artifacts.manifests(connection, artifact)
    if not named:
        raise Absent(f"{artifact} has no manifest: nobody has described its files here")
    stored = [digest for digest in named if digest in home.blobs]
    if not stored:
        raise Absent(f"the manifest sha256:{named[0]} of {artifact} is not stored here")
    for digest in stored:
        manifest = Manifest.parse(blob(home, digest))
        if artifact_id({file.name: file.sha256 for file in manifest.files}) == artifact:
            return manifest, blob(home, manifest.blocks)
    raise Untrusted(f"the manifests signed for {artifact} list the files of others: {', '.join(stored)}")


def shelved(home: Home, wanted: Iterable[str]) -> Mapping[str, Shelved]:
    """Return where each artifact can be read, or say which one is nowhere on this machine."""
    with home.store.reading() as connection:
        return {one: _shelved(home, connection, one) for one in wanted}


def _shelved(home: Home, connection: Connection, artifact: str) -> Shelved:
    manifest, blocks = described(home, connection, artifact)
    # Stored files were verified when they came and cannot be written; a folder may have been changed since.
    if all(file.sha256 in home.blobs for file in manifest.files):
        files = {file.name: file.sha256 for file in manifest.files}
        return Shelved(laid_out(home.path, home.blobs, artifact, files), manifest, blocks)
    known = places.of(connection, artifact)
    for folder in known:
        if _holds(folder, manifest):
            return Shelved(folder, manifest, blocks)
    was = f"it was in {', '.join(map(str, known))}" if known else "it was never on this machine"
    raise Absent(
        f"the files of {artifact} are not here: {was}; bring them back and `studbook add` the folder"
    )


def _holds(folder: Path, manifest: Manifest) -> bool:
    """Tell whether a folder has the files in their sizes; their bytes are checked where they are read."""
    try:
        return all((folder / file.name).stat().st_size == file.size for file in manifest.files)
    except OSError:
        return False


def laid_out(home: Path, blobs: Blobs, artifact: str, files: Mapping[str, str]) -> Path:
    """Return the folder below `home` where stored files, SHA-256 by name, lie as the artifact that they are."""
    folder = home / "artifacts" / parse_id(artifact)
    for name, digest in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            os.link(blobs.path(digest), path)
    return folder


def blob(home: Home, digest: str) -> bytes:
    """Return a small stored file, checked against its SHA-256 (hex)."""
    data = b"".join(home.blobs.read(digest))
    if sha256_hex(data) != digest:
        raise Untrusted(f"the blob sha256:{digest} hashes to {sha256_hex(data)}: it was changed on disk")
    return data
