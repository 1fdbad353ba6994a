"""Rebuilds: what independent rebuilders have still to judge, and how their verdicts compare.

A verdict itself is an entry: `POST /entries` takes it, `GET /artifacts/{artifact}` says what all of them come to.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from lineage.schema import WORD
from registry.deps import After, LocalDep, StoreDep
from registry.outcomes import DueOut, RebuildersOut, RebuildsOut
from registry.problems import documented
from registry.store import Absent, verdicts
from signing.errors import Malformed

router = APIRouter()

# One page of a list: what a request may ask for is bounded, what the log may hold is not.
PAGE = 1000
Missing = Annotated[
    str, Query(pattern=f"^{WORD}$", description="operator whose verdict is missing", examples=["acme"])
]


@router.get("/rebuilds", responses=documented(Absent, Malformed))
def rebuilds(missing: Missing, store: StoreDep, after: After = None) -> RebuildsOut:
    """Return provenances that an operator has not judged, oldest first; `next` says what to ask for `after` to get more."""
    with store.reading() as connection:
        found = verdicts.due(connection, missing, after, PAGE + 1)
    page = [DueOut(artifact=artifact, build=build) for artifact, build in found[:PAGE]]
    return RebuildsOut(rebuilds=tuple(page), next=page[-1].build if len(found) > PAGE else None)


@router.get("/rebuilders", responses=documented())
def rebuilders(answers: LocalDep) -> RebuildersOut:
    """Return every operator that judged rebuilds: how many passed and failed, and which known mismatches it passed."""
    return answers.rebuilders()
