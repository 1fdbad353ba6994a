"""What a rebuilder asks of a registry that it does not trust: what is due, statements with their proofs, and bytes.

Nothing here is believed. Statements are proven against a pinned root and bytes by their SHA-256, by whoever asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from registry.client import Remote
from registry.outcomes import RebuildsOut
from registry.store.log import Receipt
from signing.digest import parse_id
from signing.errors import Malformed, Untrusted

# What is read page by page must end somewhere, or a registry could feed its reader for ever.
MAX_DUE = 1_000_000


class Supply:
    """A registry at a URL, as a rebuilder sees it."""

    def __init__(self, remote: Remote) -> None:
        """Ask through `remote`, which its owner closes."""
        self._remote = remote
        self.name = remote.shown

    def checkpoint(self) -> bytes:
        """Return the newest signed checkpoint."""
        return self._remote.request("GET", "/checkpoint")

    def root(self) -> bytes:
        """Return the trusted root that the registry says is in force: its own word."""
        return self._remote.request("GET", "/trusted-root")

    def due(self, operator: str) -> Iterator[tuple[str, str]]:
        """Go through the artifacts and provenances (entry ids) on which `operator` has no verdict, oldest first."""
        seen = set[str]()
        page = self._remote.ask(RebuildsOut, "/rebuilds", missing=operator)
        while True:
            before = len(seen)
            for one in page.rebuilds:
                seen.add(parse_id(f"sha256:{one.build}"))
                yield f"sha256:{parse_id(one.artifact)}", one.build
            if page.next is None:
                return
            if len(seen) == before or len(seen) > MAX_DUE:
                raise Malformed(f"{self.name} lists rebuilds without an end: {len(seen)} so far")
            page = self._remote.ask(RebuildsOut, "/rebuilds", missing=operator, after=page.next)

    def bundle(self, entry: str) -> bytes:
        """Return the encoded bundle of an entry."""
        return self._remote.entry(entry)

    def bundles(self, artifact: str) -> tuple[bytes, ...]:
        """Return the encoded bundles of every entry that says what the artifact is and how it was made."""
        return self._remote.bundles(artifact)

    def size(self, digest: str) -> int:
        """Return how many bytes the blob has, by the registry's word; `Absent` if it does not store it."""
        with self._remote.site.stream("HEAD", f"/blobs/sha256/{digest}") as response:
            said = response.headers.get("content-length", "")
        if not (said.isascii() and said.isdecimal() and len(said) < 16):
            raise Malformed(f"{self.name} does not say how many bytes sha256:{digest} has")
        return int(said)

    @contextmanager
    def blob(self, digest: str, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Open the bytes with this digest; gives where they begin, `start` or 0, and the bytes from there on."""
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        with self._remote.site.stream("GET", f"/blobs/sha256/{digest}", headers=headers) as response:
            partial = response.status_code == 206
            said = response.headers.get("content-range", "")
            if partial and not said.startswith(f"bytes {start}-"):
                raise Untrusted(
                    f"{self.name} was asked for sha256:{digest} from byte {start} on, and sent {said!r}"
                )
            yield start if partial else 0, response.iter_bytes()

    def publish(self, raw: bytes) -> Receipt:
        """Append the signed statement `raw` to the registry's log and return what proves it."""
        return self._remote.publish(raw)
