"""Bytes by their SHA-256 in a local folder: written once, verified as they arrive, never replaced.

A blob is staged beside its place, hashed while it is written, fsynced and linked into place (5-service, "Storage":
create-only puts). A crash leaves a stage, which no reader looks at and which is swept a day after its last write.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from registry.settings import now
from registry.store import Absent
from registry.store.disk import sync_folder
from signing.digest import parse_id
from signing.errors import Malformed

_CHUNK = 1 << 20
_STALE_SECONDS = 86_400


class Blobs:
    """The blobs of one home."""

    def __init__(self, folder: Path) -> None:
        """Hold the blobs under `folder`, which is made when the first one arrives."""
        self._folder = folder / "sha256"
        self._stage = folder / "staged"

    def put(self, digest: str, chunks: Iterable[bytes]) -> bool:
        """Store `chunks` under `digest` (64 hex); True if it was not here yet, refused if they do not match."""
        target = self.path(digest)
        if target.exists():
            return False
        for folder in (self._stage, target.parent):
            folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        staged = self._stage / secrets.token_hex(16)
        try:
            self._write(staged, digest, chunks)
            os.link(staged, target)
        except FileExistsError:
            return False  # another writer was first; content addressing makes its bytes ours
        finally:
            staged.unlink(missing_ok=True)
        sync_folder(target.parent)
        sync_folder(target.parent.parent)
        return True

    def add(self, digest: str, path: Path) -> bool:
        """Store the file at `path` as `put` does."""
        with path.open("rb") as file:
            return self.put(digest, iter(lambda: file.read(_CHUNK), b""))

    def size(self, digest: str) -> int:
        """Return how many bytes the blob has."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            raise Absent(f"blob sha256:{digest} is not stored here") from None

    def __contains__(self, digest: str) -> bool:
        return self.path(digest).exists()

    def read(self, digest: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Return the bytes from `start` up to, not including, `end`, in chunks."""
        size = self.size(digest)
        stop = size if end is None else end
        if not 0 <= start <= stop <= size:
            raise Malformed(f"blob sha256:{digest} has {size} bytes, asked for {start} to {stop}")
        return self._chunks(digest, start, stop)

    def hashed(self, digest: str) -> str:
        """Return the SHA-256 (hex) of the bytes that lie under `digest`: the same, unless they were changed."""
        seen = hashlib.sha256()
        for chunk in self.read(digest):
            seen.update(chunk)
        return seen.hexdigest()

    def _chunks(self, digest: str, start: int, stop: int) -> Iterator[bytes]:
        with self.path(digest).open("rb") as file:
            file.seek(start)
            while start < stop:
                chunk = file.read(min(_CHUNK, stop - start))
                if not chunk:
                    raise Malformed(f"blob sha256:{digest} ends at byte {start}, before {stop}: it was cut")
                start += len(chunk)
                yield chunk

    def _write(self, staged: Path, digest: str, chunks: Iterable[bytes]) -> None:
        seen = hashlib.sha256()
        with staged.open("xb") as file:
            for chunk in chunks:
                seen.update(chunk)
                file.write(chunk)
            if seen.hexdigest() != digest:
                raise Malformed(f"the bytes sent as sha256:{digest} are sha256:{seen.hexdigest()}")
            file.flush()
            os.fchmod(file.fileno(), 0o444)
            os.fsync(file.fileno())

    def _sweep(self) -> None:
        for left in self._stage.iterdir():
            try:
                if left.stat().st_mtime < now() - _STALE_SECONDS:
                    left.unlink()
            except FileNotFoundError:  # its writer has just linked it into place
                continue

    def path(self, digest: str) -> Path:
        """Return where the blob lies, or would; what is read there is for the reader to check."""
        # Through the strict reader: a digest becomes a path, so `../` must not pass for one.
        hexadecimal = parse_id(f"sha256:{digest}")
        return self._folder / hexadecimal[:2] / hexadecimal
