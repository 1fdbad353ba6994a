"""What the tables have in common: whole numbers of 64 bits on every database, and keys that the store assigns."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer
from sqlmodel import Field

Args = tuple[object, ...]
CLUSTERED: dict[str, object] = {"sqlite_with_rowid": False}
# SQLite's INTEGER holds 64 bits, PostgreSQL's 32: too few for a time, a seed or a place in a long log.
WHOLE: Any = BigInteger().with_variant(Integer(), "sqlite")


def key(foreign_key: str | None = None) -> int:
    """Declare a whole number of a primary key that the store itself assigns."""
    assigned = {"autoincrement": False}
    declared: int = (
        Field(primary_key=True, sa_type=WHOLE, sa_column_kwargs=assigned)
        if foreign_key is None
        else Field(primary_key=True, sa_type=WHOLE, sa_column_kwargs=assigned, foreign_key=foreign_key)
    )
    return declared


def whole(*, index: bool = False) -> int:
    """Declare a column of whole numbers."""
    declared: int = Field(sa_type=WHOLE, index=index)
    return declared


def perhaps() -> int | None:
    """Declare a column of whole numbers that may be empty."""
    declared: int | None = Field(sa_type=WHOLE, nullable=True)
    return declared
