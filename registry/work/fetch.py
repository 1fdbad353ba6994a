"""Fetch bytes by their SHA-256 from somebody who is not trusted, into a folder where they are kept.

What has arrived stays in `parts/` and is continued, by whoever comes next; only what hashes to its name becomes a blob.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from merger.folder import Progress
from registry.store.blobs import Blobs
from registry.store.log import Receipt
from signing.errors import Malformed, Untrusted


class Source(Protocol):
    """A registry, as whoever rebuilds sees it; none of its answers is believed."""

    name: str

    def checkpoint(self) -> bytes:
        """Return the newest signed checkpoint."""

    def root(self) -> bytes:
        """Return the trusted root that the registry says is in force."""

    def due(self, operator: str) -> Iterator[tuple[str, str]]:
        """Go through the artifacts and provenances on which `operator` has no verdict."""

    def bundle(self, entry: str) -> bytes:
        """Return the encoded bundle of an entry."""

    def bundles(self, artifact: str) -> tuple[bytes, ...]:
        """Return the encoded bundles of every entry that says what the artifact is."""

    def size(self, digest: str) -> int:
        """Return how many bytes the blob has; `Absent` if it is not stored."""

    def blob(self, digest: str, start: int) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """Open the bytes with this digest; gives where they begin, `start` or 0, and the bytes from there on."""

    def publish(self, raw: bytes) -> Receipt:
        """Append a signed statement to the log."""


class Fetched:
    """Blobs that were fetched, below a folder, and parts of those that are on their way."""

    def __init__(self, source: Source, folder: Path) -> None:
        """Keep what `source` sends in `blobs/` and `parts/` of `folder`."""
        self.blobs = Blobs(folder / "blobs")
        self._source, self._parts = source, folder / "parts"

    def missing(self, digest: str) -> int:
        """Return how many bytes there are still to fetch, by the source's word; `Absent` if it has none of them."""
        if digest in self.blobs:
            return 0
        part = self._part(digest)
        return max(0, self._source.size(digest) - (part.stat().st_size if part.exists() else 0))

    def fetch(self, digest: str, progress: Progress = lambda _: None) -> None:
        """Fetch a blob, or the rest of it, unless it is here."""
        if digest in self.blobs:
            return
        self._parts.mkdir(parents=True, exist_ok=True)
        part, size = self._part(digest), self._source.size(digest)
        begun = part.exists()
        self._complete(part, digest, size, progress)
        if begun and not self._kept(digest, part):
            # What a crash left of a file may be torn; only what is sent anew, as a whole, is the source's doing.
            part.unlink()
            self._complete(part, digest, size, progress)
        if digest not in self.blobs and not self._kept(digest, part):
            part.unlink()
            raise Untrusted(f"{self._source.name} sent {size} bytes as sha256:{digest}, and they are others")
        part.unlink(missing_ok=True)

    def _complete(self, part: Path, digest: str, size: int, progress: Progress) -> None:
        have = part.stat().st_size if part.exists() else 0
        if have == size > 0:
            return
        with (
            self._source.blob(digest, have if have < size else 0) as (start, chunks),
            part.open("ab") as file,
        ):
            file.truncate(start)
            arrived = start
            for chunk in chunks:
                arrived += len(chunk)
                if arrived > size:
                    raise Untrusted(
                        f"{self._source.name} sends more than the {size} bytes of sha256:{digest}"
                    )
                file.write(chunk)
                progress(len(chunk))

    def _kept(self, digest: str, part: Path) -> bool:
        try:
            self.blobs.add(digest, part)
        except Malformed:
            return False
        return True

    def _part(self, digest: str) -> Path:
        return self._parts / self.blobs.path(digest).name
