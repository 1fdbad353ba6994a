"""Status: which assessments of an incident count at a time, and what a policy lets them stop.

A status moves no flag: flags follow from incidents and edges alone, and are compared with the log. Where a policy says so, an
artifact that an incident does not affect is passed over when a way of the incident is looked for, at the time of reading:
so what expires stops nothing from that second on, and no row has to be moved for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lineage.around import Said
from lineage.assessed import Assessed

Stops = Mapping[str, frozenset[str]]
"""The artifacts that each incident, by its id, goes no further at."""
NOTHING: Stops = {}


@dataclass(frozen=True, slots=True)
class Policy:
    """How statuses are read: at `now` (unix seconds), and whether `not_affected` is `stopping` the incident there."""

    now: int
    stopping: bool = False

    def expired(self, assessed: Assessed) -> bool:
        """Tell whether an assessment says nothing any longer."""
        return assessed.expires is not None and assessed.expires <= self.now

    def stops(self, assessed: Iterable[Said[Assessed]]) -> Stops:
        """Return where each incident stops, given the assessments that there are, oldest first."""
        found: dict[str, set[str]] = defaultdict(set)
        for (incident, artifact), one in newest(assessed).items() if self.stopping else ():
            if one.fact.status == "not_affected" and not self.expired(one.fact):
                found[incident].add(artifact)
        return {incident: frozenset(some) for incident, some in found.items()}


def newest(assessed: Iterable[Said[Assessed]]) -> dict[tuple[str, str], Said[Assessed]]:
    """Return the newest assessment for each incident and artifact, given them oldest first; it may have expired."""
    return {(one.fact.incident, one.fact.artifact): one for one in assessed}
