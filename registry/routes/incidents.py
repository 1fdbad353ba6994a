"""Incidents: what was reported about artifacts, and the stage each report has reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from registry import feed
from registry.deps import DESCENDANTS, After, Hex, HomeDep, LocalDep, StoreDep
from registry.history import HistoryOut
from registry.incidents import IncidentOut, IncidentsOut
from registry.notices import OwnersOut
from registry.problems import documented
from registry.ranges import known
from registry.store import Absent, changes, log, subjects
from registry.work.history import history
from registry.work.owners import owners as found_owners
from signing.digest import sha256_hex
from signing.errors import Malformed

router = APIRouter()


# One page of a list: what a request may ask for is bounded, what the log may hold is not.
PAGE = 1000
# Changes in the feed: whoever looks now and then sees all of them, and the list of incidents holds the rest.
CHANGES = 100
Tags = Annotated[str | None, Header(description="ETags of what the asker has")]


@router.get("/incidents", responses=documented(Absent, Malformed))
def incidents(answers: LocalDep, after: After = None) -> IncidentsOut:
    """Return incidents, oldest first, those that ended too; `next` says what to ask for `after` to get more."""
    found = answers.incidents()
    start = 0 if after is None else 1 + _position(found, after)
    page = found[start : start + PAGE]
    return IncidentsOut(incidents=page, next=page[-1].id if start + PAGE < len(found) else None)


@router.get(
    "/incidents.atom",
    response_class=Response,
    responses=documented(
        Absent,
        Malformed,
        answers={
            200: {
                "description": "Atom feed",
                "content": {feed.MEDIA_TYPE.partition(";")[0]: {"schema": {"type": "string"}}},
            },
            304: {"description": "The asker has it already"},
        },
    ),
)
def atom(request: Request, store: StoreDep, if_none_match: Tags = None) -> Response:
    """Return the newest reports, changes of stage, amendments and disputes as a feed, newest first, at most 100."""
    with store.reading() as connection:
        at = subjects.as_of(connection, log.size(connection))
        found = changes.newest(connection, CHANGES)
    body = feed.text(at, found, str(request.base_url)).encode()
    digest = sha256_hex(body)
    # Whoever asks wants the newest; a cache may keep it, and asks each time whether there is a newer one.
    headers = {"Cache-Control": "no-cache", "ETag": f'"{digest}"'}
    if known(if_none_match, digest):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=feed.MEDIA_TYPE)


@router.get("/incidents/{incident}", responses=documented(Absent, Malformed))
def incident(incident: Hex, answers: LocalDep) -> IncidentOut:
    """Return one incident; its id is the id of the entry that reported it."""
    found = answers.incidents()
    return found[_position(found, incident)]


@router.get("/incidents/{incident}/owners", responses=documented(Absent, Malformed))
def owners(incident: Hex, home: HomeDep) -> OwnersOut:
    """Return whom an incident concerns: who registered what it reaches, and by which way it gets there."""
    return found_owners(home, incident, DESCENDANTS)


@router.get("/incidents/{incident}/history", responses=documented(Absent, Malformed))
def told(incident: Hex, home: HomeDep) -> HistoryOut:
    """Return everything about an incident: what was said of it, by which keys and when, what it flags, and whom that concerns."""
    return history(home, incident, DESCENDANTS)


def _position(found: Sequence[IncidentOut], incident: str) -> int:
    for position, one in enumerate(found):
        if one.id == incident:
            return position
    raise Absent(f"no entry {incident} reports an incident here")
