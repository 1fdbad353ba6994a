"""Simulations: what a report or another license would change; nothing is written."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from lineage.incidents import Kind
from registry.deps import DESCENDANTS, Artifact, HomeDep, StoreDep
from registry.problems import documented
from registry.simulated import SimulatedLicenseOut, SimulatedReportOut
from registry.store import Absent
from registry.work import simulation
from signing.errors import Malformed

router = APIRouter()

_FOUND = documented(Absent, Malformed)

What = Annotated[Kind, Query(description="the kind of incident", examples=["compromised"])]
License = Annotated[
    str, Query(min_length=1, max_length=100, description="what it would declare", examples=["apache-2.0"])
]


@router.get("/artifacts/{artifact:artifact}/simulated-report", responses=_FOUND)
def simulated_report(artifact: Artifact, kind: What, home: HomeDep) -> SimulatedReportOut:
    """Return what would be flagged if an incident of this kind were reported on an artifact."""
    return simulation.report(home, artifact, kind, DESCENDANTS)


@router.get("/artifacts/{artifact:artifact}/simulated-license", responses=_FOUND)
def simulated_license(
    artifact: Artifact,
    license: License,  # noqa: A002 - the one word for it
    store: StoreDep,
) -> SimulatedLicenseOut:
    """Return which licenses and findings would change if an artifact declared another license; this is not legal advice."""
    return simulation.license(store, artifact, license, DESCENDANTS)
