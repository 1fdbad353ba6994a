"""Selection: which relatives of an artifact are listed, and along which edges they are looked for.

Relation and evidence choose edges: only those are walked, so an artifact that nothing else leads to is left out with all beyond it.
The rest choose among the artifacts that are reached. Whoever selects is told how many relatives were left out.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from lineage.around import Edge, Node
from lineage.facts import Evidence, Relation

State = Literal["clean", "affected", "unknown"]
_UPSTREAM = "hf:"


@dataclass(frozen=True, slots=True)
class Recorded:
    """The entry (index) from which on the log knows an artifact, its time, and who signed what first registers it, if anything does."""

    entry: int
    time: int
    operators: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """A place in the log, by the index of an entry or by a time in unix seconds."""

    value: int
    of: Literal["entry", "time"]

    def reaches(self, recorded: Recorded) -> int:
        """Return how much later than this an artifact was recorded; a negative number if it was earlier."""
        return (recorded.entry if self.of == "entry" else recorded.time) - self.value


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for; whatever is empty or None is asked of nothing."""

    relations: frozenset[Relation] = frozenset()
    evidence: Evidence | None = None
    """At least this grade; `CONTRADICTED`, which stands outside the order, is that alone."""
    standing: State | None = None
    license: str | None = None
    owner: str | None = None
    """A namespace, an operator, or how the id of a key begins."""
    since: Moment | None = None
    until: Moment | None = None

    @property
    def recorded(self) -> bool:
        """Tell whether it asks who recorded an artifact, and when."""
        return not (self.owner is None and self.since is None and self.until is None)

    def walks(self, edge: Edge) -> bool:
        """Tell whether an edge is walked."""
        if self.relations and edge.relation not in self.relations:
            return False
        if self.evidence is None or edge.evidence == self.evidence:
            return True
        return Evidence.CONTRADICTED not in {edge.evidence, self.evidence} and edge.evidence > self.evidence

    def lists(self, node: Node, state: State | None, recorded: Recorded | None) -> bool:
        """Tell whether an artifact that is reached is listed; `state` and `recorded` are needed where they are asked for."""
        declared = node.licenses[0].casefold() if node.licenses else None
        return (
            (self.standing is None or state == self.standing)
            and (self.license is None or declared == self.license.casefold())
            and (self.owner is None or _owns(self.owner, node, recorded))
            and (self.since is None or (recorded is not None and self.since.reaches(recorded) >= 0))
            and (self.until is None or (recorded is not None and self.until.reaches(recorded) <= 0))
        )


def states(
    nodes: Collection[Node], edges: Iterable[Edge], affected: Collection[str], *, complete: bool
) -> Mapping[str, State]:
    """Return how each of `nodes` stands, given those that live incidents reach and a slice with all that they are made of.

    Whatever descends from something unknown is unknown, and so is all that is not affected where the slice is not `complete`.
    """
    children: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        children[edge.parent].append(edge.child)
    unknown = {node.id for node in nodes if not node.seen or not complete}
    waiting = deque(unknown)
    while waiting:
        fresh = set(children[waiting.popleft()]) - unknown
        unknown |= fresh
        waiting.extend(fresh)
    return {
        node.id: "affected" if node.id in affected else "unknown" if node.id in unknown else "clean"
        for node in nodes
    }


def _owns(owner: str, node: Node, recorded: Recorded | None) -> bool:
    named = (*node.names, node.id.removeprefix(_UPSTREAM))
    if any(name.casefold().startswith(f"{owner.casefold()}/") for name in named):
        return True
    if recorded is None:
        return False
    return owner in recorded.operators or (
        len(owner) >= 8 and any(key.startswith(owner) for key in recorded.keys)
    )
