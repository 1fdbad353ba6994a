"""Incidents: what was reported about artifacts, and the stage each report has reached."""

from __future__ import annotations

from fastapi import APIRouter

from registry.answers import IncidentOut
from registry.deps import Hex, LocalDep
from registry.problems import documented
from registry.store import Absent
from signing.errors import Malformed

router = APIRouter()


@router.get("/incidents", responses=documented())
def incidents(answers: LocalDep) -> tuple[IncidentOut, ...]:
    """Return every incident, oldest first, those that ended too."""
    return answers.incidents()


@router.get("/incidents/{incident}", responses=documented(Absent, Malformed))
def incident(incident: Hex, answers: LocalDep) -> IncidentOut:
    """Return one incident; its id is the id of the entry that reported it."""
    for one in answers.incidents():
        if one.id == incident:
            return one
    raise Absent(f"no entry {incident} reports an incident here")
