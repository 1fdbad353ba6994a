"""Everything about one incident, read from the log in one transaction."""

from __future__ import annotations

from lineage import authority
from lineage.around import Change
from lineage.authority import TrustedRoot
from lineage.facts import Role
from lineage.status import Policy, newest
from registry.history import EVENTS, ConcernedOut, EmbargoedOut, EventOut, HistoryOut
from registry.home import Home
from registry.statuses import StatusOut
from registry.store import changes, mass, said, trust
from registry.store.embargoes import embargoes
from registry.work.owners import concerned


def history(home: Home, incident: str, most: int | None = None) -> HistoryOut:
    """Return what was said of an incident and what it reaches; beyond `most` artifacts owners are not looked up, and it says so.

    Raises `Absent` if no entry with this id reports an incident.
    """
    with home.store.reading() as connection:
        policy = Policy(home.now())
        found = concerned(connection, incident, policy, most)
        words = newest(said.assessed_of(connection, [incident], found.as_of))
        assessed = sorted(words.values(), key=lambda one: one.time)
        root = trust.root(connection)
        every = changes.of(connection, incident, EVENTS)
        return HistoryOut(
            incident=found.incident,
            known=tuple(
                EmbargoedOut(
                    index=one.index, entry=one.entry, time=one.time, operators=one.operators, keys=one.keys
                )
                for one in embargoes(connection, incident)
            ),
            events=tuple(_event(root, one) for one in every.told),
            left_out=every.left_out,
            flagged=mass.flags(connection, incident),
            statuses=tuple(StatusOut.of(one, policy) for one in assessed[-EVENTS:]),
            assessed=len(assessed),
            owners=tuple(
                ConcernedOut(operator=one.operator, contacts=one.contacts, artifacts=len(one.artifacts))
                for one in found.owners
            ),
            unowned=len(found.unowned),
            as_of=found.as_of,
            complete=found.complete,
        )


def _event(root: TrustedRoot | None, change: Change) -> EventOut:
    role: Role = "publisher" if change.event == "disputed" else "security"
    incident = change.incident
    return EventOut(
        event=change.event,
        index=change.index,
        entry=change.entry,
        time=change.time,
        operators=() if root is None else authority.holders(root, role, change.time, change.keys),
        keys=change.keys,
        reason=change.reason,
        stage=incident.stage,
        severity=incident.severity,
        summary=incident.summary,
        contact=incident.contact,
    )
