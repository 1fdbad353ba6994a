"""Around: the slice of lineage about one artifact, as values: what a store hands over to be judged, shown or served.

Upward it holds the artifact and all its ancestors, downward all its descendants, over edges of every relation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from lineage.assessed import Assessed
from lineage.checks import Attested, Compared, Evaluated, Rebuilt
from lineage.facts import Claimed, Corrected, Evidence, Relation, Waived
from lineage.incidents import Disputed, Kind, Severity, Stage

_Fact = TypeVar("_Fact", Evaluated, Attested, Claimed, Corrected, Compared, Assessed, Waived, Disputed)

Event = Stage | Literal["amended", "disputed"]


@dataclass(frozen=True, slots=True)
class Node:
    """An artifact of a slice. `seen`: the statement that registers it can be read here; a stub's never could."""

    id: str
    seen: bool
    files: int = 0
    names: tuple[str, ...] = ()
    """Newest binding first."""
    licenses: tuple[str, ...] = ()
    """What its publisher declared, newest first."""
    claimed: tuple[str, ...] = ()
    """Under which licenses others say that a stub is offered, newest first: nobody declared them."""
    logged: tuple[tuple[int, int] | None, ...] = ()
    """The entry (its index) and the time (unix seconds) of each of `licenses`, None where it is in no log; empty where none is."""


@dataclass(frozen=True, slots=True)
class Edge:
    """`child` was made from `parent`, said by the statement logged as `entry`."""

    child: str
    parent: str
    relation: Relation
    part: str
    evidence: Evidence
    entry: str


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident with the artifacts it names and the stage it has reached."""

    id: str
    artifacts: tuple[str, ...]
    what: Kind
    severity: Severity
    stage: Stage
    summary: str
    contact: str
    selectors: tuple[str, ...] = ()
    """By what it selects artifacts besides, `key:<64 hex>`, `tensor:<64 hex>` or `name:<range>`; those that were selected are among `artifacts`."""
    disputes: tuple[Said[Disputed], ...] = ()
    """What the owners of artifacts that it flags say against it, oldest first."""
    removed: int = 0
    """How many bindings of names, and ranges of its own, orders removed that it may have selected by: what those meant is unknown."""


@dataclass(frozen=True, slots=True)
class Change:
    """That an incident was reported, moved to another stage, amended or disputed, for a `reason`: entry `index` of these `keys`.

    It was logged at `time` (unix seconds); `incident` is as it stood right after that.
    """

    index: int
    entry: str
    time: int
    incident: Incident
    event: Event
    reason: str | None
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said(Generic[_Fact]):
    """A fact that anybody may establish, with the operators that did, when (unix seconds) and in which entry."""

    fact: _Fact
    operators: tuple[str, ...]
    time: int
    entry: str


@dataclass(frozen=True, slots=True)
class Build:
    """A provenance of an artifact, logged as `entry`, and the operators that sign it."""

    artifact: str
    entry: str
    builders: frozenset[str]


@dataclass(frozen=True, slots=True)
class Vote:
    """A verdict on a rebuild that counts, in leaf `index`: who says it, with which keys, logged when."""

    said: Rebuilt
    index: int
    entry: str
    operator: str
    keys: frozenset[str]
    time: int


@dataclass(frozen=True, slots=True)
class Tally:
    """The provenances of some artifacts and the verdicts on them, in the log that the operator `registry` keeps."""

    builds: tuple[Build, ...] = ()
    votes: tuple[Vote, ...] = ()
    registry: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the artifact, or the stub that it is said to be: what that names as parents (stubs), and its license, if any."""

    name: str
    parents: tuple[str, ...] = ()
    license: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that is mentioned of an artifact, and as which stubs those are known that it was signed to be made from."""

    sources: tuple[Source, ...] = ()
    known_as: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Around:
    """An artifact and what lies above it (or below it) in the log of `size` entries.

    `incidents` are those, in any stage, that name a node of the slice; `rebuilds` the provenances of its nodes and the
    verdicts on them; `comparisons` what comparing weights says of any of its nodes, `waivers` what is accepted about any, oldest first;
    `evaluations`, `attestations` and `claims` are of the artifact itself, and of no other; `corrections` say what it supersedes, or what
    supersedes it; `assessed` what somebody found incidents to mean for any of its nodes, oldest first; `doubts` are the live incidents of
    which it is unknown whether they reach any of its nodes; `complete` is False if anything was left out.
    """

    artifact: str
    size: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    incidents: tuple[Incident, ...] = ()
    rebuilds: Tally = Tally()
    evaluations: tuple[Said[Evaluated], ...] = ()
    attestations: tuple[Said[Attested], ...] = ()
    claims: tuple[Said[Claimed], ...] = ()
    corrections: tuple[Said[Corrected], ...] = ()
    comparisons: tuple[Said[Compared], ...] = ()
    assessed: tuple[Said[Assessed], ...] = ()
    waivers: tuple[Said[Waived], ...] = ()
    same: tuple[Edge, ...] = ()
    """Every word that the artifact is what a stub names, or the stub an artifact: one in the owner's name leads down from it."""
    told: Told = Told()
    """What cards mention of the artifact, in a slice upward."""
    doubts: tuple[Incident, ...] = ()
    complete: bool = True
