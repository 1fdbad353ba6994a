"""How artifacts are related, as values with one JSON form: paths, common ancestors, roots, and how much of a lineage is known.

Like the rest of `answers`, made from the store, sent by the HTTP routes, read back by a client, printed by the command line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, model_validator

from registry.answers import EdgeOut
from registry.incidents import IncidentOut, StandingOut
from registry.said import Answer
from registry.selected import Grade
from registry.triage import BoundsOut
from signing.errors import Malformed

# Each is walked up by itself; whoever compares more compares what they have in common.
MOST = 16


class PathsOut(Answer):
    """How many paths lead from one artifact down to another, and a shortest and a heaviest of them; none where there is none.

    The count is written in digits, since a lattice has more paths than readers of JSON agree on numbers.
    """

    ancestor: str
    descendant: str
    count: str = Field(pattern="^(0|[1-9][0-9]*)$", max_length=4300)
    shortest: tuple[str, ...]
    heaviest: tuple[str, ...] = Field(
        description="the path whose product of normalised weights may be largest: where to look first"
    )
    weight: BoundsOut | None = Field(
        description="between what that product lies; from 0 to 1 where nobody wrote it down"
    )
    names: dict[str, tuple[str, ...]]
    edges: tuple[EdgeOut, ...]
    """Those of the two paths that are shown."""
    as_of: int
    complete: bool

    @model_validator(mode="after")
    def _counts_what_it_shows(self) -> PathsOut:
        shown = {bool(self.shortest), bool(self.heaviest), self.weight is not None}
        if shown != {self.count != "0"}:
            raise ValueError(f"{self.count} paths are counted, and not as many shown")
        return self


class RelatedOut(Answer):
    """An artifact, what it is called, and whether what registers it can be read here."""

    artifact: str
    names: tuple[str, ...]
    seen: bool


class SharedOut(RelatedOut):
    """A common ancestor with its distance from each artifact asked about, 0 from itself; `nearest`: none descends from it."""

    nearest: bool
    distances: tuple[int, ...]


class CommonOut(Answer):
    """The common ancestors of several artifacts, the nearest first."""

    artifacts: tuple[RelatedOut, ...]
    ancestors: tuple[SharedOut, ...]
    as_of: int
    complete: bool

    @model_validator(mode="after")
    def _measures_from_each(self) -> CommonOut:
        for one in self.ancestors:
            if len(one.distances) != len(self.artifacts):
                raise ValueError(
                    f"{one.artifact} has {len(one.distances)} distances from {len(self.artifacts)}"
                )
        return self


def several(artifacts: Iterable[str]) -> tuple[str, ...]:
    """Return the artifacts whose common ancestors are asked for, each once, or refuse too few or too many with `Malformed`."""
    found = tuple(dict.fromkeys(artifacts))
    if not 1 < len(found) <= MOST:
        raise Malformed(f"from 2 to {MOST} artifacts have common ancestors, and {len(found)} were named")
    return found


class RootOut(RelatedOut):
    """An ancestor of which no parent is known. Where it was never seen, more may stand above it."""

    distance: int


class RootsOut(Answer):
    """The ancestors of an artifact that have no parents, nearest first; `itself`: the artifact has none, either."""

    artifact: str
    names: tuple[str, ...]
    itself: bool
    roots: tuple[RootOut, ...]
    as_of: int
    complete: bool


class MissingOut(Answer):
    """An ancestor about which nothing is known: a stub was never seen here, and what said the others is gone or counts no longer."""

    artifact: str
    names: tuple[str, ...]
    why: Literal["stub", "unknown"]


class GradedOut(Answer):
    """How many edges are known so well."""

    evidence: Grade
    edges: int


class AncestryOut(Answer):
    """How much is known of an artifact (`seen`) and of its ancestors, which are `registered` or among the `missing`."""

    artifact: str
    names: tuple[str, ...]
    seen: bool
    ancestors: int
    registered: int
    stubs: int
    unknown: int
    edges: tuple[GradedOut, ...]
    missing: tuple[MissingOut, ...]
    as_of: int
    complete: bool

    @model_validator(mode="after")
    def _adds_up(self) -> AncestryOut:
        if (
            self.ancestors != self.registered + len(self.missing)
            or len(self.missing) != self.stubs + self.unknown
        ):
            raise ValueError(
                f"of {self.ancestors} ancestors {self.registered} are registered and {len(self.missing)} missing"
            )
        return self


class StateOut(Answer):
    """An artifact as the log of `as_of` entries has it; where it was not `seen` yet, nothing was known about it."""

    as_of: int
    seen: bool
    license: str | None
    standing: StandingOut
    ancestors: int
    descendants: int


class MovedOut(Answer):
    """What is there in the later log alone, and what was in the earlier one alone."""

    came: tuple[RelatedOut, ...]
    went: tuple[RelatedOut, ...]


class RegradedOut(Answer):
    """An edge, as it is now, that was known less or more well before."""

    edge: EdgeOut
    before: Grade


class DiffOut(Answer):
    """What changed about an artifact, its ancestors and its descendants between two sizes of the log."""

    artifact: str
    names: tuple[str, ...]
    scope: Literal["ancestors", "descendants", "both"]
    before: StateOut
    now: StateOut
    ancestors: MovedOut
    descendants: MovedOut
    edges_came: tuple[EdgeOut, ...]
    edges_went: tuple[EdgeOut, ...]
    regraded: tuple[RegradedOut, ...]
    incidents_came: tuple[IncidentOut, ...]
    incidents_went: tuple[IncidentOut, ...]
    evaluations_came: tuple[str, ...]
    evaluations_went: tuple[str, ...]
    as_of: int
    complete: bool
