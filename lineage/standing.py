"""Standing: is anything an artifact is made of reported, and how far does an incident reach?

An incident flags the artifacts it names and all that its kind carries to below them: `carries(kind, relation)`. Which
artifacts are flagged depends on edges alone, never on the incident's stage, so that a change of stage moves no row;
incidents that were rejected or retracted are left out when a standing is told. A resolved one still affects: bytes do not
heal, and the corrected artifact has an id of its own (4-lineage, "Standing and incidents").
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from lineage.around import Incident
from lineage.facts import RELATIONS, WEIGHTLESS, Relation
from lineage.incidents import SEVERITIES, Kind, Stage
from lineage.status import NOTHING, Stops

ENDED: frozenset[Stage] = frozenset({"rejected", "retracted"})
# As many incidents of one artifact are told, the gravest first; the others affect it like these, and are counted (T28).
MOST = 100

_EVERYTHING = frozenset(RELATIONS)
_WEIGHTS = _EVERYTHING - WEIGHTLESS
_FLOW: Mapping[Kind, frozenset[Relation]] = {
    "compromised": _WEIGHTS,
    "data-poisoned": _WEIGHTS,
    "unsafe-behaviour": _WEIGHTS,
    "privacy": _WEIGHTS,
    "erasure-request": _WEIGHTS,
    "withdrawn": _WEIGHTS,
    # License terms travel with a tokenizer and with a teacher's outputs too.
    "license": _EVERYTHING,
    # What was trained on a benchmark still knows it after a merge.
    "benchmark-contaminated": _WEIGHTS,
    # An evaluation belongs to the bytes it was made on and is never inherited; these bytes may have two ids.
    "evaluation-invalid": frozenset({"same_as"}),
}


class Link(Protocol):
    """An edge, as far as incidents travel along it."""

    @property
    def child(self) -> str:
        """What was made."""

    @property
    def parent(self) -> str:
        """What it was made from."""

    @property
    def relation(self) -> Relation:
        """How."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An incident that reaches an artifact, and one shortest way: from an artifact it names, down to this one."""

    incident: Incident
    via: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clean:
    """Everything it is made of is known, and no live incident reaches it."""


@dataclass(frozen=True, slots=True)
class Affected:
    """Live incidents reach it, the gravest first; `missing` are the ancestors nothing is known about besides."""

    incidents: tuple[Hit, ...]
    missing: tuple[str, ...] = ()

    @property
    def via(self) -> tuple[str, ...]:
        """The way the gravest incident takes."""
        return self.incidents[0].via


@dataclass(frozen=True, slots=True)
class Unknown:
    """No live incident is known to reach it, but nothing is known about these ancestors."""

    missing: tuple[str, ...]


Standing = Clean | Affected | Unknown


def flow(kind: Kind) -> frozenset[Relation]:
    """Return the relations along which an incident of this kind travels from parent to child."""
    return _FLOW[kind]


def carries(kind: Kind, relation: Relation) -> bool:
    """Tell whether an incident of this kind on a parent affects a child made by `relation`."""
    return relation in _FLOW[kind]


def by_closure(kind: Kind) -> bool:
    """Tell whether this kind flags exactly the named artifacts and their descendants by weight-carrying edges."""
    return _FLOW[kind] == _WEIGHTS


def spread(
    artifacts: Iterable[str], kind: Kind, edges: Iterable[Link], stopped: Collection[str] = ()
) -> frozenset[str]:
    """Return all artifacts that an incident of this kind on `artifacts` flags, themselves included.

    `edges` are those below the artifacts, or any more. It neither reaches what is `stopped` nor goes on from there.
    """
    children = defaultdict(list)
    for edge in edges:
        if carries(kind, edge.relation) and edge.child not in stopped:
            children[edge.parent].append(edge.child)
    flagged = set(artifacts).difference(stopped)
    waiting = deque(flagged)
    while waiting:
        fresh = set(children[waiting.popleft()]) - flagged
        flagged |= fresh
        waiting.extend(fresh)
    return frozenset(flagged)


def ways(artifacts: Iterable[str], kind: Kind, edges: Iterable[Link]) -> dict[str, str | None]:
    """Return each artifact that an incident of this kind on `artifacts` flags with the one before it on the way to it.

    The named ones have none before them. It is the way that `standing` shows of each, found for all of them in one pass.
    """
    children = defaultdict(set)
    for edge in edges:
        if carries(kind, edge.relation):
            children[edge.parent].add(edge.child)
    before: dict[str, str | None] = dict.fromkeys(artifacts)
    level = sorted(before)
    while level:
        fresh: dict[str, str] = {}
        # In order of id: of several shortest ways `standing` shows the one whose last steps come first in it.
        for parent in level:
            # Not by subtracting the keys, which goes through all of them each time.
            for child in children[parent]:
                if child not in before:
                    fresh.setdefault(child, parent)
        before |= fresh
        level = sorted(fresh)
    return before


def way(artifact: str, before: Mapping[str, str | None]) -> tuple[str, ...]:
    """Return the way that `ways` found to `artifact`: from an artifact that the incident names, down to this one."""
    found = [artifact]
    while (earlier := before[found[-1]]) is not None:
        found.append(earlier)
    return tuple(reversed(found))


def standing(
    artifact: str,
    edges: Iterable[Link],
    incidents: Iterable[Incident],
    missing: Iterable[str],
    stops: Stops = NOTHING,
) -> Standing:
    """Return how `artifact` stands, given the edges above it and the incidents on what lies there.

    `missing` are the ids, its own or ancestors', about which nothing is known here. Incidents go no further than at their `stops`.
    """
    parents: dict[str, list[Link]] = defaultdict(list)
    for edge in edges:
        parents[edge.child].append(edge)
    absent = tuple(sorted(set(missing)))
    hits = []
    for incident in incidents:
        stopped = stops.get(incident.id, frozenset())
        via = () if incident.stage in ENDED else _way(incident, artifact, parents, stopped)
        if via:
            hits.append(Hit(incident, via))
    if hits:
        return Affected(tuple(sorted(hits, key=_gravity)), absent)
    return Unknown(absent) if absent else Clean()


def _way(
    incident: Incident, artifact: str, parents: Mapping[str, list[Link]], stopped: Collection[str]
) -> tuple[str, ...]:
    """Return a shortest way, past what is stopped, from an artifact the incident names down to `artifact`; none if it does not reach it."""
    if artifact in stopped:
        return ()
    below: dict[str, str | None] = {artifact: None}
    waiting = deque([artifact])
    while waiting:
        here = waiting.popleft()
        if here in incident.artifacts:
            way = [here]
            while (following := below[way[-1]]) is not None:
                way.append(following)
            return tuple(way)
        carried = {edge.parent for edge in parents.get(here, ()) if carries(incident.what, edge.relation)}
        # In order of id, so that everybody is shown the same one of several shortest ways.
        for parent in sorted(parent for parent in carried if parent not in below and parent not in stopped):
            below[parent] = here
            waiting.append(parent)
    return ()


def gravest(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """Return as many of `incidents` as are told of one artifact: confirmed before reported, then by severity."""
    ordered = sorted(
        incidents, key=lambda one: (one.stage == "reported", -SEVERITIES.index(one.severity), one.id)
    )
    return tuple(ordered[:MOST])


def _gravity(hit: Hit) -> tuple[bool, int, int, str]:
    incident = hit.incident
    return (
        incident.stage == "reported",
        -SEVERITIES.index(incident.severity),
        len(hit.via),
        incident.id,
    )
