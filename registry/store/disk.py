"""Files that are there whole or not at all, after a crash too."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from signing.errors import Refused

# Each failure is somebody else's success, so this many in a row are no race.
_TRIES = 1000


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; a rename or link is not until its folder is synced."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(path: Path, content: bytes, mode: int, staged: Path | None = None) -> None:
    """Put `content` at `path` with this mode in one step: a reader sees the old bytes or the new, never a part.

    It is written at `staged` before, on the same disk: a crash may leave it there.
    """
    staged = staged or path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with staged.open("xb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)  # what the umask took away
            os.fsync(file.fileno())
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextmanager
def alone(folder: Path, make: Callable[[], object]) -> Iterator[None]:
    """Let one process at a time do this to `folder`, which `make` makes: whoever had it to themselves may take it away."""
    handle = _locked(folder, make)
    try:
        yield
    finally:
        os.close(handle)


def _locked(folder: Path, make: Callable[[], object]) -> int:
    """Return the handle that locks what stands at `folder`; a lock on what was taken away meanwhile keeps nobody out."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):  # it was taken away between two of these steps
            make()
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(handle), folder.stat()):
                    return handle
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)
    raise Refused(f"{folder} could not be locked: each of {_TRIES} times that it was made it was gone again")
