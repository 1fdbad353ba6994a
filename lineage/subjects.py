"""Subjects: what is told to other tools: an artifact in its lineage, and an incident in its reach, as values.

Everything stands in the order of ids, and the time is that of the log's newest entry: a log of one size gives one subject,
whoever folded it and whenever it is asked.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from lineage.around import Around, Edge, Incident, Node, Said
from lineage.assessed import Assessed, Status
from lineage.compared import graded
from lineage.standing import ENDED, spread
from lineage.status import Policy, newest
from lineage.verdict import Verdict, assess

Scope = Literal["ancestors", "descendants", "both"]


@dataclass(frozen=True, slots=True)
class AsOf:
    """The log of this name at `size` entries, the newest of which was logged at `time` (unix seconds)."""

    origin: str
    size: int
    time: int


@dataclass(frozen=True, slots=True)
class Logged:
    """The entry that says something first, when it was logged, and by which operators."""

    entry: str
    time: int
    operators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pedigree:
    """An artifact and its relatives within `scope`.

    `complete` is False if any of these was left out, or if an order leaves nobody to tell whether an incident selects one.
    """

    at: AsOf
    verdict: Verdict
    scope: Scope
    files: tuple[tuple[str, str], ...]
    """Name and SHA-256 (hex) of each; none where nothing is known about the artifact."""
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    ancestors: frozenset[str]
    descendants: frozenset[str]
    registered: Mapping[str, Logged]
    incidents: Mapping[str, tuple[Incident, ...]]
    """The live incidents that reach each node."""
    doubts: tuple[Incident, ...]
    """The live incidents of which orders leave nobody to tell whether they reach more of these than `incidents` says."""
    complete: bool

    @property
    def here(self) -> Node:
        """The artifact itself."""
        return next(node for node in self.nodes if node.id == self.verdict.artifact)

    def relatives(self, ids: frozenset[str]) -> tuple[Node, ...]:
        """Return those nodes that are among `ids`."""
        return tuple(node for node in self.nodes if node.id in ids)


@dataclass(frozen=True, slots=True)
class Reach:
    """An incident, with the artifacts that it names and everything made of them."""

    at: AsOf
    incident: Incident
    reported: Logged
    changed: Logged
    """Its newest change of stage; the report itself where there was none."""
    nodes: tuple[Node, ...]
    flagged: frozenset[str]
    missing: Mapping[str, tuple[str, ...]]
    """Of nodes that it does not flag: the ancestors, or the node itself, about which nothing is known."""
    complete: bool
    assessed: Mapping[str, Said[Assessed]]
    """Of nodes: what somebody found the incident to mean for each, the newest word of several; it may have expired."""
    stopped: frozenset[str]
    """What it flags and reaches only through what a policy lets it stop at."""
    policy: Policy

    @property
    def ended(self) -> bool:
        """Tell whether it was rejected or retracted."""
        return self.incident.stage in ENDED

    def said(self, artifact: str) -> Said[Assessed] | None:
        """Return what somebody found the incident to mean for a node, unless that has expired."""
        found = self.assessed.get(artifact)
        return None if found is None or self.policy.expired(found.fact) else found

    def status(self, artifact: str) -> Status:
        """Return how the incident bears on a node. A resolved one still affects: bytes do not heal, whatever supersedes them."""
        if self.ended:
            return "not_affected"
        if artifact in self.flagged:
            said = self.said(artifact)
            if said is not None:
                return "affected" if said.fact.status == "fixed" else said.fact.status
            if artifact in self.stopped:
                return "not_affected"
            return "under_investigation" if self.incident.stage == "reported" else "affected"
        unknown = self.missing.get(artifact) or self.incident.removed
        return "under_investigation" if unknown else "not_affected"


def pedigree(
    at: AsOf,
    above: Around,
    below: Around | None,
    scope: Scope,
    files: Mapping[str, str],
    registered: Mapping[str, Logged],
    flags: Mapping[str, Iterable[Incident]],
) -> Pedigree:
    """Return an artifact with those of its relatives that `scope` asks for; `below` is None where it asks for ancestors alone.

    What lies above is needed in every case: the artifact is judged by it.
    """
    up, down = above if scope != "descendants" else None, below if scope != "ancestors" else None
    slices = [one for one in (up, down) if one is not None]
    nodes = {node.id: node for one in slices for node in one.nodes}
    doubts = {incident.id: incident for one in (above, *slices) for incident in one.doubts}
    return Pedigree(
        at=at,
        # An export tells every incident, whatever a policy lets one stop at, and says what no clock is asked for.
        verdict=assess(above, Policy(at.time)),
        scope=scope,
        files=tuple(sorted(files.items())),
        nodes=tuple(nodes[one] for one in sorted(nodes)),
        edges=tuple(sorted({edge for one in slices for edge in graded(one)}, key=_place)),
        ancestors=_others(up),
        descendants=_others(down),
        registered=registered,
        incidents={one: _live(flags.get(one, ())) for one in sorted(nodes)},
        doubts=tuple(doubts[one] for one in sorted(doubts)),
        complete=all(one.complete for one in (above, *slices)) and not doubts,
    )


def narrowed(subject: Pedigree, relatives: Collection[str], walks: Callable[[Edge], bool]) -> Pedigree:
    """Return a pedigree with these relatives alone and the edges between them that `walks` holds for; it says if that is less."""
    kept = {subject.here.id, *relatives}
    nodes = tuple(node for node in subject.nodes if node.id in kept)
    edges = tuple(edge for edge in subject.edges if kept >= {edge.child, edge.parent} and walks(edge))
    whole = (len(nodes), len(edges)) == (len(subject.nodes), len(subject.edges))
    return replace(
        subject,
        nodes=nodes,
        edges=edges,
        ancestors=subject.ancestors & kept,
        descendants=subject.descendants & kept,
        complete=subject.complete and whole,
    )


def spared(incident: Incident, below: Around) -> tuple[str, ...]:
    """Return what is made of the artifacts that an incident names, and that it does not flag."""
    flagged = spread(incident.artifacts, incident.what, below.edges)
    return tuple(sorted({node.id for node in below.nodes} - flagged))


def reach(
    at: AsOf,
    incident: Incident,
    reported: Logged,
    changed: Logged,
    below: Around,
    above: Around | None,
    policy: Policy,
) -> Reach:
    """Return an incident in its reach: `below` is what is made of the artifacts it names, `above` what the `spared` are made of."""
    others = frozenset(spared(incident, below))
    unknown = {} if above is None else _missing(above)
    flagged = frozenset(node.id for node in below.nodes) - others
    stops = policy.stops(below.assessed).get(incident.id, frozenset())
    passed = spread(incident.artifacts, incident.what, below.edges, stops) if stops else flagged
    return Reach(
        at=at,
        incident=incident,
        reported=reported,
        changed=changed,
        nodes=tuple(sorted(below.nodes, key=lambda node: node.id)),
        flagged=flagged,
        missing={one: tuple(found) for one, found in unknown.items() if one in others},
        complete=below.complete and not incident.removed,
        assessed={one: said for (about, one), said in newest(below.assessed).items() if about == incident.id},
        stopped=flagged - passed,
        policy=policy,
    )


def _missing(above: Around) -> Mapping[str, list[str]]:
    """Return, for each node of a slice below one about which nothing is known, or being one itself, which these are."""
    children = defaultdict(set)
    for edge in above.edges:
        children[edge.parent].add(edge.child)
    found: dict[str, list[str]] = defaultdict(list)
    for unseen in sorted(node.id for node in above.nodes if not node.seen):
        reached, waiting = {unseen}, deque([unseen])
        while waiting:
            fresh = children[waiting.popleft()] - reached
            reached |= fresh
            waiting.extend(fresh)
        for one in reached:
            found[one].append(unseen)
    return found


def _others(one: Around | None) -> frozenset[str]:
    return frozenset() if one is None else frozenset(node.id for node in one.nodes) - {one.artifact}


def _live(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    return tuple(sorted((one for one in incidents if one.stage not in ENDED), key=lambda one: one.id))


def _place(edge: Edge) -> tuple[str, str, str, str, str, int]:
    return (edge.child, edge.parent, edge.entry, edge.relation, edge.part, edge.evidence)
