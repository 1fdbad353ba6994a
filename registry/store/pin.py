"""`trusted_root.json`: the version of the trusted root that the clients of this home pin.

It follows the log and never leads it: it is written once the leaf that brings a version into force is covered by a
checkpoint. A process that stops in between leaves an earlier version there, which the next one renews; what the log
never had is never replaced, because nothing would then say that one of the two was exchanged.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from registry.store import trust
from registry.store.disk import replace
from signing.errors import Untrusted

_MODE = 0o644  # public, and what others pin, whatever the umask of whoever made the home


def renew(connection: Connection, path: Path) -> None:
    """Bring the pin at `path` to the newest covered version, unless it holds what the log never had."""
    due = trust.covered(connection)
    if due is None:
        return
    pinned = _read(path)
    if pinned is None or (pinned != _lines(due) and holds(connection, pinned)):
        replace(path, _lines(due), _MODE)


def is_current(path: Path, document: str) -> bool:
    """Tell whether the pin at `path` is this version of the trusted root."""
    return _read(path) == _lines(document)


def check(connection: Connection, path: Path) -> None:
    """Refuse a pin that is no version of this log's trusted root."""
    pinned = _read(path)
    if pinned is not None and not holds(connection, pinned):
        root = trust.root(connection)
        said = "no trusted root" if root is None else f"version {root.version} for {root.origin}"
        raise Untrusted(
            f"{path} is not the trusted root that the log brought into force; the log has {said}: one of the two was"
            " exchanged, so restore the one that belongs here"
        )


def holds(connection: Connection, pinned: bytes) -> bool:
    """Tell whether these bytes are the pin of a version that the log brought into force."""
    return any(pinned == _lines(one) for one in trust.documents(connection))


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _lines(document: str) -> bytes:
    return document.encode() + b"\n"
