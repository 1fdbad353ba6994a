"""Everything about one incident: what was said of it, when and by whose keys, what it reaches, and whom that concerns.

Like the rest of `answers`, made from the store, sent by the HTTP routes, read back by a client, printed by the command line.
"""

from __future__ import annotations

from pydantic import Field

from registry.incidents import IncidentOut
from registry.said import Answer
from registry.statuses import StatusOut

EVENTS = 100
"""As many events are told, the newest; the others are counted. The same holds of statuses."""


class EventOut(Answer):
    """That an incident was reported, moved, amended or disputed, by whom, logged when (unix seconds), and as what it stood then."""

    event: str
    index: int
    entry: str
    time: int
    operators: tuple[str, ...]
    keys: tuple[str, ...]
    reason: str | None
    stage: str
    severity: str
    summary: str
    contact: str


class EmbargoedOut(Answer):
    """That these operators had written the incident down, to the byte, when entry `index` was logged: it was under embargo."""

    index: int
    entry: str
    time: int
    operators: tuple[str, ...]
    keys: tuple[str, ...]


class ConcernedOut(Answer):
    """An operator that registered so many of the artifacts that are flagged, and how to reach it by the trusted root."""

    operator: str
    contacts: tuple[str, ...]
    artifacts: int


class HistoryOut(Answer):
    """An incident in the log of `as_of` entries: its events, oldest first, and what it flags."""

    incident: IncidentOut
    known: tuple[EmbargoedOut, ...]
    events: tuple[EventOut, ...]
    left_out: int = Field(description="older events, which are not told")
    flagged: int = Field(description="artifacts that it flags, named ones and stubs among them")
    statuses: tuple[StatusOut, ...] = Field(
        description="what it was found to mean for single artifacts, the newest word on each, oldest first"
    )
    assessed: int = Field(description="artifacts that have a status; the newest of these are told")
    owners: tuple[ConcernedOut, ...]
    unowned: int = Field(description="artifacts that it flags and nobody registered here")
    as_of: int
    complete: bool = Field(description="false where more is flagged than owners were looked up for")
