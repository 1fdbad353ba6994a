"""What is remembered of somebody's log: its newest checkpoint, how far its entries were verified, and what convicts it.

One folder for each URL, beside the home, for every command that reads from a registry, and for audits that name no other. A
mirror has its own.

    state.json            the newest checkpoint that was accepted, and how far its entries are verified
    checkpoints/<size>    every checkpoint that was accepted: a second one of that size has the same root, or is a fork
    fork-….json           evidence of a fork (`signing.fork`)
    redaction-….json      evidence of a redaction that misstates what it removed (`registry.work.misstated`)
    trusted_root.json     the trusted root that was pinned for it (`registry.work.pinned`)

Each file is there whole or not at all, so an audit that is killed goes on where it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from registry.store.disk import alone, replace
from signing import canonical
from signing.digest import check_hex, sha256_hex
from signing.errors import Malformed
from signing.fork import Fork

VERSION = 1
_MODE = 0o644  # all of it is public


@dataclass(frozen=True, slots=True)
class Memory:
    """The log showed `checkpoint`; its first `size` entries are verified, the last of them at `time`.

    `roots` are the SHA-256 of every version of the trusted root that they bring into force, `root` the newest of them.
    """

    checkpoint: bytes
    size: int = 0
    time: int = 0
    roots: tuple[str, ...] = ()
    root: bytes = b""

    @classmethod
    def parse(cls, raw: bytes) -> Memory:
        """Read what was remembered."""
        match canonical.decode(raw):
            case {
                "v": version,
                "checkpoint": str(note),
                "size": size,
                "time": time,
                "roots": [*roots],
                "root": str(root),
                **rest,
            } if (
                canonical.is_integer(version)
                and version == VERSION
                and canonical.is_integer(size)
                and canonical.is_integer(time)
                and not rest
            ):
                hashes = tuple(check_hex(one, "a version of the trusted root") for one in roots)
            case _:
                raise Malformed(
                    f"a memory of version {VERSION} has v, checkpoint, size, time, roots and root"
                )
        if [sha256_hex(root.encode())] != list(hashes[-1:] or [sha256_hex(b"")]):
            raise Malformed("the trusted root that is remembered is not the newest of those that are named")
        return cls(note.encode(), size, time, hashes, root.encode())

    def encode(self) -> bytes:
        """Return what is remembered as canonical JSON."""
        return canonical.encode(
            {
                "v": VERSION,
                "checkpoint": canonical.text(self.checkpoint, "checkpoint"),
                "size": self.size,
                "time": self.time,
                "roots": self.roots,
                "root": self.root.decode(),
            }
        )


class Notebook:
    """The folder in which a log is remembered."""

    def __init__(self, folder: Path) -> None:
        """Remember in `folder`, which is made when it is `held`."""
        self.folder = folder
        self._seen = folder / "checkpoints"

    @classmethod
    def beside(cls, home: Path, url: str) -> Notebook:
        """Return where the log at `url` is remembered unless a folder is named; never in a home, which holds nothing else.

        However the home is spelled, and wherever one stands: what was seen under another spelling would not bind otherwise.
        """
        words = re.sub("[^A-Za-z0-9.]+", "-", url.partition("://")[2])[:60]
        return cls(home.resolve().parent / "studbook-audits" / f"{words}-{sha256_hex(url.encode())[:8]}")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have the folder to oneself; folders that were made for it and in which nothing was written are taken away."""
        made: list[Path] = []

        def make() -> None:
            for one in reversed((self.folder, *self.folder.parents)):
                if not one.exists():
                    with suppress(FileExistsError):  # somebody else was first
                        one.mkdir()
                        made.insert(0, one)

        with alone(self.folder, make):
            if not self._seen.exists():
                self._seen.mkdir()
                made.insert(0, self._seen)
            try:
                yield
            finally:
                # While it is still locked: whoever waits for it finds out, and makes it again.
                for one in made:
                    with suppress(OSError):  # it is no longer empty
                        one.rmdir()

    def read(self) -> Memory | None:
        """Return what is remembered; None of a log that was never seen."""
        path = self.folder / "state.json"
        if not path.is_file():
            return None
        try:
            return Memory.parse(path.read_bytes())
        except Malformed as error:
            raise Malformed(
                f"{path} is damaged: {error}; move {self.folder} away to begin anew, and keep its checkpoints"
            ) from error

    def write(self, memory: Memory) -> None:
        """Remember this from now on."""
        replace(self.folder / "state.json", memory.encode() + b"\n", _MODE)

    def seen(self, size: int) -> bytes | None:
        """Return the checkpoint of this size that was accepted, if one was."""
        path = self._seen / str(size)
        return path.read_bytes() if path.is_file() else None

    def see(self, size: int, note: bytes) -> None:
        """Keep a checkpoint of this size; the first one stays."""
        if self.seen(size) is None:
            replace(self._seen / str(size), note, _MODE)

    def convict(self, fork: Fork, sizes: tuple[int, int]) -> Path:
        """Keep the evidence of a fork and return where it is."""
        encoded = fork.encode()
        return self.keep(f"fork-{sizes[0]}-{sizes[1]}-{sha256_hex(encoded)[:8]}.json", encoded + b"\n")

    def keep(self, name: str, evidence: bytes) -> Path:
        """Keep evidence under this name and return where it is."""
        path = self.folder / name
        replace(path, evidence, _MODE)
        return path

    @property
    def pinned(self) -> Path:
        """Where the trusted root lies that was pinned for this log."""
        return self.folder / "trusted_root.json"
