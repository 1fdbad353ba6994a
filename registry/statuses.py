"""What an incident means for single artifacts, as values with one JSON form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lineage.around import Said
from lineage.assessed import Assessed, Justification, Status
from lineage.status import Policy, newest
from registry.said import Answer


class StatusOut(Answer):
    """What an incident means for an artifact, by whose word, logged when (unix seconds) as which entry.

    Once it has `expired` it says nothing any longer.
    """

    artifact: str
    incident: str
    status: Status
    justification: Justification | None
    expires: int | None
    expired: bool
    corrected: str | None
    note: str
    operators: tuple[str, ...]
    time: int
    entry: str

    @classmethod
    def of(cls, said: Said[Assessed], policy: Policy) -> StatusOut:
        """Make the answer from the store's value, as it is read at the policy's time."""
        found = said.fact
        return cls(
            artifact=found.artifact,
            incident=found.incident,
            status=found.status,
            justification=found.justification,
            expires=found.expires,
            expired=policy.expired(found),
            corrected=found.corrected,
            note=found.note,
            operators=said.operators,
            time=said.time,
            entry=said.entry,
        )


def statuses(assessed: Iterable[Said[Assessed]], policy: Policy) -> Mapping[tuple[str, str], StatusOut]:
    """Return the newest status for each incident and artifact, given what was said, oldest first."""
    return {pair: StatusOut.of(one, policy) for pair, one in newest(assessed).items()}
