"""What changed about an artifact between two sizes of the log, both read in one transaction."""

from __future__ import annotations

from lineage import difference
from lineage.difference import Moved
from lineage.facts import is_stub
from lineage.subjects import Pedigree, Scope
from registry.answers import EdgeOut, grade
from registry.incidents import IncidentOut, StandingOut
from registry.kinship import DiffOut, MovedOut, RegradedOut, RelatedOut, StateOut
from registry.store import artifacts, log, subjects
from registry.store.engine import Database
from signing.errors import Malformed, Refused


def diff(
    store: Database,
    artifact: str,
    scope: Scope = "both",
    since: int | None = None,
    until: int | None = None,
    most: int | None = None,
) -> DiffOut:
    """Return what changed about an artifact since the log had `since` entries, until it had `until`.

    Without these: since it was registered, until now. Beyond `most` descendants nothing is compared: what a list that is cut does
    not name may have been there all along.
    """
    with store.reading() as connection:
        later = log.size(connection) if until is None else until
        if since is None and is_stub(artifact):
            raise Malformed(
                f"{artifact} was never registered, so nothing says since when: name an earlier size of the log"
            )
        earlier = artifacts.registered(connection, artifact) + 1 if since is None else since
        if earlier > later:
            raise Malformed(f"a log of {earlier} entries is no earlier one than that of {later}")
        before = subjects.pedigree(connection, artifact, scope, most, earlier)
        now = subjects.pedigree(connection, artifact, scope, most, later)
    if not (before.complete and now.complete):
        raise Refused(
            f"{artifact} has more than {most} descendants, and lists that are cut cannot be compared; ask for its ancestors"
            " alone"
        )
    found = difference.difference(before, now)
    old, new = difference.live(before), difference.live(now)
    return DiffOut(
        artifact=artifact,
        names=now.here.names,
        scope=scope,
        before=_state(before),
        now=_state(now),
        ancestors=_moved(found.ancestors, before, now),
        descendants=_moved(found.descendants, before, now),
        edges_came=tuple(map(EdgeOut.of, found.edges_came)),
        edges_went=tuple(map(EdgeOut.of, found.edges_went)),
        regraded=tuple(
            RegradedOut(edge=EdgeOut.of(one.edge), before=grade(one.before)) for one in found.regraded
        ),
        incidents_came=tuple(IncidentOut.of(new[one]) for one in found.incidents.came),
        incidents_went=tuple(IncidentOut.of(old[one]) for one in found.incidents.went),
        evaluations_came=found.evaluations.came,
        evaluations_went=found.evaluations.went,
        as_of=now.at.size,
        complete=True,
    )


def _state(subject: Pedigree) -> StateOut:
    return StateOut(
        as_of=subject.at.size,
        seen=subject.here.seen,
        license=subject.verdict.license,
        standing=StandingOut.of(subject.verdict.standing),
        ancestors=len(subject.ancestors),
        descendants=len(subject.descendants),
    )


def _moved(moved: Moved, before: Pedigree, now: Pedigree) -> MovedOut:
    return MovedOut(came=_related(moved.came, now), went=_related(moved.went, before))


def _related(some: tuple[str, ...], subject: Pedigree) -> tuple[RelatedOut, ...]:
    return tuple(
        RelatedOut(artifact=node.id, names=node.names, seen=node.seen)
        for node in subject.relatives(frozenset(some))
    )
