"""Simulation: what a report or another license would change, answered from a slice of the graph, with nothing written.

A report flags what its kind is carried to, which depends on edges alone (`lineage.standing`). Another license changes what holds
for an artifact and for all that is made of it, so the slice has to hold all ancestors of these.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from lineage.around import Around, Edge
from lineage.finding import Finding
from lineage.incidents import Kind
from lineage.kinship import distances
from lineage.licensing import Licensing, judge
from lineage.standing import carries
from lineage.terms import Borne, slice_terms


@dataclass(frozen=True, slots=True)
class Relicensed:
    """What another license of one artifact changes about one that is made of it, or about that itself."""

    artifact: str
    distance: int
    came: tuple[Borne, ...]
    went: tuple[Borne, ...]


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What the licenses say of an artifact before and after: outcomes, and the findings that come and go."""

    before: Licensing
    after: Licensing

    @property
    def came(self) -> tuple[Finding, ...]:
        """The findings that there were none of."""
        return tuple(one for one in self.after.findings if one not in self.before.findings)

    @property
    def went(self) -> tuple[Finding, ...]:
        """The findings that there would be none of."""
        return tuple(one for one in self.before.findings if one not in self.after.findings)


def reported(artifacts: Iterable[str], kind: Kind, edges: Iterable[Edge]) -> dict[str, int]:
    """Return what an incident of this kind on `artifacts` would flag, nearest first, each with its level: these are at 0."""
    children: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        if carries(kind, edge.relation):
            children[edge.parent].add(edge.child)
    found = dict.fromkeys(artifacts, 0)
    waiting = deque(found)
    while waiting:
        here = waiting.popleft()
        for child in sorted(child for child in children[here] if child not in found):
            found[child] = found[here] + 1
            waiting.append(child)
    return found


def levels(found: dict[str, int]) -> tuple[int, ...]:
    """Return how many artifacts there are at each level, from 0 on."""
    counts = [0] * (max(found.values(), default=-1) + 1)
    for level in found.values():
        counts[level] += 1
    return tuple(counts)


def below(artifact: str, edges: Iterable[Edge]) -> dict[str, int]:
    """Return an artifact, at 0, and all that is made of it, nearest first, over edges of every relation."""
    children: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        children[edge.parent].add(edge.child)
    return distances(artifact, {parent: sorted(some) for parent, some in children.items()})


def relicense(around: Around, artifact: str, license_id: str) -> Around:
    """Return a slice in which an artifact declares this license, in no entry of any log."""
    nodes = (
        replace(node, licenses=(license_id, *node.licenses), logged=(None, *node.logged))
        if node.id == artifact
        else node
        for node in around.nodes
    )
    return replace(around, nodes=tuple(nodes))


def relicensed(around: Around, after: Around, artifact: str) -> tuple[Relicensed, ...]:
    """Return whose terms differ between two slices of the same artifacts, of `artifact` and what is made of it, nearest first."""
    old, new = slice_terms(around.nodes, around.edges), slice_terms(after.nodes, after.edges)
    found = []
    for one, distance in below(artifact, around.edges).items():
        came, went = new[one].all.keys() - old[one].all.keys(), old[one].all.keys() - new[one].all.keys()
        if came or went:
            found.append(Relicensed(one, distance, tuple(sorted(came)), tuple(sorted(went))))
    return tuple(found)


def rejudged(around: Around, after: Around, artifact: str) -> Rejudged:
    """Return what the licenses say of an artifact by one slice and by the other."""
    return Rejudged(judge(replace(around, artifact=artifact)), judge(replace(after, artifact=artifact)))
