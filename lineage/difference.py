"""Difference: what came and what went about one artifact between two sizes of the log.

Compared are two pedigrees of it within one scope, both whole: what a list that is cut does not name may have been there all along.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from lineage.around import Edge, Incident
from lineage.facts import Evidence
from lineage.subjects import Pedigree


class Moved(NamedTuple):
    """What is there in the later log alone, and what was in the earlier one alone, in the order of ids."""

    came: tuple[str, ...]
    went: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Regraded:
    """An edge that is known better or worse than it was; `edge` as it is now."""

    edge: Edge
    before: Evidence


@dataclass(frozen=True, slots=True)
class Difference:
    """What came and went between `before` and `now`: relatives, edges between them, live incidents on any of them, evaluations."""

    before: Pedigree
    now: Pedigree
    nodes: Moved
    ancestors: Moved
    descendants: Moved
    edges_came: tuple[Edge, ...]
    edges_went: tuple[Edge, ...]
    regraded: tuple[Regraded, ...]
    incidents: Moved
    evaluations: Moved
    """Entries that say what was measured on the artifact itself."""


def difference(before: Pedigree, now: Pedigree) -> Difference:
    """Return what changed about an artifact between two sizes of the log."""
    old, new = ({_said(edge): edge for edge in one.edges} for one in (before, now))
    return Difference(
        before=before,
        now=now,
        nodes=_moved((one.id for one in before.nodes), (one.id for one in now.nodes)),
        ancestors=_moved(before.ancestors, now.ancestors),
        descendants=_moved(before.descendants, now.descendants),
        edges_came=tuple(edge for said, edge in new.items() if said not in old),
        edges_went=tuple(edge for said, edge in old.items() if said not in new),
        regraded=tuple(
            Regraded(edge, old[said].evidence)
            for said, edge in new.items()
            if said in old and old[said].evidence != edge.evidence
        ),
        incidents=_moved(live(before), live(now)),
        evaluations=_moved(
            (one.entry for one in before.verdict.evaluations), (one.entry for one in now.verdict.evaluations)
        ),
    )


def live(subject: Pedigree) -> dict[str, Incident]:
    """Return the live incidents that reach the artifact or any of its relatives, by their ids."""
    return {one.id: one for found in subject.incidents.values() for one in found}


def _moved(before: Iterable[str], now: Iterable[str]) -> Moved:
    old, new = set(before), set(now)
    return Moved(tuple(sorted(new - old)), tuple(sorted(old - new)))


def _said(edge: Edge) -> Edge:
    """Return what a statement says of an edge, whatever came of executing it again."""
    return replace(edge, evidence=Evidence.CLAIMED)
