"""Verdict: everything there is to say about one artifact, as one value, judged from the slice of lineage around it.

What `show` and `status` print and `GET /artifacts/{id}` returns. Unknown is not clean: a slice that is cut, or names an
ancestor it holds nothing about, never gives a clean standing.
"""

from __future__ import annotations

from dataclasses import dataclass

from lineage.around import Around, Edge, Incident, Node, Said
from lineage.assessed import Assessed
from lineage.checks import Attested, Compared, Evaluated
from lineage.compared import graded
from lineage.facts import Claimed, Corrected
from lineage.mentions import Contradiction, contradictions
from lineage.rebuilds import Outcome, outcomes
from lineage.standing import Affected, Clean, Hit, Standing, Unknown, standing
from lineage.status import Policy, newest
from lineage.terms import Effective, slice_terms
from signing.errors import Refused


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the log of `as_of` entries says about an artifact, judged at `judged` (unix seconds)."""

    artifact: str
    names: tuple[str, ...]
    files: int
    license: str | None
    terms: Effective
    """The licenses that it declares and inherits, and the way each of them takes."""
    standing: Standing
    stopped: tuple[Hit, ...]
    """The incidents that would reach it if a policy did not let a status stop them."""
    doubts: tuple[Incident, ...]
    """The live incidents of which nobody can tell any longer whether they reach it."""
    assessed: tuple[Said[Assessed], ...]
    """The newest status for each incident, of this artifact alone; it may have expired."""
    parents: tuple[Edge, ...]
    rebuilds: tuple[tuple[str, Outcome], ...]
    """For every provenance (entry id) of the artifact, what came of executing it again."""
    comparisons: tuple[Said[Compared], ...]
    """What comparing its weights with its parents' says."""
    evaluations: tuple[Said[Evaluated], ...]
    """Made on these bytes: one of a parent's says nothing about them."""
    attestations: tuple[Said[Attested], ...]
    claims: tuple[Said[Claimed], ...]
    """Licenses that others say a stub has, oldest first; `license` is what its publisher declares, and a stub has none here."""
    corrections: tuple[Said[Corrected], ...]
    """What it supersedes, and what supersedes it. Its standing is as it was: bytes do not heal."""
    same: tuple[Edge, ...]
    """Every word that it is what a stub names, or a stub what it is."""
    contradictions: tuple[Contradiction, ...]
    """Where cards and configs say something else of it than is signed; it changes no standing."""
    as_of: int
    judged: int
    complete: bool

    @property
    def evaluated(self) -> str:
        """How many evaluations were made on these bytes, or that none was, and whether that is so since a merge made them."""
        if self.evaluations:
            return str(len(self.evaluations))
        return "never since merge" if any(edge.relation == "merge" for edge in self.parents) else "never"


def assess(around: Around, policy: Policy) -> Verdict:
    """Judge the artifact that `around` is about from all its ancestors, at the time and by the rule that `policy` says."""
    nodes = {node.id: node for node in around.nodes}
    here = nodes.get(around.artifact)
    if here is None:
        raise Refused(f"the slice of lineage around {around.artifact} does not hold it")
    named = {end for edge in around.edges for end in (edge.child, edge.parent)}
    missing = {node.id for node in around.nodes if not node.seen} | (named - nodes.keys())
    reached = standing(around.artifact, around.edges, around.incidents, missing)
    stops = policy.stops(around.assessed)
    found = standing(around.artifact, around.edges, around.incidents, missing, stops) if stops else reached
    complete = around.complete and named <= nodes.keys()
    if isinstance(found, Clean) and (around.doubts or not complete):
        found = Unknown(())
    edges = graded(around)
    rebuilt = outcomes(around.rebuilds)
    return Verdict(
        artifact=here.id,
        names=here.names,
        files=here.files,
        license=_declared(here),
        terms=slice_terms(around.nodes, around.edges)[here.id],
        standing=found,
        stopped=_stopped(reached, found),
        doubts=around.doubts,
        assessed=tuple(one for one in newest(around.assessed).values() if one.fact.artifact == here.id),
        parents=tuple(edge for edge in edges if edge.child == here.id),
        rebuilds=tuple((build, what) for (made, build), what in rebuilt.items() if made == here.id),
        comparisons=tuple(one for one in around.comparisons if one.fact.artifact == here.id),
        # Skill and safety are not preserved under merging (4-lineage, "Evaluation and gate").
        evaluations=tuple(one for one in around.evaluations if one.fact.artifact == here.id),
        attestations=tuple(one for one in around.attestations if one.fact.artifact == here.id),
        claims=tuple(one for one in around.claims if one.fact.artifact == here.id),
        corrections=tuple(
            one for one in around.corrections if here.id in {one.fact.artifact, one.fact.earlier}
        ),
        same=tuple(one for one in around.same if here.id in {one.child, one.parent}),
        contradictions=contradictions(around),
        as_of=around.size,
        judged=policy.now,
        complete=complete,
    )


def _stopped(reached: Standing, found: Standing) -> tuple[Hit, ...]:
    left = {hit.incident.id for hit in _hits(found)}
    return tuple(hit for hit in _hits(reached) if hit.incident.id not in left)


def _hits(found: Standing) -> tuple[Hit, ...]:
    return found.incidents if isinstance(found, Affected) else ()


def _declared(node: Node) -> str | None:
    return node.licenses[0] if node.licenses else None
