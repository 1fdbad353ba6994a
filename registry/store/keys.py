"""Private keys as files that only their owner can read (3-trust, "Keys and trust root")."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from registry.store import Absent
from registry.store.disk import sync_folder
from signing.errors import Refused
from signing.keys import Kind, PrivateKey


def keep(path: Path, key: PrivateKey) -> None:
    """Write `key` to `path` with mode 0600, whole or not at all; an existing file is never replaced."""
    staged = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key.pem())
            file.flush()
            os.fsync(file.fileno())
        os.link(staged, path)
    finally:
        staged.unlink()
    sync_folder(path.parent)


def load(path: Path) -> PrivateKey:
    """Read the key at `path`; refuse a file that anyone but its owner may read or write."""
    try:
        # The mode is asked of the open file, or the file could be exchanged between the two questions.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Absent(f"{path}: there is no such key") from None
    except OSError as error:
        raise Refused(f"{path}: this key cannot be opened: {error.strerror}") from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise Refused(f"{path} is no regular file, so it is not read as a key")
        if found.st_mode & 0o077:
            mode = stat.S_IMODE(found.st_mode)
            raise Refused(f"{path} has mode {mode:04o}: others can reach this key; run `chmod 600 {path}`")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return PrivateKey.parse(file.read())
    finally:
        os.close(handle)


def make(folder: Path, kinds: Mapping[str, Kind]) -> None:
    """Make in `folder` the keys that are not there yet, each of its kind."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, kind in kinds.items():
        path = folder / f"{name}.pem"
        if not path.exists():
            keep(path, PrivateKey.generate(kind))


def require(folder: Path, names: Iterable[str]) -> None:
    """Refuse a home that has a log and has lost a key: a new one would be a stranger to the log."""
    for name in names:
        path = folder / f"{name}.pem"
        if not path.exists():
            raise Absent(
                f"{path} is missing, and the log beside it was written with it: restore it from a backup; a new key"
                " would not be in the trusted root"
            )
