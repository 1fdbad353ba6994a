"""A dossier's content as a value with one JSON form: what the command signs, and a registry answers without a signature.

Its members are those of `lineage.dossier`, in their order, so that the same content makes the same page wherever it came from.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from registry.licensed import InheritedOut
from registry.said import Answer, ContradictionOut
from registry.selected import Grade

# A registry's word goes onto a page and under a signature: statements hold no longer numbers, and calendars end with the year 9999.
Count = Annotated[int, Field(ge=0, lt=10**15)]
Moment = Annotated[int, Field(ge=0, lt=253_402_300_800)]


class StoodOut(Answer):
    """How an artifact stands, in one word, and about which of its ancestors nothing is known."""

    state: Literal["clean", "affected", "unknown"]
    missing: tuple[str, ...]


class MeasuredOut(Answer):
    """An evaluation that was made on the artifact itself."""

    suite: str
    metric: str
    value: str
    n: Count
    result: str
    operators: tuple[str, ...]
    entry: str


class TalliedOut(Answer):
    """How many artifacts declare this license; None where they declare none."""

    license: str | None
    artifacts: Count


class RelativesOut(Answer):
    """How many ancestors or descendants are known, which are not, and what they declare."""

    known: Count
    unknown: tuple[str, ...]
    licenses: tuple[TalliedOut, ...]


class CountOut(Answer):
    """How many edges there are of a relation and with this evidence."""

    relation: str
    evidence: Grade
    edges: Count


class ReachingOut(Answer):
    """An incident that reaches the artifact or any of its relatives."""

    incident: str
    kind: str
    severity: str
    stage: str
    summary: str
    reaches: Count
    reaches_it: bool


class DoubtOut(Answer):
    """An incident that may reach more of these than `incidents` says: what it may select by was removed, so many times."""

    incident: str
    kind: str
    severity: str
    stage: str
    summary: str
    removed: Count


class WordOut(Answer):
    """Whose word an edge is."""

    child: str
    parent: str
    relation: str
    evidence: Grade
    entry: str
    operators: tuple[str, ...]


class BothOut(Answer):
    """How the artifact stood, and stands."""

    before: StoodOut
    now: StoodOut


class RegradedOut(Answer):
    """An edge whose evidence is another than it was."""

    child: str
    parent: str
    entry: str
    before: Grade
    now: Grade


class ChangedOut(Answer):
    """What came and went since the log had so many entries, by ids."""

    since: Count
    standing: BothOut
    came: tuple[str, ...]
    went: tuple[str, ...]
    incidents_came: tuple[str, ...]
    incidents_went: tuple[str, ...]
    evaluations_came: tuple[str, ...]
    evidence: tuple[RegradedOut, ...]


class DossierOut(Answer):
    """What is to be said of an artifact and of everything made of it, as of the log's first `as_of` entries."""

    artifact: str
    names: tuple[str, ...]
    log: str
    as_of: Count
    time: Moment
    complete: bool
    standing: StoodOut
    license: str | None
    inherited: tuple[InheritedOut, ...]
    contradictions: tuple[ContradictionOut, ...]
    evaluated: str
    evaluations: tuple[MeasuredOut, ...]
    ancestors: RelativesOut
    descendants: RelativesOut
    edges: tuple[CountOut, ...]
    incidents: tuple[ReachingOut, ...]
    doubts: tuple[DoubtOut, ...]
    responsible: tuple[WordOut, ...]
    changed: ChangedOut | None
