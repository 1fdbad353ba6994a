"""An artifact's sketch beside those of its architecture, with what is said of its making: what there is to compare its weights with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lineage.around import Around, Edge
from lineage.facts import WEIGHTLESS
from merger import parentage
from merger.paired import fitted
from merger.parentage import Suspect
from merger.republished import suspected
from merger.sketch import Sketch, Values
from registry.home import Home
from registry.store import lineage
from registry.work import sketches
from signing import canonical
from signing.errors import Refused


@dataclass(frozen=True, slots=True)
class Beside:
    """An artifact's sketch, its lineage, and the values of everything of its architecture, in the order of its tensors."""

    artifact: str
    sketch: Sketch
    edges: tuple[Edge, ...]
    above: Around
    others: Mapping[str, Values]
    contents: Mapping[str, str]
    kin: frozenset[str]
    """What it is said to descend from, and which of the others are said to descend from it."""

    def candidates(self, origin: str | None = None) -> list[str]:
        """Return what nobody declared to be of its lineage."""
        return [one for one in self.others if one not in self.kin and one != origin]

    def suspected(self, origin: str, declared: Iterable[str]) -> tuple[Suspect, ...]:
        """Return which of the candidates its weights suggest besides these parents, as changes from an origin."""
        parents, candidates = (
            {one: self.others[one] for one in names} for names in (declared, self.candidates(origin))
        )
        return suspected(self.sketch, self.others[origin], parents, candidates)

    def tasks(self, names: Iterable[str], origin: str) -> dict[str, Values]:
        """Return the task vectors of these from an origin."""
        return {one: parentage.task(self.others[one], self.others[origin]) for one in names}


def beside(home: Home, artifact: str, *, files: bool = True, skipping: bool = False) -> Beside:
    """Put an artifact beside all that is kept here of its architecture; with `files`, sketches that are missing are made from them.

    Others whose sketch cannot be read are left out if `skipping`. Raises `Absent` where there is no sketch of it.
    """
    own = sketches.of(home, artifact, files=files)
    with home.store.reading() as connection:
        above = lineage.around(connection, artifact)
    edges = tuple(edge for edge in above.edges if edge.child == artifact and edge.relation not in WEIGHTLESS)
    for edge in edges if files else ():
        _made(home, edge.parent)
    others, contents = dict[str, Values](), dict[str, str]()
    for name, one in sketches.alike(home, own.family, skipping=skipping):
        values = fitted(own, one)
        if name != artifact and values is not None:
            others[name], contents[name] = values, one.content
    with home.store.reading() as connection:
        below = lineage.made_of(connection, artifact, others)
    kin = below | {node.id for node in above.nodes}
    return Beside(artifact, own, edges, above, others, contents, kin)


def _made(home: Home, artifact: str) -> None:
    """Make the sketch of a parent whose files are here; without it the parent is undecided, with the reason."""
    try:
        sketches.of(home, artifact)
    except Refused:
        return


def origin_of(known: Beside, merged: Sequence[Edge]) -> str | None:
    """Return what a merge's parents are seen as changes from: its base, else their nearest common ancestor, else one of them."""
    for edge in merged:
        part = canonical.decode(edge.part.encode())
        if isinstance(part, Mapping) and part.get("role") == "base" and edge.parent in known.others:
            return edge.parent
    parents = [one for one in dict.fromkeys(edge.parent for edge in merged) if one in known.others]
    if not parents:
        return None
    far = [distances(known.above.edges, one) for one in parents]
    common = [one for one in far[0] if one in known.others and all(one in each for each in far)]
    near = sorted(common, key=lambda one: (sum(each[one] for each in far), one))
    return near[0] if near else parents[0]


def distances(edges: Sequence[Edge], artifact: str) -> dict[str, int]:
    """Return how far above an artifact, which counts as its own, everything is that it is said to be made from."""
    found, waiting = {artifact: 0}, [artifact]
    for here in waiting:
        for edge in edges:
            if edge.child == here and edge.relation not in WEIGHTLESS and edge.parent not in found:
                found[edge.parent] = found[here] + 1
                waiting.append(edge.parent)
    return found
