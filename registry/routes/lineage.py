"""Lineage: what an artifact is made of, what was made of it, and how one descends from another."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from lineage.facts import RELATIONS
from lineage.selection import State
from registry.answers import LineageOut, WhyOut
from registry.deps import DESCENDANTS, Artifact, HomeDep, LocalDep, Ref
from registry.problems import documented
from registry.selected import PLACE, Grade, SelectionOut
from registry.store import Absent
from registry.triage import InfluenceOut
from registry.work.influence import influence as ranked
from signing.errors import Malformed

router = APIRouter()

_FOUND = documented(Absent, Malformed)


_RELATION = f"({'|'.join(RELATIONS)})"
Relations = Annotated[
    str | None,
    Query(
        pattern=f"^{_RELATION}(,{_RELATION})*$",
        max_length=200,
        description="along edges of these relations alone, separated by commas",
        examples=["merge,finetune"],
    ),
]
AtLeast = Annotated[
    Grade | None,
    Query(
        description="along edges known at least so well, or along those that are contradicted",
        examples=["signed"],
    ),
]
Standing = Annotated[State | None, Query(description="those that stand so", examples=["affected"])]
License = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=100,
        description="those whose publisher declares this license",
        examples=["mit"],
    ),
]
Owner = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=200,
        description="those in this namespace, or registered by this operator or by a key whose id begins so",
        examples=["acme"],
    ),
]
_when = "unix seconds, or entry: and the index of an entry"
Since = Annotated[
    str | None,
    Query(pattern=PLACE, description=f"those in the log since then: {_when}", examples=["entry:15"]),
]
Until = Annotated[
    str | None, Query(pattern=PLACE, description=f"those in the log by then: {_when}", examples=["entry:21"])
]


async def _selection(
    relations: Relations = None,
    evidence: AtLeast = None,
    standing: Standing = None,
    license: License = None,  # noqa: A002 - the one word for it
    owner: Owner = None,
    since: Since = None,
    until: Until = None,
) -> SelectionOut:
    return SelectionOut.of(
        relations=tuple(relations.split(",")) if relations else (),
        evidence=evidence,
        standing=standing,
        license=license,
        owner=owner,
        since=since,
        until=until,
    )


SelectionDep = Annotated[SelectionOut, Depends(_selection)]


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
