"""Who is told of incidents by webhook, and what of it arrived: about this machine, never logged, never folded."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from registry.tables.columns import Args, key, perhaps, whole


class Hook(SQLModel, table=True):
    """An address that is told what concerns `about`; deliveries are planned of all changes before entry `planned`.

    `secret` says where the secret is, and never what it is. `ended` says why nothing is sent any longer.
    """

    id: str = Field(primary_key=True)
    url: str
    scope: str
    about: str
    secret: str
    planned: int = whole()
    ended: str | None


class Delivery(SQLModel, table=True):
    """A message to a hook about the change logged as `entry`: to be sent when it is `due`, or no more if that is empty."""

    __table_args__: ClassVar[Args] = (Index("delivery_by_due", "due"),)
    hook: str = Field(primary_key=True)
    entry: int = key()
    attempts: int = whole()
    due: int | None = perhaps()
    state: str
    said: str
