"""Where to look first: how much of a source is in each of its descendants, as values with one JSON form.

Like the rest of `answers`, made from the store, sent by the HTTP routes, read back by a client, printed by the command line.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal

from pydantic import Field

from lineage.influence import Interval
from registry.said import Answer

CAVEAT = (
    "a place to begin, and no clearance: what is last here, or has next to nothing of it, may do all that it does; only an"
    " evaluation of the artifact itself says what it does"
)


class BoundsOut(Answer):
    """A share that is not less than `low` and not more than `high`, rounded outward to doubles."""

    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)

    @classmethod
    def of(cls, found: Interval) -> BoundsOut:
        """Make the answer from the core's value."""
        return cls(low=_double(found.low, -math.inf), high=_double(found.high, math.inf))


class InfluencedOut(Answer):
    """A descendant, and the source's influence on it: by normalised weights, and by what merges counted where any did."""

    artifact: str
    names: tuple[str, ...]
    analytic: BoundsOut
    measured: BoundsOut | None = Field(
        description="null where no merge between counted its parents' shares; where only some did, weights stand in for the others"
    )


class UncountedOut(Answer):
    """A merge whose parents' shares could not be read, and why."""

    artifact: str
    why: str


class InfluenceOut(Answer):
    """The descendants of an artifact, the most influenced first, in the log of `as_of` entries."""

    artifact: str
    names: tuple[str, ...]
    descendants: tuple[InfluencedOut, ...]
    uncounted: tuple[UncountedOut, ...]
    clears: Literal["nothing"] = Field(default="nothing", description=CAVEAT)
    as_of: int
    complete: bool


def _double(exact: Fraction, towards: float) -> float:
    near = float(exact)
    beyond = near < exact if towards > 0 else near > exact
    return math.nextafter(near, towards) if beyond else near
