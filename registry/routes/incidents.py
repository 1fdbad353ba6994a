"""Incidents: what was reported about artifacts, and the stage each report has reached."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter

from registry.answers import IncidentOut, IncidentsOut
from registry.deps import DESCENDANTS, After, Hex, LocalDep, StoreDep
from registry.notices import OwnersOut
from registry.problems import documented
from registry.store import Absent
from registry.work.owners import owners as found_owners
from signing.errors import Malformed

router = APIRouter()


# One page of a list: what a request may ask for is bounded, what the log may hold is not.
PAGE = 1000


@router.get("/incidents", responses=documented(Absent, Malformed))
def incidents(answers: LocalDep, after: After = None) -> IncidentsOut:
    """Return incidents, oldest first, those that ended too; `next` says what to ask for `after` to get more."""
    found = answers.incidents()
    start = 0 if after is None else 1 + _position(found, after)
    page = found[start : start + PAGE]
    return IncidentsOut(incidents=page, next=page[-1].id if start + PAGE < len(found) else None)


@router.get("/incidents/{incident}", responses=documented(Absent, Malformed))
def incident(incident: Hex, answers: LocalDep) -> IncidentOut:
    """Return one incident; its id is the id of the entry that reported it."""
    found = answers.incidents()
    return found[_position(found, incident)]


@router.get("/incidents/{incident}/owners", responses=documented(Absent, Malformed))
def owners(incident: Hex, store: StoreDep) -> OwnersOut:
    """Return whom an incident concerns: who registered what it reaches, and by which way it gets there."""
    return found_owners(store, incident, DESCENDANTS)


def _position(found: Sequence[IncidentOut], incident: str) -> int:
    for position, one in enumerate(found):
        if one.id == incident:
            return position
    raise Absent(f"no entry {incident} reports an incident here")
