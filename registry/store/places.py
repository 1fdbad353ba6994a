"""Which folder of this machine held which artifact when it was registered: local, never logged, never folded."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, select, text
from sqlmodel import col

from registry.tables import Location

_PUT = text("""
    INSERT INTO location (path, artifact) VALUES (:path, :artifact)
    ON CONFLICT (path) DO UPDATE SET artifact = excluded.artifact
""")


def put(connection: Connection, folder: Path, artifact: str) -> None:
    """Remember that `folder` holds `artifact`; what it held before is forgotten."""
    connection.execute(_PUT, {"path": str(folder.resolve()), "artifact": artifact})


def at(connection: Connection, folder: Path) -> str | None:
    """Return the artifact that `folder` held when it was last registered, None for any other folder."""
    found: str | None = connection.scalar(
        select(col(Location.artifact)).where(col(Location.path) == str(folder.resolve()))
    )
    return found


def of(connection: Connection, artifact: str) -> tuple[Path, ...]:
    """Return the folders that held `artifact`; whether they still do is for the reader to check."""
    paths = connection.scalars(
        select(col(Location.path)).where(col(Location.artifact) == artifact).order_by(col(Location.path))
    )
    return tuple(Path(path) for path in paths)
