"""The ancestors or descendants of an artifact as they are asked for, put together in one read transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from sqlalchemy import Connection

from lineage.around import Around, Incident, Node
from lineage.compared import graded
from lineage.selection import State, states
from lineage.standing import ENDED, gravest
from lineage.status import Policy
from registry.answers import EdgeOut, LineageOut, RelativeOut
from registry.incidents import IncidentOut
from registry.selected import SelectionOut
from registry.statuses import StatusOut, statuses
from registry.store import flagging, lineage, stopping
from registry.store.recorded import recorded

Direction = Literal["ancestors", "descendants"]


def relatives(
    connection: Connection,
    artifact: str,
    direction: Direction,
    asked: SelectionOut,
    policy: Policy,
    most: int | None = None,
) -> LineageOut:
    """Return those relatives of an artifact that are asked for; beyond `most` descendants it is cut, and says so."""
    # networkx takes a quarter of a second to load, and a merge never asks this.
    from lineage.graph import Slice  # noqa: PLC0415

    selection = asked.selection()
    if direction == "ancestors":
        around = lineage.around(connection, artifact)
    else:
        around = lineage.below(connection, artifact, most=most)
    ids = [node.id for node in around.nodes]
    flags = flagging.flags(connection, ids)
    live = {
        one: tuple(incident for incident in found if incident.stage not in ENDED)
        for one, found in flags.items()
    }
    means = statuses(around.assessed, policy)
    reached = stopping.reaching(connection, live, policy, around.size)
    affected = {one for one, found in reached.items() if found}
    stands = _states(connection, around, direction, affected) if selection.standing else {}
    first = recorded(connection, ids) if selection.recorded else {}
    edges = [edge for edge in graded(around) if selection.walks(edge)]
    nodes = {node.id: node for node in around.nodes}
    levels = Slice(edges).levels(around.artifact, direction)
    listed = {
        one: distance
        for distance, level in enumerate(levels, 1)
        for one in level
        if selection.lists(nodes[one], stands.get(one), first.get(one))
    }
    told = {one: gravest(reached[one]) for one in (around.artifact, *listed)}
    incidents = {one.id: one for artifact in ids if artifact in told for one in told[artifact]}
    return LineageOut(
        artifact=around.artifact,
        names=nodes[around.artifact].names,
        direction=direction,
        relatives=tuple(
            _relative(
                nodes[one],
                distance,
                told[one],
                len(reached[one]),
                [means[hit.id, one] for hit in told[one] if (hit.id, one) in means],
            )
            for one, distance in listed.items()
        ),
        incidents=tuple(map(IncidentOut.of, incidents.values())),
        doubts=tuple(map(IncidentOut.of, around.doubts)),
        edges=tuple(
            EdgeOut.of(edge)
            for edge in edges
            if (edge.parent if direction == "ancestors" else edge.child) in listed
        ),
        asked=asked,
        left_out=len(ids) - 1 - len(listed),
        stopping=policy.stopping,
        as_of=around.size,
        complete=around.complete,
    )


def _states(
    connection: Connection, around: Around, direction: Direction, affected: Collection[str]
) -> Mapping[str, State]:
    # What a descendant is made of lies beside the slice, too.
    above = (
        around
        if direction == "ancestors"
        else lineage.above_all(connection, [node.id for node in around.nodes])
    )
    return states(above.nodes, above.edges, affected, complete=above.complete and not above.doubts)


def _relative(
    node: Node, distance: int, told: Sequence[Incident], live: int, means: Sequence[StatusOut]
) -> RelativeOut:
    return RelativeOut(
        artifact=node.id,
        distance=distance,
        names=node.names,
        license=next(iter(node.licenses), None),
        claimed=next(iter(node.claimed), None),
        seen=node.seen,
        incidents=tuple(incident.id for incident in told),
        left_out=live - len(told),
        statuses=tuple(means),
    )
