"""What a report or another license would change, read from the log in one transaction that writes nothing."""

from __future__ import annotations

from lineage import simulation
from lineage.around import Node
from lineage.facts import is_stub
from lineage.incidents import Kind
from lineage.licensing import NOTICE
from lineage.predicates import incident
from lineage.predicates import license as license_predicate
from lineage.simulation import Rejudged, Relicensed
from lineage.standing import ENDED
from lineage.terms import Borne
from registry.found import FindingOut
from registry.home import Home
from registry.simulated import (
    MOST,
    BorneOut,
    FlaggedOut,
    RelicensedOut,
    SimulatedLicenseOut,
    SimulatedReportOut,
)
from registry.statuses import statuses
from registry.store import artifacts, flagging, lineage, sameness, stopping
from registry.store.engine import Database


def report(home: Home, artifact: str, kind: Kind, most: int | None = None) -> SimulatedReportOut:
    """Return what an incident of this kind on an artifact would flag; beyond `most` descendants it is cut, and says so.

    What could not be reported is refused as a report would be: `Absent` for what is not registered, and for a stub that
    nothing here names, below which nothing is.
    """
    incident.statement([artifact], kind, "low", "reported", "simulated", contact="nobody", issued=0)
    policy = home.policy()
    with home.store.reading() as connection:
        if not is_stub(artifact):
            artifacts.registered(connection, artifact)
        named = sameness.named(connection, [artifact])
        around = lineage.below_all(connection, named, most)
        nodes = {node.id: node for node in around.nodes}
        hits = flagging.flags(connection, nodes)
        flags = stopping.reaching(connection, hits, policy)
    found = simulation.reported(named, kind, around.edges)
    means = statuses(around.assessed, policy)
    fresh = {one for one in found if all(incident.stage in ENDED for incident in flags[one])}
    return SimulatedReportOut(
        artifact=artifact,
        names=nodes[artifact].names,
        kind=kind,
        flagged=len(found),
        fresh=len(fresh),
        spared=len(nodes) - len(found),
        levels=simulation.levels(found),
        first=tuple(
            FlaggedOut(
                artifact=one,
                names=nodes[one].names,
                seen=nodes[one].seen,
                level=level,
                fresh=one in fresh,
                statuses=tuple(
                    means[hit.id, one]
                    for hit in hits[one]
                    if hit.stage not in ENDED and (hit.id, one) in means
                ),
            )
            for one, level in list(found.items())[:MOST]
        ),
        stopping=policy.stopping,
        as_of=around.size,
        complete=around.complete,
    )


def license(  # noqa: A001 - the one word for it
    store: Database, artifact: str, license_id: str, most: int | None = None
) -> SimulatedLicenseOut:
    """Return what would change if an artifact declared this license; beyond `most` descendants it is cut, and says so.

    What could not be declared is refused as a declaration would be.
    """
    license_predicate.statement(artifact, license_id, 0)
    with store.reading() as connection:
        artifacts.registered(connection, artifact)
        below = lineage.below(connection, artifact, most)
        around = lineage.above_all(connection, [node.id for node in below.nodes])
    after = simulation.relicense(around, artifact, license_id)
    nodes = {node.id: node for node in around.nodes}
    changed = {one.artifact: one for one in simulation.relicensed(around, after, artifact)}
    near = list(simulation.below(artifact, around.edges).items())[:MOST]
    told = tuple(
        _relicensed(nodes[one], level, changed.get(one), simulation.rejudged(around, after, one))
        for one, level in near
    )
    return SimulatedLicenseOut(
        artifact=artifact,
        names=nodes[artifact].names,
        license=license_id,
        declared=next(iter(nodes[artifact].licenses), None),
        concerned=len(below.nodes),
        changed=len(changed),
        levels=simulation.levels({one: found.distance for one, found in changed.items()}),
        judged=len(told),
        first=tuple(one for one in told if _differs(one)),
        notice=NOTICE,
        as_of=around.size,
        complete=below.complete and around.complete,
    )


def _relicensed(node: Node, level: int, changed: Relicensed | None, judged: Rejudged) -> RelicensedOut:
    return RelicensedOut(
        artifact=node.id,
        names=node.names,
        seen=node.seen,
        level=level,
        came=_borne(changed.came if changed else ()),
        went=_borne(changed.went if changed else ()),
        before=judged.before.outcome,
        after=judged.after.outcome,
        findings_came=tuple(map(FindingOut.of, judged.came)),
        findings_went=tuple(map(FindingOut.of, judged.went)),
    )


def _borne(some: tuple[Borne, ...]) -> tuple[BorneOut, ...]:
    return tuple(BorneOut(license=one.license, settled=one.settled) for one in some)


def _differs(one: RelicensedOut) -> bool:
    return one.before != one.after or any((one.came, one.went, one.findings_came, one.findings_went))
