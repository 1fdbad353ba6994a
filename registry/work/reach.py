"""Pages of what an artifact put weights into, or has its own from, with the names and the incidents of each."""

from __future__ import annotations

from lineage.standing import ENDED, gravest
from registry.home import Home
from registry.incidents import IncidentOut
from registry.reached import ReachedOut, ReachOut
from registry.store import descent, flagging, lineage, stopping
from registry.store.descent import Cursor, Direction


def reach(
    home: Home, artifact: str, direction: Direction, most: int, after: str | None, *, named: bool
) -> ReachOut:
    """Return at most `most` artifacts above or below `artifact`, nearest first, behind the cursor `after`.

    Names are looked up only if asked for: of a large page they take longer than the rest.
    """
    cursor = None if after is None else Cursor.parse(after)
    policy = home.policy()
    with home.store.reading() as connection:
        page = descent.page(connection, artifact, direction, most, cursor)
        numbers = [one.number for one in page.relatives]
        names = lineage.names(connection, numbers, page.size) if named else {}
        entries = {entry for one in page.relatives for entry in one.flags}
        found = flagging.reported(connection, entries, page.size)
        live = {entry: incident for entry, incident in found.items() if incident.stage not in ENDED}
        flags = {
            one.artifact: tuple(live[entry] for entry in one.flags if entry in live)
            for one in page.relatives
            if one.flags
        }
        reached = stopping.reaching(connection, flags, policy, page.size)
        doubts = flagging.doubts(connection, numbers, page.size)
    told = {artifact: gravest(some) for artifact, some in reached.items() if some}
    incidents = {incident.id: incident for some in told.values() for incident in some}
    relatives = []
    for one in page.relatives:
        some = told.get(one.artifact, ())
        left_out = len(reached[one.artifact]) - len(some) if some else 0
        ids = tuple(incident.id for incident in some)
        relatives.append(
            ReachedOut(
                one.artifact,
                one.distance,
                names=(*names.get(one.number, ()),),
                incidents=ids,
                left_out=left_out,
            )
        )
    return ReachOut.model_validate(
        {
            "artifact": page.artifact,
            "direction": direction,
            "relatives": relatives,
            "incidents": tuple(map(IncidentOut.of, incidents.values())),
            "doubts": tuple(map(IncidentOut.of, doubts)),
            "stopping": policy.stopping,
            "total": page.total,
            "next": None if page.next is None else str(page.next),
            "as_of": page.size,
            "complete": page.next is None,
        }
    )
