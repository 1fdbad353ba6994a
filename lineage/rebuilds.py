"""Rebuilds: what executing a provenance again has shown, and what that makes of the edges it established.

A passed rebuild proves the recipe and the parents of the one provenance that was executed, not whatever else somebody says
about the same artifact. A failed one proves no edge wrong: bits may differ and the parents be the parents. Beside a passed
one it makes the build disputed, which lifts nothing until somebody explains it (3-trust, "Verdicts on a rebuild").

A quorum is two operators that passed the same provenance and neither built it nor keep the log. Operators count, then keys
(3-trust, T10); the registry's own word is never a vote. A dispute takes no quorum away and lets none be stated: it
shows both sides, and whoever relies on the artifact decides (T12).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from lineage.around import Build, Edge, Tally, Vote
from lineage.facts import Evidence

QUORUM = 2


@dataclass(frozen=True, slots=True)
class Failed:
    """This verifier got other bytes, in these tensors or files."""

    verifier: str
    differs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """Nobody has executed it again."""


@dataclass(frozen=True, slots=True)
class Reproduced:
    """These verifiers executed it again and got the same bytes; nobody got others. `quorum`: those that make one."""

    verifiers: tuple[str, ...]
    quorum: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotReproduced:
    """These got other bytes; nobody got the same."""

    failed: tuple[Failed, ...]


@dataclass(frozen=True, slots=True)
class Disputed:
    """Some got the same bytes and some did not. `quorum`: those of the first that would make one, were they undisputed."""

    passed: tuple[str, ...]
    failed: tuple[Failed, ...]
    quorum: tuple[str, ...] = ()


Outcome = Pending | Reproduced | NotReproduced | Disputed


def outcomes(tally: Tally) -> dict[tuple[str, str], Outcome]:
    """Return what the verdicts come to, for each artifact and provenance (entry id) of it."""
    return {(build.artifact, build.entry): _outcome(build, votes, tally) for build, votes in _on_each(tally)}


def reproduced(edges: Iterable[Edge], tally: Tally) -> tuple[Edge, ...]:
    """Return `edges`, each once, with those of a reproduced, undisputed provenance lifted to `reproduced`."""
    found = outcomes(tally)
    return tuple(
        replace(edge, evidence=Evidence.REPRODUCED)
        if isinstance(found.get((edge.child, edge.entry)), Reproduced)
        else edge
        for edge in dict.fromkeys(edges)
    )


def quorums(tally: Tally) -> dict[tuple[str, str], tuple[Vote, ...]]:
    """Return the verdicts on which a quorum rests, for each artifact and provenance that has one and no FAILED against it.

    They are the first that make one, so that a quorum rests on the same verdicts whoever passes it later.
    """
    found = {}
    for build, votes in _on_each(tally):
        passed = independent(build, votes, tally.registry)[:QUORUM]
        if len(passed) == QUORUM and all(vote.said.passed for vote in votes):
            found[build.artifact, build.entry] = passed
    return found


def independent(build: Build, votes: Iterable[Vote], registry: str) -> tuple[Vote, ...]:
    """Return of `votes` on `build` the first PASSED of each operator that may vote on it, in the order of the log.

    Whoever built it or keeps the log may not; who also failed it has no side. A key that vouched for one operator's verdict
    vouches for no other's.
    """
    ordered = sorted(votes, key=lambda vote: vote.index)
    barred = {registry, *build.builders, *(vote.operator for vote in ordered if not vote.said.passed)}
    found: dict[str, Vote] = {}
    keys = set[str]()
    for vote in ordered:
        if vote.operator in barred or vote.operator in found or not keys.isdisjoint(vote.keys):
            continue
        found[vote.operator] = vote
        keys |= vote.keys
    return tuple(found.values())


def _on_each(tally: Tally) -> Iterator[tuple[Build, Sequence[Vote]]]:
    """Go through the provenances, each with the verdicts on it and on this artifact."""
    on: dict[tuple[str, str], list[Vote]] = defaultdict(list)
    for vote in tally.votes:
        on[vote.said.artifact, vote.said.build].append(vote)
    for build in tally.builds:
        yield build, on.get((build.artifact, build.entry), ())


def _outcome(build: Build, votes: Sequence[Vote], tally: Tally) -> Outcome:
    passed = tuple(sorted({vote.said.verifier for vote in votes if vote.said.passed}))
    differs: dict[str, set[str]] = defaultdict(set)
    for vote in votes:
        if not vote.said.passed:
            differs[vote.said.verifier] |= set(vote.said.differs)
    failed = tuple(Failed(who, tuple(sorted(names))) for who, names in sorted(differs.items()))
    backing = sorted(vote.said.verifier for vote in independent(build, votes, tally.registry))
    quorum = tuple(backing) if len(backing) >= QUORUM else ()
    match bool(passed), bool(failed):
        case True, False:
            return Reproduced(passed, quorum)
        case False, True:
            return NotReproduced(failed)
        case True, True:
            return Disputed(passed, failed, quorum)
        case _:
            return Pending()
