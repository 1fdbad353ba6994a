"""Health: the database answers, and everything logged is under a signed checkpoint."""

from __future__ import annotations

import time

from fastapi import APIRouter
from pydantic import BaseModel, Field

from registry.deps import HomeDep
from registry.home import Home
from registry.line import Busy
from registry.problems import documented
from registry.store import log

router = APIRouter()

# Between its two transactions the writer leaves entries uncovered for milliseconds; more is a writer that stopped.
_GLANCES = 10
_PAUSE = 0.05


class HealthOut(BaseModel):
    """The registry answers; its log has `size` entries, and the newest checkpoint covers all of them."""

    status: str = Field(examples=["ok"])
    size: int = Field(examples=[18])


@router.get("/health", responses=documented())
def health(home: HomeDep) -> HealthOut:
    """Say whether the registry can answer and write."""
    for _ in range(_GLANCES):
        size, covered = _sizes(home)
        if size == covered:
            return HealthOut(status="ok", size=size)
        time.sleep(_PAUSE)
    raise Busy(
        f"the log has {size} entries, and the newest checkpoint covers {covered}: the writer has stopped"
    )


def _sizes(home: Home) -> tuple[int, int]:
    with home.store.reading() as connection:
        return log.extent(connection)
