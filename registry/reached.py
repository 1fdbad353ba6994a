"""Pages of the artifacts that one put weights into, or has its own from, as values with one JSON form.

Like the rest of `answers`, made from the store, sent by the HTTP routes, read back by a client, printed by the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict, Field, model_validator

from registry.incidents import IncidentOut
from registry.said import Answer
from registry.store.descent import Direction

PAGE = 1000
"""How many artifacts a page holds where nobody says."""
MOST = 10_000
"""How many one may be asked to hold."""


@dataclass(frozen=True, slots=True)
class ReachedOut:
    """One artifact on the list: how far, what it is called, and the ids of the gravest live incidents that reach it."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    artifact: str
    distance: int
    names: tuple[str, ...]
    incidents: tuple[str, ...]
    left_out: int = 0
    """How many others reach it."""


class ReachOut(Answer):
    """Some of the artifacts that stand above or below one by edges that carry weights, nearest first, in the log of `as_of` entries."""

    artifact: str
    direction: Direction
    relatives: tuple[ReachedOut, ...]
    incidents: tuple[IncidentOut, ...]
    """The live incidents that are told of any of these, each once."""
    doubts: tuple[IncidentOut, ...] = ()
    """The live incidents of which nobody can tell any longer whether they reach any of these."""
    stopping: bool = Field(
        default=False, description="by a policy, incidents stop at what they do not affect"
    )
    total: int | None = Field(description="how many the whole list holds; told with its first page")
    next: str | None = Field(description="what the next page comes `after`; null where the list ends here")
    as_of: int
    complete: bool

    @model_validator(mode="after")
    def _tells_every_incident(self) -> ReachOut:
        told = {incident.id for incident in self.incidents}
        for one in self.relatives:
            if untold := set(one.incidents) - told:
                raise ValueError(f"{one.artifact} has the incidents {', '.join(untold)}, which are not told")
        return self
