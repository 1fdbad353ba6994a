"""Dossiers: what there is to say of an artifact and of everything made of it, unsigned: whoever vouches for it signs it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from registry.deps import DESCENDANTS, Artifact, StoreDep
from registry.dossier import DossierOut
from registry.problems import documented
from registry.store import Absent
from registry.work.dossier import compiled
from signing.errors import Malformed, Refused

router = APIRouter()

Size = Annotated[
    int | None,
    Query(
        ge=1,
        le=2**53 - 1,
        description="as of so many entries of the log; all of them without it",
        examples=[21],
    ),
]
Since = Annotated[
    int | None,
    Query(
        ge=1, le=2**53 - 1, description="say what changed since the log had so many entries", examples=[15]
    ),
]


@router.get("/artifacts/{artifact:artifact}/dossier", responses=documented(Absent, Malformed, Refused))
def dossier(artifact: Artifact, store: StoreDep, as_of: Size = None, since: Since = None) -> DossierOut:
    """Return what is known of an artifact and of everything made of it; beyond 10,000 descendants it says that it is not complete."""
    return DossierOut.model_validate(compiled(store, artifact, as_of, since, DESCENDANTS))
