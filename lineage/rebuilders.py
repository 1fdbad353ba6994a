"""Rebuilders: how the verdicts of each operator compare with those of the others, and who passed what is known not to match.

A verdict that stands alone says nothing about its rebuilder. Two other operators that find the same tensors different, or
the registry's own rebuild, do: whoever passed that provenance is named with it (3-trust, T11), and so is whoever failed one
that two independent operators, or the registry where it is not the builder, got right (T12). Nothing follows from being
named here but what its reader decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from lineage.around import Build, Tally, Vote
from lineage.rebuilds import QUORUM, independent


@dataclass(frozen=True, slots=True)
class Contradicted:
    """A verdict on this provenance that these other operators contradict; `differs` is what was found different."""

    artifact: str
    build: str
    by: tuple[str, ...]
    differs: tuple[str, ...]


@dataclass(slots=True)
class Rebuilder:
    """An operator's verdicts that count: how many passed and failed, and how they compare with the others'."""

    operator: str
    passed: int = 0
    failed: int = 0
    compared: int = 0
    """Provenances on which more than half of at least two operators agree."""
    agreed: int = 0
    """Those of them on which this one is among the many."""
    passed_mismatches: list[Contradicted] = field(default_factory=list)
    failed_matches: list[Contradicted] = field(default_factory=list)


def rebuilders(tally: Tally) -> tuple[Rebuilder, ...]:
    """Return every operator that has a verdict in the log, by name."""
    found = {operator: Rebuilder(operator) for operator in sorted({vote.operator for vote in tally.votes})}
    on: dict[tuple[str, str], list[Vote]] = defaultdict(list)
    for vote in tally.votes:
        on[vote.said.artifact, vote.said.build].append(vote)
        if vote.said.passed:
            found[vote.operator].passed += 1
        else:
            found[vote.operator].failed += 1
    for build in tally.builds:
        votes = on.get((build.artifact, build.entry), [])
        passed = {vote.operator for vote in votes if vote.said.passed}
        failed = {vote.operator for vote in votes if not vote.said.passed}
        # Who says both takes no side.
        _compare(found, passed - failed, failed - passed)
        for operator in passed:
            found[operator].passed_mismatches += _mismatch(build, votes, operator, tally.registry)
        for operator in failed:
            found[operator].failed_matches += _match(build, votes, operator, tally.registry)
    return tuple(found.values())


def _compare(found: dict[str, Rebuilder], passed: set[str], failed: set[str]) -> None:
    if len(passed) + len(failed) < QUORUM or len(passed) == len(failed):
        return
    for operator in passed | failed:
        found[operator].compared += 1
    for operator in max(passed, failed, key=len):
        found[operator].agreed += 1


def _mismatch(build: Build, votes: Sequence[Vote], operator: str, registry: str) -> list[Contradicted]:
    """Return what contradicts that `operator` passed `build`: as many as a quorum with the same evidence, or the registry."""
    finding: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for vote in votes:
        if not vote.said.passed and vote.operator != operator:
            finding[tuple(sorted(set(vote.said.differs)))].add(vote.operator)
    return [
        Contradicted(build.artifact, build.entry, tuple(sorted(by)), differs)
        for differs, by in sorted(finding.items())
        if len(by) >= QUORUM or registry in by
    ]


def _match(build: Build, votes: Sequence[Vote], operator: str, registry: str) -> list[Contradicted]:
    """Return what contradicts that `operator` failed `build`: a quorum of others that passed it, or the registry."""
    others = [vote for vote in votes if vote.operator != operator]
    by = {vote.operator for vote in independent(build, others, registry)}
    if len(by) < QUORUM:
        by = set()
    # Its word on what it built itself is the first one again.
    if registry not in build.builders:
        sides = {vote.said.passed for vote in others if vote.operator == registry}
        by |= {registry} if sides == {True} else set()
    mine = {name for vote in votes if vote.operator == operator for name in vote.said.differs}
    return [Contradicted(build.artifact, build.entry, tuple(sorted(by)), tuple(sorted(mine)))] if by else []
