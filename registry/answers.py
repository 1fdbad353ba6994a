"""The answers to the questions of `show ancestors descendants why status license`, as values with one JSON form.

Made from the store by `Local`, sent by the HTTP routes, read back by the remote client, printed by the command line: the
same model everywhere, so that a served answer and a local one cannot drift apart. Every answer says the log size it is
as of, and whether it is complete.
"""

from __future__ import annotations

from typing import Literal, Protocol

from pydantic import Field, model_validator

from lineage.around import Edge
from lineage.facts import Evidence
from lineage.status import Policy
from lineage.subjects import Scope
from lineage.verdict import Verdict
from registry.incidents import HitOut, IncidentOut, StandingOut
from registry.licensed import InheritedOut, LicenseOut, UseOut, inherited
from registry.outcomes import RebuildersOut, RebuildOut
from registry.said import (
    Answer,
    AttestationOut,
    ClaimOut,
    ComparisonOut,
    ContradictionOut,
    CorrectionOut,
    EvaluationOut,
)
from registry.selected import EVERYTHING, Grade, SelectionOut
from registry.statuses import StatusOut, statuses


class EdgeOut(Answer):
    """`child` was made from `parent`; `part` is canonical JSON, `entry` the statement that says so."""

    child: str
    parent: str
    relation: str
    part: str
    evidence: Grade
    entry: str

    @classmethod
    def of(cls, edge: Edge) -> EdgeOut:
        """Make the answer from the store's value."""
        return cls(
            child=edge.child,
            parent=edge.parent,
            relation=edge.relation,
            part=edge.part,
            evidence=grade(edge.evidence),
            entry=edge.entry,
        )


class VerdictOut(Answer):
    """Everything there is to say about one artifact."""

    artifact: str
    names: tuple[str, ...]
    files: int
    license: str | None
    inherited: tuple[InheritedOut, ...]
    standing: StandingOut
    stopped: tuple[HitOut, ...] = ()
    """The incidents that would reach it if the policy of whoever answers did not let a status stop them."""
    doubts: tuple[IncidentOut, ...] = ()
    """The live incidents of which nobody can tell any longer whether they reach it."""
    parents: tuple[EdgeOut, ...]
    rebuilds: tuple[RebuildOut, ...]
    comparisons: tuple[ComparisonOut, ...]
    evaluated: str
    evaluations: tuple[EvaluationOut, ...]
    attestations: tuple[AttestationOut, ...]
    claims: tuple[ClaimOut, ...]
    corrections: tuple[CorrectionOut, ...]
    same: tuple[EdgeOut, ...]
    """Every word that it is what a stub names, or a stub what it is."""
    contradictions: tuple[ContradictionOut, ...]
    """Where cards and configs say something else of it than is signed; it changes no standing."""
    as_of: int
    judged: int
    complete: bool

    @classmethod
    def of(cls, verdict: Verdict) -> VerdictOut:
        """Make the answer from the core's value."""
        means = {
            incident: one for (incident, _), one in statuses(verdict.assessed, Policy(verdict.judged)).items()
        }
        return cls(
            artifact=verdict.artifact,
            names=verdict.names,
            files=verdict.files,
            license=verdict.license,
            inherited=inherited(verdict.terms),
            standing=StandingOut.of(verdict.standing, means),
            stopped=tuple(HitOut.of(hit, means.get(hit.incident.id)) for hit in verdict.stopped),
            doubts=tuple(map(IncidentOut.of, verdict.doubts)),
            parents=tuple(map(EdgeOut.of, verdict.parents)),
            rebuilds=tuple(RebuildOut.of(build, outcome) for build, outcome in verdict.rebuilds),
            comparisons=tuple(map(ComparisonOut.of, verdict.comparisons)),
            evaluated=verdict.evaluated,
            evaluations=tuple(map(EvaluationOut.of, verdict.evaluations)),
            attestations=tuple(map(AttestationOut.of, verdict.attestations)),
            claims=tuple(map(ClaimOut.of, verdict.claims)),
            corrections=tuple(map(CorrectionOut.of, verdict.corrections)),
            same=tuple(map(EdgeOut.of, verdict.same)),
            contradictions=tuple(map(ContradictionOut.of, verdict.contradictions)),
            as_of=verdict.as_of,
            judged=verdict.judged,
            complete=verdict.complete,
        )


class RelativeOut(Answer):
    """One artifact above or below another: how far, what it is called, what it declares, how it stands."""

    artifact: str
    distance: int
    names: tuple[str, ...]
    license: str | None
    claimed: str | None
    """The license that others say a stub has; nobody declared it."""
    seen: bool
    incidents: tuple[str, ...]
    """Ids of the live incidents that reach it, the gravest of them."""
    left_out: int = 0
    """How many others reach it."""
    statuses: tuple[StatusOut, ...] = ()
    """What somebody found live incidents to mean for it."""


class LineageOut(Answer):
    """The ancestors or descendants of an artifact with the edges to them, nearest first.

    Of all that there are, `left_out` were not `asked` for; `complete` is False where there are more than were looked at.
    `stopping`: by the policy of whoever answers, incidents stop at what they do not affect.
    """

    artifact: str
    names: tuple[str, ...]
    direction: Literal["ancestors", "descendants"]
    relatives: tuple[RelativeOut, ...]
    incidents: tuple[IncidentOut, ...]
    """The live incidents that are told of it or of any of its relatives, each once."""
    doubts: tuple[IncidentOut, ...] = ()
    """The live incidents of which nobody can tell any longer whether they reach any of these."""
    edges: tuple[EdgeOut, ...]
    asked: SelectionOut = EVERYTHING
    left_out: int = 0
    stopping: bool = False
    as_of: int
    complete: bool

    @model_validator(mode="after")
    def _tells_every_incident(self) -> LineageOut:
        told = {incident.id for incident in self.incidents}
        for one in self.relatives:
            if untold := set(one.incidents) - told:
                raise ValueError(f"{one.artifact} has the incidents {', '.join(untold)}, which are not told")
        return self


class WhyOut(Answer):
    """How one artifact descends from another: by how many paths (0: not at all), and one shortest of them.

    The count is written in digits, since a lattice has more paths than readers of JSON agree on numbers.
    """

    ancestor: str
    descendant: str
    paths: str = Field(pattern="^(0|[1-9][0-9]*)$")
    witness: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    edges: tuple[EdgeOut, ...]
    as_of: int
    complete: bool


class Answers(Protocol):
    """Whoever answers: this home's store, or a registry over HTTP."""

    def resolve(self, ref: str) -> str:
        """Return the artifact id that `ref` means to whoever answers: a registry's word for it proves nothing."""

    def verdict(self, ref: str) -> VerdictOut:
        """Return everything about an artifact."""

    def license(self, ref: str, asked: UseOut, card: str | None = None) -> LicenseOut:
        """Return what the licenses in the lineage of an artifact say about a use of it, and about what its card shows."""

    def ancestors(self, ref: str, asked: SelectionOut = EVERYTHING) -> LineageOut:
        """Return what an artifact is made of, as far as it is asked for."""

    def descendants(self, ref: str, asked: SelectionOut = EVERYTHING) -> LineageOut:
        """Return what is made of an artifact, as far as it is asked for."""

    def export(self, ref: str, form: str, scope: Scope, asked: SelectionOut = EVERYTHING) -> str:
        """Return an artifact with its relatives within `scope`, as far as they are asked for, as a document of this form."""

    def why(self, ancestor: str, descendant: str) -> WhyOut:
        """Return how one artifact descends from another."""

    def incidents(self) -> tuple[IncidentOut, ...]:
        """Return every incident, oldest first."""

    def rebuilders(self) -> RebuildersOut:
        """Return how the verdicts of each rebuilder compare with the others'."""

    def bundles(self, artifact: str) -> tuple[bytes, ...]:
        """Return the encoded bundles of every entry that says what the artifact is and how it was made."""

    def bundle(self, ref: str, *, ancestors: bool) -> tuple[bytes, ...]:
        """Return, as encoded bundles, everything said of an artifact, and of its ancestors if asked: the trusted roots first."""


def grade(evidence: Evidence) -> Grade:
    """Return the word for how well an edge is known."""
    grades: dict[Evidence, Grade] = {
        Evidence.CLAIMED: "claimed",
        Evidence.SIGNED: "signed",
        Evidence.CONSISTENT: "consistent",
        Evidence.REPRODUCED: "reproduced",
        Evidence.CONTRADICTED: "contradicted",
    }
    return grades[evidence]
