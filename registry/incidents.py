"""Incidents as answers tell them: each with its disputes, by which way it reaches an artifact, and how that one stands by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from lineage.around import Incident
from lineage.standing import MOST, Affected, Clean, Hit, Standing, Unknown
from registry.said import Answer, DisputeOut
from registry.statuses import StatusOut

# An incident is told in many answers, and its disputes with it.
DISPUTES = 10


class IncidentOut(Answer):
    """An incident and the stage it has reached; what its `selectors` selected so far is among its `artifacts`.

    Owners that dispute it stand beside it: the newest of the `disputed` disputes are told.
    """

    id: str
    artifacts: tuple[str, ...]
    selectors: tuple[str, ...] = ()
    kind: str
    severity: str
    stage: str
    summary: str
    contact: str
    disputes: tuple[DisputeOut, ...] = ()
    disputed: int = 0
    removed: int = 0
    """How many bindings of names, and ranges of its own, orders removed that it may have selected by: what they meant is unknown."""

    @classmethod
    def of(cls, incident: Incident) -> IncidentOut:
        """Make the answer from the store's value."""
        return cls(
            id=incident.id,
            artifacts=incident.artifacts,
            selectors=incident.selectors,
            kind=incident.what,
            severity=incident.severity,
            stage=incident.stage,
            summary=incident.summary,
            contact=incident.contact,
            disputes=tuple(map(DisputeOut.of, reversed(incident.disputes[-DISPUTES:]))),
            disputed=len(incident.disputes),
            removed=incident.removed,
        )


class HitOut(Answer):
    """An incident that reaches an artifact, and the way it takes: from the artifact it names down to this one.

    `status` is what somebody found it to mean for this artifact, if anybody did.
    """

    incident: IncidentOut
    via: tuple[str, ...]
    status: StatusOut | None = None

    @classmethod
    def of(cls, hit: Hit, status: StatusOut | None = None) -> HitOut:
        """Make the answer from the core's value."""
        return cls(incident=IncidentOut.of(hit.incident), via=hit.via, status=status)


class StandingOut(Answer):
    """Clean, affected by these incidents, or unknown because nothing is known about these ancestors.

    The gravest and nearest incidents are told; `left_out` says how many are not, and affect it like these.
    """

    state: Literal["clean", "affected", "unknown"]
    incidents: tuple[HitOut, ...] = ()
    left_out: int = 0
    missing: tuple[str, ...] = ()

    @classmethod
    def of(cls, standing: Standing, found: Mapping[str, StatusOut] | None = None) -> StandingOut:
        """Make the answer from the core's value, and the statuses that were `found` for its incidents, by their ids."""
        means = found or {}
        match standing:
            case Clean():
                return cls(state="clean")
            case Affected(incidents=hits, missing=missing):
                told = hits[:MOST]
                return cls(
                    state="affected",
                    incidents=tuple(HitOut.of(hit, means.get(hit.incident.id)) for hit in told),
                    left_out=len(hits) - len(told),
                    missing=missing,
                )
            case Unknown(missing=missing):
                return cls(state="unknown", missing=missing)


class IncidentsOut(Answer):
    """Some incidents, oldest first; `next` is what the next page comes `after`, None if this is the last."""

    incidents: tuple[IncidentOut, ...]
    next: str | None
