"""Lineage: what an artifact is made of, what was made of it, and how one descends from another."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from registry.answers import LineageOut, WhyOut
from registry.asked import SelectionDep
from registry.deps import DESCENDANTS, Artifact, HomeDep, LocalDep, Ref
from registry.problems import documented
from registry.reached import MOST, PAGE, ReachOut
from registry.store import Absent
from registry.store.descent import Direction
from registry.triage import InfluenceOut
from registry.work.influence import influence as ranked
from registry.work.reach import reach as paged
from signing.errors import Malformed, Refused

router = APIRouter()

_FOUND = documented(Absent, Malformed)
Limit = Annotated[int, Query(ge=1, le=MOST, description="how many at most", examples=[PAGE])]
Cursor = Annotated[
    str | None,
    Query(max_length=64, description="`next` of the page before, as it was given", examples=["4711.2.1003"]),
]
Named = Annotated[bool, Query(description="what each is called, too", examples=[True])]
Way = Annotated[Direction, Query(description="which way from the artifact", examples=["descendants"])]


@router.get("/artifacts/{artifact:artifact}/ancestors", responses=_FOUND)
def ancestors(artifact: Artifact, asked: SelectionDep, answers: LocalDep) -> LineageOut:
    """Return what an artifact is made of, nearest first, with the edges between; what was not asked for is counted."""
    return answers.ancestors(artifact, asked)


@router.get("/artifacts/{artifact:artifact}/descendants", responses=_FOUND)
def descendants(artifact: Artifact, asked: SelectionDep, answers: LocalDep) -> LineageOut:
    """Return what is made of an artifact, nearest first, with the edges between; what was not asked for is counted."""
    return answers.descendants(artifact, asked)


# Written here: read as an answer once more, as FastAPI does, a page takes twice as long.
@router.get(
    "/artifacts/{artifact:artifact}/reach",
    response_model=ReachOut,
    responses=documented(Absent, Malformed, Refused),
)
def reach(
    artifact: Artifact,
    home: HomeDep,
    direction: Way = "descendants",
    limit: Limit = PAGE,
    after: Cursor = None,
    named: Named = False,
) -> Response:
    """Return whom an artifact put weights into, or from whom it has its own, nearest first and page by page."""
    page = paged(home, artifact, direction, limit, after, named=named)
    return Response(page.model_dump_json(), media_type="application/json")


@router.get("/artifacts/{artifact:artifact}/why", responses=_FOUND)
def why(artifact: Artifact, ancestor: Ref, answers: LocalDep) -> WhyOut:
    """Return how an artifact descends from `ancestor`: by how many paths (0: not at all), and a shortest one."""
    return answers.why(ancestor, artifact)


@router.get("/artifacts/{artifact:artifact}/influence", responses=_FOUND)
def influence(artifact: Artifact, home: HomeDep) -> InfluenceOut:
    """Return an artifact's descendants, the most influenced first: where to look, and no clearance of the others."""
    return ranked(home, artifact, DESCENDANTS)
