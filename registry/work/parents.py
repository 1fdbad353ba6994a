"""Compare an artifact's weights with its declared parents', and look among all sketches here for what nobody declared.

Weights are compared as sketches (`merger.sketch`), as changes from an origin: the base that a merge names, or else what all its
declared parents descend from. What is found of a declared parent can be signed; what is suspected is for somebody to look at, and
is never logged and flags nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lineage.around import Edge
from lineage.checks import Compared
from lineage.facts import WEIGHTLESS
from lineage.predicates import parentage as predicate
from merger import parentage
from merger.explained import Explained
from merger.parentage import LIKE, WHOLE
from registry.home import Home
from registry.store import lineage, log
from registry.store.log import Receipt
from registry.work import sketches
from registry.work.beside import Beside, beside, distances, origin_of
from registry.work.findings import ParentageOut, SuspectOut, SuspicionsOut, TestedOut
from signing.errors import Refused

# Where an artifact names no parents, it is looked at as a change from one of so many that are most like it.
_ROOTS = 4
# What one request looks through: each of these is compared with everything of its architecture.
PAGE = 20


def compare(home: Home, artifact: str, *, files: bool = True, skipping: bool = False) -> ParentageOut:
    """Return what an artifact's weights say of its declared parents, and whom they suggest besides.

    With `files`, sketches that are missing are made from the files that are here; others whose sketch cannot be read are left out if
    `skipping`. Raises `Absent` where there is no sketch of it.
    """
    known = beside(home, artifact, files=files, skipping=skipping)
    copies = [
        SuspectOut(parent=one, kind="same tensors", statistic="digests", value=1, threshold=1, instead=())
        for one in known.candidates()
        if known.contents[one] == known.sketch.content
    ]
    if not known.edges:
        suspects = _unparented(home, known) if not copies else []
        return _answer(known, None, None, (), [*copies, *suspects])
    merged = tuple(edge for edge in known.edges if edge.relation == "merge")
    origin = origin_of(known, merged)
    explained, findings = None, dict[str, TestedOut]()
    if origin is not None and merged:
        made = parentage.change(known.sketch, known.others[origin])
        parents = [one for one in dict.fromkeys(edge.parent for edge in merged) if one in known.others]
        tasks = known.tasks((one for one in parents if one != origin), origin)
        explained, found = parentage.merged(made, tasks)
        relations = {edge.parent: edge.relation for edge in merged}
        findings = {one.parent: TestedOut.of(relations[one.parent], one) for one in found}
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
    """Return every artifact with a sketch here that gives rise to a suspicion, contradicts a declared parent, or cannot be read."""
    found = []
    for artifact in sketches.every(home):
        found.append(_looked(home, artifact, files=True))
        progress(1)
    return tuple(one for one in found if one.to_look_at)


def page(home: Home, after: str | None) -> SuspicionsOut:
    """Return what `review` would of the next artifacts in the order of their ids, from the sketches that are kept alone."""
    left = [one for one in sketches.every(home) if after is None or one > after]
    looked = left[:PAGE]
    found = [_looked(home, one, files=False) for one in looked]
    with home.store.reading() as connection:
        size = log.size(connection)
    return SuspicionsOut(
        artifacts=tuple(one for one in found if one.to_look_at),
        compared=len(looked),
        next=looked[-1] if len(left) > PAGE else None,
        as_of=size,
    )


def _looked(home: Home, artifact: str, *, files: bool) -> ParentageOut:
    """Compare one of many: what cannot be read of it is told in its place, and keeps nobody from the others."""
    try:
        return compare(home, artifact, files=files, skipping=True)
    except Refused as error:
        with home.store.reading() as connection:
            size = log.size(connection)
        return ParentageOut(
            artifact=artifact,
            origin=None,
            r2=None,
            exact=None,
            parents=(),
            suspects=(),
            compared=0,
            as_of=size,
            unread=str(error),
        )


def _tuned(known: Beside, edge: Edge) -> TestedOut:
    """Compare with a parent that the artifact goes on from, or that it is a change of."""
    if edge.parent not in known.others:
        why = "no sketch of it in this architecture is here"
        return TestedOut(
            parent=edge.parent,
            relation=edge.relation,
            outcome="undecided",
            statistic=None,
            value=None,
            threshold=None,
            why=why,
        )
    above = distances(known.above.edges, edge.parent)
    before = next(
        (one for one in sorted(above, key=lambda one: above[one]) if above[one] and one in known.others), None
    )
    if before is None or edge.relation == "merge":
        return TestedOut.of(
            edge.relation, parentage.alike(edge.parent, known.sketch, known.others[edge.parent])
        )
    made = parentage.change(known.sketch, known.others[before])
    own = parentage.task(known.others[edge.parent], known.others[before])
    return TestedOut.of(edge.relation, parentage.continued(edge.parent, made, own))


def _undeclared(known: Beside, merged: Sequence[Edge], origin: str | None) -> list[SuspectOut]:
    """Look for what explains what the declared parents do not; of a fine-tune, from what it was tuned."""
    start = origin or next((edge.parent for edge in known.edges if edge.parent in known.others), None)
    if start is None:
        return []
    declared = [edge.parent for edge in merged if edge.parent in known.others and edge.parent != start]
    return [SuspectOut.of(one) for one in known.suspected(start, dict.fromkeys(declared))]


def _unparented(home: Home, known: Beside) -> list[SuspectOut]:
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
    known: Beside,
    origin: str | None,
    explained: Explained | None,
    parents: tuple[TestedOut, ...],
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
        as_of=known.above.size,
    )


def _decimal(value: float) -> str:
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
