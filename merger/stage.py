"""The staging folder of a merge: finished shards with their records, beside the target until everything is done.

A shard counts as finished when its record is on disk, and a record is written after the shard is. Whoever runs the
merge again, after a crash or on another machine with the same folder, continues from there; a target folder appears
whole, by one rename, or not at all.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from merger.folder import Progress, hashed
from merger.manifest import File, Tensor
from signing import canonical
from signing.canonical import Json
from signing.digest import sha256_hex
from signing.errors import Malformed, Refused


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished shard: its file, its tensors, their block digests, and the account of how each was made."""

    file: File
    tensors: list[Tensor]
    blocks: bytes
    account: dict[str, Json]

    def encode(self) -> bytes:
        """Return the record as JSON bytes, with the digest of the account, which nothing else could show to be torn."""
        return canonical.encode(
            {
                "file": self.file.model_dump(mode="json"),
                "tensors": [tensor.model_dump(mode="json") for tensor in self.tensors],
                "blocks": self.blocks.hex(),
                "account": self.account,
                "account_sha256": sha256_hex(canonical.encode(self.account)),
            }
        )

    @classmethod
    def parse(cls, raw: bytes) -> Finished:
        """Read a record."""
        match canonical.decode(raw):
            case {
                "file": file,
                "tensors": list(tensors),
                "blocks": str(blocks),
                "account": dict(account),
                "account_sha256": digest,
            } if digest == sha256_hex(canonical.encode(account)):
                return cls(
                    File.model_validate_json(canonical.encode(file)),
                    [Tensor.model_validate_json(canonical.encode(t)) for t in tensors],
                    bytes.fromhex(blocks),
                    account,
                )
            case _:
                raise Malformed("a shard's record holds file, tensors, blocks and an account with its digest")


class Stage:
    """One merge's staging folder; use `staged`, which locks it against a second process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = path / "files"
        self._records = path / "records"
        self.files.mkdir(parents=True, exist_ok=True)
        self._records.mkdir(exist_ok=True)

    def finished(self, name: str, progress: Progress) -> Finished | None:
        """Return the record of a finished shard whose bytes still are all that it says, or nothing."""
        record = self._records / f"{name}.json"
        if not record.exists() or not (self.files / name).exists():
            return None
        try:
            found = Finished.parse(record.read_bytes())
            file, tensors = hashed(self.files, name, weights=True, progress=progress)
        except ValueError:
            # A torn record or shard means only that it was not finished: it is made again.
            return None
        again = file, [tensor for tensor, _ in tensors], b"".join(blocks for _, blocks in tensors)
        return found if again == (found.file, found.tensors, found.blocks) else None

    def record(self, name: str, finished: Finished) -> None:
        """Put a finished shard's record on disk, at once or not at all."""
        _write(self._records / f"{name}.json", finished.encode())

    def put(self, name: str, data: bytes) -> None:
        """Write one small output file."""
        _write(self.files / name, data)

    def check(self, names: Collection[str]) -> None:
        """Refuse a finished stage that holds anything but the files `names`: the target would not be what was hashed."""
        odd = sorted({path.name for path in self.files.iterdir()}.difference(names))
        if odd:
            raise Malformed(f"{self.files / odd[0]} is no file of this merge; remove it and merge again")

    def release(self, target: Path) -> None:
        """Move the finished files to `target`, whole, and remove the rest of the stage."""
        if os.path.lexists(target):
            raise Malformed(f"{target} exists by now; the finished merge waits in {self.files}")
        _sync(self.files)
        self.files.rename(target)
        _sync(target.parent)
        self.discard()

    def discard(self) -> None:
        """Remove the stage with all that is in it."""
        shutil.rmtree(self.path)


@contextmanager
def staged(target: Path, digest: str) -> Iterator[Stage]:
    """Open the staging folder of the recipe with this digest, beside `target`, for this process alone."""
    if os.path.lexists(target):
        raise Malformed(f"{target} exists already; name a new folder, or remove that one first")
    path = target.parent / f".{target.name}.studbook-{digest[:16]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    # Finished shards are believed: in a shared folder somebody else could have put them there beforehand.
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise Malformed(
            f"{path} is the stage of this merge, and not a folder that only you can write: remove it, or name another --out"
        )
    lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(
                f"another process is making {target} from the same recipe; its stage is {path}"
            ) from None
        yield Stage(path)
    finally:
        os.close(lock)


class Busy(Refused):
    """Another process holds the same stage; try again later."""


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
