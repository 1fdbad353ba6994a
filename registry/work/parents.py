"""Compare an artifact's weights with its declared parents', and look among all sketches here for what nobody declared.

Weights are compared as sketches (`merger.sketch`), as changes from an origin: the base that a merge names, or else what all its
declared parents descend from. What is found of a declared parent can be signed; what is suspected is for somebody to look at, and
is never logged and flags nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lineage.around import Around, Edge
from lineage.facts import WEIGHTLESS, Compared
from lineage.predicates import parentage as predicate
from merger import parentage
from merger.explained import Explained
from merger.paired import fitted
from merger.parentage import LIKE, WHOLE, Suspect
from merger.republished import suspected
from merger.sketch import Sketch, Values
from registry.home import Home
from registry.store import lineage
from registry.store.log import Receipt
from registry.work import sketches
from registry.work.findings import FindingOut, ParentageOut, SuspectOut
from signing import canonical
from signing.errors import Refused

# Where an artifact names no parents, it is looked at as a change from one of so many that are most like it.
_ROOTS = 4


@dataclass(frozen=True, slots=True)
class _Known:
    """An artifact's sketch, its lineage, and the values of everything of its architecture, in the order of its tensors."""

    artifact: str
    sketch: Sketch
    edges: tuple[Edge, ...]
    above: Around
    others: Mapping[str, Values]
    contents: Mapping[str, str]
    kin: frozenset[str]
    """What it is said to descend from, and what is said to descend from it."""

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


def compare(home: Home, artifact: str) -> ParentageOut:
    """Return what an artifact's weights say of its declared parents, and whom they suggest besides.

    Raises `Absent` where there is no sketch of it here and its files are gone.
    """
    known = _known(home, artifact)
    copies = [
        SuspectOut(parent=one, kind="same tensors", statistic="digests", value=1, threshold=1, instead=())
        for one in known.candidates()
        if known.contents[one] == known.sketch.content
    ]
    if not known.edges:
        suspects = _unparented(home, known) if not copies else []
        return _answer(known, None, None, (), [*copies, *suspects])
    merged = tuple(edge for edge in known.edges if edge.relation == "merge")
    origin = _origin(known, merged)
    explained, findings = None, dict[str, FindingOut]()
    if origin is not None and merged:
        made = parentage.change(known.sketch, known.others[origin])
        parents = [one for one in dict.fromkeys(edge.parent for edge in merged) if one in known.others]
        tasks = known.tasks((one for one in parents if one != origin), origin)
        explained, found = parentage.merged(made, tasks)
        relations = {edge.parent: edge.relation for edge in merged}
        findings = {one.parent: FindingOut.of(relations[one.parent], one) for one in found}
    for edge in known.edges:
        if edge.parent not in findings:
            findings[edge.parent] = _tuned(known, edge)
    suspects = _undeclared(known, merged, origin) if not copies else []
    return _answer(known, origin, explained, tuple(findings.values()), [*copies, *suspects])


def publish(home: Home, found: ParentageOut) -> Receipt | None:
    """Sign and log what the weights say of the declared parents; None if they tell nothing of any."""
    said = [
        Compared(
            found.artifact,
            one.parent,
            one.outcome,
            one.statistic,
            _decimal(one.value),
            _decimal(one.threshold),
        )
        for one in found.parents
        if one.outcome != "undecided"
        and one.statistic
        and one.value is not None
        and one.threshold is not None
    ]
    return home.say("rebuilder", predicate.statement(said))[0] if said else None


def review(home: Home, progress: Callable[[int], object]) -> tuple[ParentageOut, ...]:
    """Return every artifact with a sketch here that gives rise to a suspicion, or contradicts a declared parent."""
    found = []
    for artifact in sketches.every(home):
        one = compare(home, artifact)
        progress(1)
        if one.suspects or any(parent.outcome == "contradicted" for parent in one.parents):
            found.append(one)
    return tuple(found)


def _known(home: Home, artifact: str) -> _Known:
    own = sketches.of(home, artifact)
    with home.store.reading() as connection:
        above, below = lineage.around(connection, artifact), lineage.below(connection, artifact)
    edges = tuple(edge for edge in above.edges if edge.child == artifact and edge.relation not in WEIGHTLESS)
    for edge in edges:
        _made(home, edge.parent)
    others, contents = dict[str, Values](), dict[str, str]()
    for name, one in sketches.alike(home, own.family):
        values = fitted(own, one)
        if name != artifact and values is not None:
            others[name], contents[name] = values, one.content
    kin = frozenset(node.id for one in (above, below) for node in one.nodes)
    return _Known(artifact, own, edges, above, others, contents, kin)


def _made(home: Home, artifact: str) -> None:
    """Make the sketch of a parent whose files are here; without it the parent is undecided, with the reason."""
    try:
        sketches.of(home, artifact)
    except Refused:
        return


def _origin(known: _Known, merged: Sequence[Edge]) -> str | None:
    """Return what a merge's parents are seen as changes from: its base, else their nearest common ancestor, else one of them."""
    for edge in merged:
        part = canonical.decode(edge.part.encode())
        if isinstance(part, Mapping) and part.get("role") == "base" and edge.parent in known.others:
            return edge.parent
    parents = [one for one in dict.fromkeys(edge.parent for edge in merged) if one in known.others]
    if not parents:
        return None
    distances = [_distances(known.above.edges, one) for one in parents]
    common = [one for one in distances[0] if one in known.others and all(one in each for each in distances)]
    near = sorted(common, key=lambda one: (sum(each[one] for each in distances), one))
    return near[0] if near else parents[0]


def _distances(edges: Sequence[Edge], artifact: str) -> dict[str, int]:
    """Return how far above an artifact, which counts as its own, everything is that it is said to be made from."""
    found, waiting = {artifact: 0}, [artifact]
    for here in waiting:
        for edge in edges:
            if edge.child == here and edge.relation not in WEIGHTLESS and edge.parent not in found:
                found[edge.parent] = found[here] + 1
                waiting.append(edge.parent)
    return found


def _tuned(known: _Known, edge: Edge) -> FindingOut:
    """Compare with a parent that the artifact goes on from, or that it is a change of."""
    if edge.parent not in known.others:
        why = "no sketch of it in this architecture is here"
        return FindingOut(
            parent=edge.parent,
            relation=edge.relation,
            outcome="undecided",
            statistic=None,
            value=None,
            threshold=None,
            why=why,
        )
    above = _distances(known.above.edges, edge.parent)
    before = next(
        (one for one in sorted(above, key=lambda one: above[one]) if above[one] and one in known.others), None
    )
    if before is None or edge.relation == "merge":
        return FindingOut.of(
            edge.relation, parentage.alike(edge.parent, known.sketch, known.others[edge.parent])
        )
    made = parentage.change(known.sketch, known.others[before])
    own = parentage.task(known.others[edge.parent], known.others[before])
    return FindingOut.of(edge.relation, parentage.continued(edge.parent, made, own))


def _undeclared(known: _Known, merged: Sequence[Edge], origin: str | None) -> list[SuspectOut]:
    """Look for what explains what the declared parents do not; of a fine-tune, from what it was tuned."""
    start = origin or next((edge.parent for edge in known.edges if edge.parent in known.others), None)
    if start is None:
        return []
    declared = [edge.parent for edge in merged if edge.parent in known.others and edge.parent != start]
    return [SuspectOut.of(one) for one in known.suspected(start, dict.fromkeys(declared))]


def _unparented(home: Home, known: _Known) -> list[SuspectOut]:
    """Look for what an artifact that names no parents may be made from: the most alike, and what explains its change from that."""
    likeness = {one: parentage.likeness(known.sketch, known.others[one]) for one in known.candidates()}
    near = sorted((one for one in likeness if likeness[one] >= LIKE), key=lambda one: (-likeness[one], one))
    if not near:
        return []
    with home.store.reading() as connection:
        edges = lineage.above_all(connection, near).edges
    # From a tune, its base looks like a tune, too; from the base, tunes look like what they are.
    tuned = {edge.child for edge in edges if edge.relation not in WEIGHTLESS and edge.parent in near}
    for root in ([one for one in near if one not in tuned] or near)[:_ROOTS]:
        found = [SuspectOut.of(one) for one in known.suspected(root, ())]
        if found:
            # Nobody says that this is what it was made from, so what least squares find may be the way there and back.
            sure = found[0].statistic != "alone" or found[0].value >= WHOLE
            return found if sure else [one.model_copy(update={"kind": "made from"}) for one in found]
    value, first = likeness[near[0]], near[0]
    return [
        SuspectOut(
            parent=first,
            kind="made from",
            statistic="likeness",
            value=value,
            threshold=LIKE,
            instead=tuple(near[1:9]),
        )
    ]


def _answer(
    known: _Known,
    origin: str | None,
    explained: Explained | None,
    parents: tuple[FindingOut, ...],
    suspects: Sequence[SuspectOut],
) -> ParentageOut:
    return ParentageOut(
        artifact=known.artifact,
        origin=origin,
        r2=explained.r2 if explained else None,
        exact=explained.exactly if explained else None,
        parents=parents,
        suspects=tuple(suspects),
        compared=len(known.others),
    )


def _decimal(value: float) -> str:
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
