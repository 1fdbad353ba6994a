"""Rebuilds: what executing a provenance again has shown, and what that makes of the edges it established.

A passed rebuild proves the recipe and the parents of the one provenance that was executed, not whatever else somebody says
about the same artifact. A failed one proves no edge wrong: bits may differ and the parents be the parents. Beside a passed
one it makes the build disputed, which lifts nothing until somebody explains it (3-trust, "Verdicts on a rebuild").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lineage.around import Edge
from lineage.facts import Evidence, Rebuilt


@dataclass(frozen=True, slots=True)
class Reproduced:
    """These verifiers executed it again and got the same bytes; nobody got others."""

    verifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotReproduced:
    """These verifiers got other bytes, in these tensors or files; nobody got the same."""

    verifiers: tuple[str, ...]
    differs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Disputed:
    """Some got the same bytes and some did not, in these tensors or files."""

    passed: tuple[str, ...]
    failed: tuple[str, ...]
    differs: tuple[str, ...]


Outcome = Reproduced | NotReproduced | Disputed


def outcomes(rebuilds: Iterable[Rebuilt]) -> dict[tuple[str, str], Outcome]:
    """Return what these verdicts come to, for each artifact and provenance (entry id) that was executed again."""
    executed: dict[tuple[str, str], list[Rebuilt]] = defaultdict(list)
    for one in rebuilds:
        executed[one.artifact, one.build].append(one)
    return {which: _outcome(found) for which, found in executed.items()}


def graded(edges: Iterable[Edge], rebuilds: Iterable[Rebuilt]) -> tuple[Edge, ...]:
    """Return `edges`, each once, with those of a reproduced, undisputed provenance lifted to `reproduced`."""
    found = outcomes(rebuilds)
    return tuple(
        replace(edge, evidence=Evidence.REPRODUCED)
        if isinstance(found.get((edge.child, edge.entry)), Reproduced)
        else edge
        for edge in dict.fromkeys(edges)
    )


def _outcome(rebuilds: Sequence[Rebuilt]) -> Outcome:
    passed = sorted({one.verifier for one in rebuilds if one.passed})
    failed = sorted({one.verifier for one in rebuilds if not one.passed})
    differs = tuple(sorted({name for one in rebuilds for name in one.differs}))
    if not failed:
        return Reproduced(tuple(passed))
    if not passed:
        return NotReproduced(tuple(failed), differs)
    return Disputed(tuple(passed), tuple(failed), differs)
