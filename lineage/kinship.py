"""Kinship: what artifacts have in common, where a lineage begins, and how much of it is known.

Every function takes the edges of a slice that holds all ancestors of what it is asked about, over every relation. Several
statements about one pair are one step, and an artifact counts as its own nearest relative where its relatives are compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lineage.around import Around, Edge
from lineage.compared import graded
from lineage.facts import Evidence, is_stub

Parents = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Shared:
    """An ancestor of several artifacts, or one of them from which the others descend, and how far above each it stands.

    `nearest`: none of their common ancestors descends from it.
    """

    artifact: str
    nearest: bool
    distances: tuple[int, ...]
    """In the order of the artifacts that were asked about; 0 is the artifact itself."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an artifact's ancestors, and how well the edges between them are.

    Of `stubs` there is nothing but what others say; what was said of `unknown` ones was removed, or counts no longer.
    """

    registered: tuple[str, ...]
    stubs: tuple[str, ...]
    unknown: tuple[str, ...]
    edges: Mapping[Evidence, int]

    @property
    def missing(self) -> tuple[str, ...]:
        """The ancestors about which nothing is known, in the order of their ids."""
        return tuple(sorted((*self.stubs, *self.unknown)))


def shared(artifacts: Sequence[str], edges: Iterable[Edge]) -> tuple[Shared, ...]:
    """Return the common ancestors of `artifacts`, the nearest first."""
    above = parents(edges)
    each = [distances(artifact, above) for artifact in artifacts]
    common = set(each[0]).intersection(*each[1:])
    # All ancestors of a common ancestor are common ones, so what is below one begins with its own children.
    further = {parent for child in common for parent in above.get(child, ())}
    found = (Shared(one, one not in further, tuple(far[one] for far in each)) for one in common)
    return tuple(sorted(found, key=lambda one: (not one.nearest, sum(one.distances), one.artifact)))


def roots(artifact: str, edges: Iterable[Edge]) -> dict[str, int]:
    """Return the ancestors of `artifact` of which no parent is known, nearest first, with their distances."""
    above = parents(edges)
    found = distances(artifact, above)
    return {one: far for one, far in found.items() if one != artifact and not above.get(one)}


def known(around: Around) -> Known:
    """Return what is known of the ancestors of the artifact that `around` is about, itself left out."""
    unseen = [node.id for node in around.nodes if not node.seen and node.id != around.artifact]
    grades = Counter(edge.evidence for edge in graded(around))
    return Known(
        tuple(sorted(node.id for node in around.nodes if node.seen and node.id != around.artifact)),
        tuple(sorted(one for one in unseen if is_stub(one))),
        tuple(sorted(one for one in unseen if not is_stub(one))),
        {grade: grades[grade] for grade in Evidence},
    )


def parents(edges: Iterable[Edge]) -> dict[str, list[str]]:
    """Return the parents of each child, each once and in the order of their ids."""
    found: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        found[edge.child].add(edge.parent)
    return {child: sorted(some) for child, some in found.items()}


def distances(artifact: str, above: Parents) -> dict[str, int]:
    """Return how far each ancestor stands above `artifact`, which is itself at 0, nearest first."""
    found, waiting = {artifact: 0}, deque([artifact])
    while waiting:
        here = waiting.popleft()
        for parent in above.get(here, ()):
            if parent not in found:
                found[parent] = found[here] + 1
                waiting.append(parent)
    return found
