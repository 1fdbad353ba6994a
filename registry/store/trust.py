"""Trusted roots as the log brought them into force: whose keys count, as of any size."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Connection, text

from lineage.authority import TrustedRoot

_ROOT = text(
    "SELECT document FROM root WHERE CAST(:size AS BIGINT) IS NULL OR entry < :size ORDER BY version DESC LIMIT 1"
)
_COVERED = text(
    "SELECT document FROM root WHERE entry < (SELECT max(size) FROM checkpoint) ORDER BY version DESC LIMIT 1"
)
_ROOTS = text("SELECT document FROM root ORDER BY version DESC")


def root(connection: Connection, of: int | None = None) -> TrustedRoot | None:
    """Return the trusted root in force after the first `of` entries, or after all; None for an empty log."""
    found = document(connection, of)
    return None if found is None else parsed(found)


def document(connection: Connection, of: int | None = None) -> str | None:
    """Return that trusted root as it was logged, in canonical JSON."""
    found: str | None = connection.scalar(_ROOT, {"size": of})
    return found


def covered(connection: Connection) -> str | None:
    """Return the trusted root of the newest checkpoint, in canonical JSON: what clients pin."""
    found: str | None = connection.scalar(_COVERED)
    return found


def roots(connection: Connection) -> list[TrustedRoot]:
    """Return every version of the trusted root that the log brought into force, newest first."""
    return [parsed(one) for one in documents(connection)]


def documents(connection: Connection) -> list[str]:
    """Return those versions as they were logged, in canonical JSON."""
    return list(connection.scalars(_ROOTS))


@lru_cache(maxsize=16)
def parsed(document: str) -> TrustedRoot:
    """Read a trusted root as it was logged."""
    return TrustedRoot.parse(document.encode())
