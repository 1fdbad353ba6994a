"""What the log holds about one artifact by itself: its files, its manifest, and the entries that say so."""

from __future__ import annotations

from sqlalchemy import Connection, select, union
from sqlmodel import col

from registry.store import Absent
from registry.tables import Build, File, License, Manifest, Node


def files(connection: Connection, artifact: str) -> dict[str, str]:
    """Return the SHA-256 (hex) of every file of a registered artifact by its name."""
    registered(connection, artifact)
    found = (
        select(col(File.name), col(File.sha256))
        .join(Node, col(Node.number) == col(File.artifact))
        .where(col(Node.id) == artifact)
        .order_by(col(File.name))
    )
    return {row.name: row.sha256 for row in connection.execute(found)}


def registered(connection: Connection, artifact: str) -> int:
    """Return the index of the entry that registered `artifact`: the statement that signs its files."""
    index: int | None = connection.scalar(select(col(Node.registered)).where(col(Node.id) == artifact))
    if index is None:
        raise Absent(f"{artifact} is not registered here")
    return index


def manifests(connection: Connection, artifact: str) -> tuple[str, ...]:
    """Return the SHA-256 (hex) of every manifest that a statement about it names, in the order of the log."""
    found = connection.scalars(
        select(col(Manifest.sha256))
        .join(Node, col(Node.number) == col(Manifest.artifact))
        .where(col(Node.id) == artifact)
        .order_by(col(Manifest.entry), col(Manifest.seq))
    )
    return tuple(dict.fromkeys(found))


def license_of(connection: Connection, artifact: str) -> str | None:
    """Return the license id declared last for `artifact`, None if none was."""
    found: str | None = connection.scalar(
        select(col(License.license))
        .join(Node, col(Node.number) == col(License.artifact))
        .where(col(Node.id) == artifact)
        .order_by(col(License.entry).desc(), col(License.seq).desc())
        .limit(1)
    )
    return found


def builds(connection: Connection, artifact: str) -> tuple[int, ...]:
    """Return the indexes of the entries that say how `artifact` was built, oldest first."""
    found = (
        select(col(Build.entry))
        .join(Node, col(Node.number) == col(Build.artifact))
        .where(col(Node.id) == artifact)
        .order_by(col(Build.entry), col(Build.seq))
    )
    return tuple(connection.scalars(found))


def described(connection: Connection) -> tuple[tuple[str, str], ...]:
    """Return every artifact with the SHA-256 (hex) of each manifest that a statement or a build of it names."""
    signed = select(col(Node.id), col(Manifest.sha256)).join(Node, col(Node.number) == col(Manifest.artifact))
    built = select(col(Node.id), col(Build.manifest)).join(Node, col(Node.number) == col(Build.artifact))
    return tuple((row[0], row[1]) for row in connection.execute(union(signed, built)))
