"""What the environment and the machine decide: the home folder, limits, and the one clock.

Nothing else in Studbook reads the environment or the time (1-architecture, "Tools"), so a test that sets both sets
everything.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Clock = Callable[[], int]


def now() -> int:
    """Return the time in whole unix seconds."""
    return int(time.time())  # noqa: TID251 - this is the module that owns the clock


def variable(name: str) -> str | None:
    """Return what the environment holds under `name`: where a key is named as env://NAME."""
    return os.environ.get(name)  # noqa: TID251 - this is the module that owns the environment


class Settings(BaseSettings):
    """Settings of one process, each read from `STUDBOOK_<NAME>` where it is set."""

    model_config = SettingsConfigDict(env_prefix="STUDBOOK_", frozen=True)

    home: Path = Field(
        default_factory=lambda: user_data_path("studbook"),
        description="folder that holds studbook.db, blobs/ and keys/",
    )
    database: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="postgresql://user@host/name of a database for the log, in place of studbook.db in the home",
    )
    passphrase: SecretStr | None = Field(
        default=None, min_length=1, description="what opens sealed private keys"
    )
    busy_seconds: PositiveInt = Field(
        default=30, description="how long a write waits for another process before it is refused"
    )
    queue: PositiveInt = Field(default=1024, description="statements that may wait for the log writer")
    batch: PositiveInt = Field(default=256, description="statements committed in one transaction, at most")
    ancestors: PositiveInt = Field(default=10_000, description="ancestors one artifact may have")
    depth: PositiveInt = Field(default=1000, description="generations that may lie above one artifact")
    late_rows: PositiveInt = Field(
        default=1_000_000, description="closure rows one statement may add (4-lineage, Storage and speed)"
    )
    confirm_alone: PositiveInt = Field(
        default=100, description="artifacts that an incident may flag if one operator alone confirms it (T27)"
    )
    open_incidents: PositiveInt = Field(
        default=1000, description="incidents that one operator may have open at once (T28)"
    )
    not_affected_stops: bool = Field(
        default=False,
        description="whether an incident stops at artifacts that it does not affect, by a status that has not expired",
    )
    hook_private: bool = Field(
        default=False, description="whether webhooks may be sent to private addresses, such as 10.0.0.0/8"
    )
