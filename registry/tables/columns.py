"""What the tables have in common."""

from __future__ import annotations

from sqlmodel import Field

Args = tuple[object, ...]
CLUSTERED: dict[str, object] = {"sqlite_with_rowid": False}


def key() -> int:
    """Declare an integer primary key that the store itself assigns."""
    declared: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    return declared
