"""What a report or another license would change, as values with one JSON form: counts, levels, and the first of those concerned.

Like the rest of `answers`, made from the store, sent by the HTTP routes, read back by a client, printed by the command line.
"""

from __future__ import annotations

from lineage.incidents import Kind
from registry.found import FindingOut
from registry.kinship import RelatedOut
from registry.licensed import Outcome
from registry.said import Answer
from registry.statuses import StatusOut

MOST = 20
"""As many are named; all are counted."""


class FlaggedOut(RelatedOut):
    """An artifact that would be flagged, at which level; `fresh`: no live incident reaches it now; what those that do mean for it."""

    level: int
    fresh: bool
    statuses: tuple[StatusOut, ...] = ()


class SimulatedReportOut(Answer):
    """What an incident of this kind on an artifact would flag, itself included; nothing was reported."""

    artifact: str
    names: tuple[str, ...]
    kind: Kind
    flagged: int
    fresh: int
    """Those of them that no live incident reaches now."""
    spared: int
    """What is made of it and would not be flagged, since the kind is not carried there."""
    levels: tuple[int, ...]
    first: tuple[FlaggedOut, ...]
    stopping: bool = False
    """By the policy of whoever answers, incidents stop at what they do not affect."""
    as_of: int
    complete: bool


class BorneOut(Answer):
    """A license that holds, or may where it is not `settled`."""

    license: str
    settled: bool


class RelicensedOut(RelatedOut):
    """What would change about an artifact: the licenses that hold for it, the outcome, and the findings behind that."""

    level: int
    came: tuple[BorneOut, ...]
    went: tuple[BorneOut, ...]
    before: Outcome
    after: Outcome
    findings_came: tuple[FindingOut, ...]
    findings_went: tuple[FindingOut, ...]


class SimulatedLicenseOut(Answer):
    """What would change if an artifact declared another license; nothing was declared.

    `changed` of the artifacts made of it, itself included, would have other licenses. The nearest `judged` were judged by all rules.
    """

    artifact: str
    names: tuple[str, ...]
    license: str
    declared: str | None
    concerned: int
    changed: int
    levels: tuple[int, ...]
    judged: int
    first: tuple[RelicensedOut, ...]
    notice: str
    as_of: int
    complete: bool
