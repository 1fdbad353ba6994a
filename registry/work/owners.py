"""Whom an incident concerns: the operators that registered what it reaches, found in one pass over everything below it."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection

from lineage import authority
from lineage.around import Incident
from lineage.standing import way, ways
from lineage.status import Policy
from registry.home import Home
from registry.incidents import IncidentOut
from registry.notices import AffectedOut, OwnerOut, OwnersOut
from registry.statuses import statuses
from registry.store import Absent, flagging, lineage, subjects, trust


def owners(home: Home, incident: str, most: int | None = None) -> OwnersOut:
    """Return whom an incident concerns; beyond `most` artifacts below it the list is cut, and says so.

    Raises `Absent` if no entry with this id reports an incident.
    """
    with home.store.reading() as connection:
        return concerned(connection, incident, Policy(home.now()), most)


def concerned(connection: Connection, incident: str, policy: Policy, most: int | None = None) -> OwnersOut:
    """Return whom an incident (its id) concerns, as it is told now.

    Raises `Absent` if no entry with this id reports an incident.
    """
    found = next((one for one in flagging.incidents(connection, incident) if one.id == incident), None)
    if found is None:
        raise Absent(f"no entry {incident} reports an incident here")
    return reached(connection, found, policy, most)


def reached(
    connection: Connection,
    found: Incident,
    policy: Policy,
    most: int | None = None,
    size: int | None = None,
) -> OwnersOut:
    """Return whom an incident, with what it selected then, concerns by the lineage of the first `size` entries, or of all.

    A status is told and leaves nobody out, whatever the policy.
    """
    below = lineage.below_all(connection, found.artifacts, most, size)
    before = ways(found.artifacts, found.what, below.edges)
    registered = subjects.registered(connection, before, below.size)
    means = statuses(below.assessed, policy)
    at = subjects.as_of(connection, below.size)
    root = trust.root(connection, below.size)
    grouped: dict[str, list[AffectedOut]] = defaultdict(list)
    unowned = list[AffectedOut]()
    for node in sorted(below.nodes, key=lambda one: one.id):
        if node.id in before:
            reached = AffectedOut(
                artifact=node.id,
                names=node.names,
                via=way(node.id, before),
                status=means.get((found.id, node.id)),
            )
            operators = registered[node.id].operators if node.id in registered else ()
            for operator in operators:
                grouped[operator].append(reached)
            if not operators:
                unowned.append(reached)
    return OwnersOut(
        incident=IncidentOut.of(found),
        log=at.origin,
        owners=tuple(
            OwnerOut(
                operator=operator,
                contacts=authority.contacts(root, operator, at.time) if root else (),
                artifacts=tuple(grouped[operator]),
            )
            for operator in sorted(grouped)
        ),
        unowned=tuple(unowned),
        as_of=below.size,
        complete=below.complete and not found.removed,
    )
