"""Kinship: by how many paths artifacts descend from each other, what they have in common, and how much of it is known."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from registry.deps import DESCENDANTS, REF, Artifact, LocalDep, Ref, Relatives, StoreDep
from registry.kinship import MOST, AncestryOut, CommonOut, DiffOut, PathsOut, RootsOut
from registry.problems import documented
from registry.store import Absent
from registry.work import difference, kinship
from signing.errors import Malformed, Refused

router = APIRouter()

_FOUND = documented(Absent, Malformed)

Others = Annotated[
    str,
    Query(
        pattern=f"^{REF}(,{REF})*$",
        max_length=300 * MOST,
        description="the other artifacts, each as sha256:<8 to 64 hex digits>, hf:<owner>/<name>[@<commit>] or"
        " namespace/name[@revision], separated by commas",
        examples=["acme/sentinel@v2,acme/base"],
    ),
]
Earlier = Annotated[
    int | None,
    Query(
        ge=1,
        le=2**53 - 1,
        description="the earlier size of the log; without it, when it was registered",
        examples=[15],
    ),
]
Later = Annotated[
    int | None,
    Query(
        ge=1, le=2**53 - 1, description="the later size of the log; without it, its size now", examples=[21]
    ),
]


@router.get("/artifacts/{artifact:artifact}/paths", responses=_FOUND)
def paths(artifact: Artifact, ancestor: Ref, store: StoreDep, answers: LocalDep) -> PathsOut:
    """Return by how many paths an artifact descends from `ancestor`, with a shortest and a heaviest of them."""
    return kinship.paths(store, answers.resolve(ancestor), artifact)


@router.get("/artifacts/{artifact:artifact}/common", responses=_FOUND)
def common(artifact: Artifact, others: Others, store: StoreDep, answers: LocalDep) -> CommonOut:
    """Return the common ancestors of an artifact and others, the nearest first."""
    return kinship.common(store, [artifact, *map(answers.resolve, others.split(","))])


@router.get("/artifacts/{artifact:artifact}/roots", responses=_FOUND)
def roots(artifact: Artifact, store: StoreDep) -> RootsOut:
    """Return the ancestors of an artifact that have no parents, nearest first."""
    return kinship.roots(store, artifact)


@router.get("/artifacts/{artifact:artifact}/known", responses=_FOUND)
def known(artifact: Artifact, store: StoreDep) -> AncestryOut:
    """Return how many ancestors of an artifact are known, how well the edges between them are, and what is missing."""
    return kinship.known(store, artifact)


@router.get("/artifacts/{artifact:artifact}/diff", responses=documented(Absent, Malformed, Refused))
def diff(
    artifact: Artifact, store: StoreDep, scope: Relatives = "both", since: Earlier = None, until: Later = None
) -> DiffOut:
    """Return what changed about an artifact, its ancestors and its descendants between two sizes of the log."""
    return difference.diff(store, artifact, scope, since, until, DESCENDANTS)
