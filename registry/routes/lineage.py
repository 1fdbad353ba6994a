"""Lineage: what an artifact is made of, what was made of it, and how one descends from another."""

from __future__ import annotations

from fastapi import APIRouter

from registry.answers import LineageOut, WhyOut
from registry.asked import SelectionDep
from registry.deps import DESCENDANTS, Artifact, HomeDep, LocalDep, Ref
from registry.problems import documented
from registry.store import Absent
from registry.triage import InfluenceOut
from registry.work.influence import influence as ranked
from signing.errors import Malformed

router = APIRouter()

_FOUND = documented(Absent, Malformed)


@router.get("/artifacts/{artifact:artifact}/ancestors", responses=_FOUND)
def ancestors(artifact: Artifact, asked: SelectionDep, answers: LocalDep) -> LineageOut:
    """Return what an artifact is made of, nearest first, with the edges between; what was not asked for is counted."""
    return answers.ancestors(artifact, asked)


@router.get("/artifacts/{artifact:artifact}/descendants", responses=_FOUND)
def descendants(artifact: Artifact, asked: SelectionDep, answers: LocalDep) -> LineageOut:
    """Return what is made of an artifact, nearest first, with the edges between; what was not asked for is counted."""
    return answers.descendants(artifact, asked)


@router.get("/artifacts/{artifact:artifact}/why", responses=_FOUND)
def why(artifact: Artifact, ancestor: Ref, answers: LocalDep) -> WhyOut:
    """Return how an artifact descends from `ancestor`: by how many paths (0: not at all), and a shortest one."""
    return answers.why(ancestor, artifact)


@router.get("/artifacts/{artifact:artifact}/influence", responses=_FOUND)
def influence(artifact: Artifact, home: HomeDep) -> InfluenceOut:
    """Return an artifact's descendants, the most influenced first: where to look, and no clearance of the others."""
    return ranked(home, artifact, DESCENDANTS)
