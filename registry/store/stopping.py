"""Which incidents still reach artifacts where a policy lets `not_affected` stop them: judged when it is read, over flags that stay as they are."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from lineage.around import Incident
from lineage.standing import spread
from lineage.status import Policy
from registry.store import lineage, log, said

Flags = Mapping[str, tuple[Incident, ...]]


def reaching(connection: Connection, flags: Flags, policy: Policy, size: int | None = None) -> Flags:
    """Return `flags`, in the log of the first `size` entries, without the incidents that reach an artifact only through a stop.

    Of an incident that stops nowhere nothing is read; of another, one pass over everything below what it names.
    """
    if not policy.stopping:
        return flags
    at = log.size(connection) if size is None else size
    incidents = {one.id: one for some in flags.values() for one in some}
    found = dict(flags)
    for incident, stopped in policy.stops(said.assessed_of(connection, incidents, at)).items():
        one = incidents[incident]
        edges = lineage.below_all(connection, one.artifacts, size=at).edges
        reached = spread(one.artifacts, one.what, edges, stopped)
        found |= {
            artifact: tuple(hit for hit in hits if hit.id != incident)
            for artifact, hits in found.items()
            if artifact not in reached
        }
    return found
