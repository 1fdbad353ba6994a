"""Pages of what an artifact put weights into, or has its own from, with the names and the incidents of each."""

from __future__ import annotations

from lineage.standing import ENDED, gravest
from registry.answers import IncidentOut
from registry.reached import ReachOut
from registry.store import descent, lineage
from registry.store.descent import Cursor, Direction
from registry.store.engine import Database


def reach(
    store: Database, artifact: str, direction: Direction, most: int, after: str | None, *, named: bool
) -> ReachOut:
    """Return at most `most` artifacts above or below `artifact`, nearest first, behind the cursor `after`.

    Names are looked up only if asked for: of a large page they take longer than the rest.
    """
    cursor = None if after is None else Cursor.parse(after)
    with store.reading() as connection:
        page = descent.page(connection, artifact, direction, most, cursor)
        numbers = [one.number for one in page.relatives]
        names = lineage.names(connection, numbers, page.size) if named else {}
        entries = {entry for some in page.flags.values() for entry in some}
        found = lineage.reported(connection, entries, page.size)
    live = {entry: incident for entry, incident in found.items() if incident.stage not in ENDED}
    reaching = {
        one: [live[entry] for entry in entries if entry in live] for one, entries in page.flags.items()
    }
    told = {one: gravest(some) for one, some in reaching.items()}
    incidents = {incident.id: incident for some in told.values() for incident in some}
    # A list of thousands is made into values at once: one by one takes longer than all else here together.
    return ReachOut.model_validate(
        {
            "artifact": page.artifact,
            "direction": direction,
            "relatives": [
                {
                    "artifact": one.artifact,
                    "distance": one.distance,
                    "names": tuple(names.get(one.number, ())),
                    "incidents": tuple(incident.id for incident in told.get(one.number, ())),
                    "left_out": len(reaching.get(one.number, ())) - len(told.get(one.number, ())),
                }
                for one in page.relatives
            ],
            "incidents": tuple(map(IncidentOut.of, incidents.values())),
            "total": page.total,
            "next": None if page.next is None else str(page.next),
            "as_of": page.size,
            "complete": page.next is None,
        }
    )
