"""Parentage: what the weights that are sketched here say of parents; nothing is proven by it, and nothing is logged.

A verdict is an entry: `POST /entries` takes one that a rebuilder signed, `GET /artifacts/{artifact}` lists those that count. A sketch
is made where the files are, so what others sent is not compared; nor does a request make one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends

from registry.deps import AfterArtifact, Artifact, HomeDep, ServedDep
from registry.line import Busy
from registry.problems import documented
from registry.store import Absent
from registry.work import parents
from registry.work.findings import ParentageOut, SuspicionsOut
from signing.errors import Malformed, Untrusted

router = APIRouter()


async def _comparing(served: ServedDep) -> AsyncIterator[None]:
    """Hold one of the places of those who compare weights."""
    if not served.comparisons.acquire(blocking=False):
        raise Busy(f"{served.limits.comparisons} comparisons of weights are made already; try again later")
    try:
        yield
    finally:
        served.comparisons.release()


_COMPARING = [Depends(_comparing, scope="function")]


@router.get(
    "/artifacts/{artifact:artifact}/parentage",
    dependencies=_COMPARING,
    responses=documented(Absent, Malformed, Untrusted, Busy),
)
def parentage(artifact: Artifact, home: HomeDep) -> ParentageOut:
    """Return what an artifact's weights say of its declared parents, and whom else they suggest, for somebody to look at."""
    return parents.compare(home, artifact, files=False)


@router.get("/suspicions", dependencies=_COMPARING, responses=documented(Malformed, Untrusted, Busy))
def suspicions(home: HomeDep, after: AfterArtifact = None) -> SuspicionsOut:
    """Return which artifacts sketched here raise a suspicion, or contradict a parent; some are looked through for each page."""
    return parents.page(home, after)
