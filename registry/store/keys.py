"""Private keys as files that only their owner can read (3-trust, "Keys and trust root")."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from registry.store import Absent
from registry.store.disk import sync_folder
from signing.errors import Malformed, Refused
from signing.keys import Kind, PrivateKey

_SEALED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"

Ask = Callable[[str], bytes | None]
"""Returns the passphrase that opens the key with this name, or None where nobody can be asked."""


def keep(path: Path, key: PrivateKey, passphrase: bytes | None = None) -> None:
    """Write `key` to `path` with mode 0600, whole or not at all; an existing file is never replaced.

    With a passphrase it is sealed: PKCS #8 with PBES2 (RFC 8018).
    """
    write(path, key.pem(passphrase))


def write(path: Path, raw: bytes) -> None:
    """Write a secret to `path` with mode 0600, whole or not at all; an existing file is never replaced."""
    staged = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.link(staged, path)
    finally:
        staged.unlink()
    sync_folder(path.parent)


def load(path: Path, ask: Ask = lambda _: None) -> PrivateKey:
    """Read the key at `path`; refuse a file that anyone but its owner may read or write.

    `ask` is called only for a key that is sealed.
    """
    return opened(read(path), str(path), ask)


def sealed(path: Path) -> bool:
    """Tell whether the key at `path` is sealed with a passphrase; refuse a file that others may read or write."""
    return _SEALED in read(path)


def read(path: Path) -> bytes:
    """Return the secret at `path`; refuse a file that anyone but its owner may read or write."""
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
            return file.read()
    finally:
        os.close(handle)


def opened(pem: bytes, name: str, ask: Ask) -> PrivateKey:
    """Return the private key in `pem`, asking for its passphrase if it is sealed; `name` is what people call it."""
    if _SEALED not in pem:
        return PrivateKey.parse(pem)
    passphrase = ask(name)
    if passphrase is None:
        raise Refused(
            f"{name} is sealed with a passphrase: set STUDBOOK_PASSPHRASE, or run this on a terminal, where it is asked for"
        )
    try:
        return PrivateKey.parse(pem, passphrase)
    except Malformed as error:
        raise Malformed(f"{name}: {error}") from None


def make(folder: Path, kinds: Mapping[str, Kind], passphrase: bytes | None = None) -> None:
    """Make in `folder` the keys that are not there yet, each of its kind, sealed where a passphrase is given."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, kind in kinds.items():
        path = folder / f"{name}.pem"
        if not path.exists():
            keep(path, PrivateKey.generate(kind), passphrase)


def successor(place: Path, ask: Ask) -> PrivateKey:
    """Return the key that waits to follow the one at `place`, made now if none does, of its kind and sealed as it is."""
    waiting = _waiting(place)
    if not waiting.exists():
        passphrase = ask(str(place)) if sealed(place) else None
        keep(waiting, PrivateKey.generate(load(place, ask).public.kind), passphrase)
    return load(waiting, ask)


def adopt(place: Path, ask: Ask) -> Path:
    """Put the key that waits in the place of the old one, which stays beside it under its id; return where."""
    kept = place.with_name(f"{place.stem}.{load(place, ask).public.id[:16]}.pem")
    if not kept.exists():
        os.link(place, kept)
    _waiting(place).replace(place)
    sync_folder(place.parent)
    return kept


def _waiting(place: Path) -> Path:
    return place.with_name(f"{place.stem}.next.pem")


def require(folder: Path, names: Iterable[str]) -> None:
    """Refuse a home that has a log and has lost a key: a new one would be a stranger to the log."""
    for name in names:
        path = folder / f"{name}.pem"
        if not path.exists():
            raise Absent(
                f"{path} is missing, and the log beside it was written with it: restore it from a backup; a new key"
                " would not be in the trusted root"
            )
