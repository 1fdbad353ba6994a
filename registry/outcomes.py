"""What was shown by executing provenances again, as values with one JSON form: outcomes, what is due, and who rebuilds how.

Like the rest of `answers`, made from the store, sent by the HTTP routes, read back by a client, printed by the command line.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lineage.rebuilders import Contradicted, Rebuilder
from lineage.rebuilds import Disputed, Failed, NotReproduced, Outcome, Pending, Reproduced
from registry.said import Answer


class FailedOut(Answer):
    """A verifier that got other bytes, and in which tensors or files."""

    verifier: str
    differs: tuple[str, ...]

    @classmethod
    def of(cls, failed: Failed) -> FailedOut:
        """Make the answer from the core's value."""
        return cls(verifier=failed.verifier, differs=failed.differs)


class RebuildOut(Answer):
    """What executing a provenance (`build`, its entry id) again has shown, and by whose word.

    `quorum`: verifiers of distinct operators, two at least, that passed it and neither built it nor keep the log.
    """

    build: str
    outcome: Literal["pending", "reproduced", "not reproduced", "disputed"]
    passed: tuple[str, ...] = ()
    failed: tuple[FailedOut, ...] = ()
    quorum: tuple[str, ...] = ()

    @classmethod
    def of(cls, build: str, outcome: Outcome) -> RebuildOut:
        """Make the answer from the core's value."""
        match outcome:
            case Pending():
                return cls(build=build, outcome="pending")
            case Reproduced(verifiers=passed, quorum=quorum):
                return cls(build=build, outcome="reproduced", passed=passed, quorum=quorum)
            case NotReproduced(failed=failed):
                return cls(build=build, outcome="not reproduced", failed=tuple(map(FailedOut.of, failed)))
            case Disputed(passed=passed, failed=failed, quorum=quorum):
                sides = tuple(map(FailedOut.of, failed))
                return cls(build=build, outcome="disputed", passed=passed, failed=sides, quorum=quorum)


class DueOut(Answer):
    """An artifact, and the entry id of a provenance of it that the asker has not judged."""

    artifact: str
    build: str


class RebuildsOut(Answer):
    """What an operator has still to judge, oldest first; `next` is what the next page comes `after`, None if this is the last."""

    rebuilds: tuple[DueOut, ...]
    next: str | None


class ContradictedOut(Answer):
    """A verdict on this provenance that the operators `by` contradict; `differs` is what was found, or said to be, different."""

    artifact: str
    build: str
    by: tuple[str, ...]
    differs: tuple[str, ...]

    @classmethod
    def of(cls, one: Contradicted) -> ContradictedOut:
        """Make the answer from the core's value."""
        return cls(artifact=one.artifact, build=one.build, by=one.by, differs=one.differs)


class RebuilderOut(Answer):
    """How the verdicts of one operator compare with those of the others."""

    operator: str
    passed: int = Field(description="verdicts PASSED that count")
    failed: int = Field(description="verdicts FAILED that count")
    compared: int = Field(description="provenances on which more than half of at least two operators agree")
    agreed: int = Field(description="those of them on which this one is among the many")
    passed_mismatches: tuple[ContradictedOut, ...] = Field(
        description="it passed them; two others found the same differences, or the registry's own rebuild failed"
    )
    failed_matches: tuple[ContradictedOut, ...] = Field(
        description="it failed them; two independent others, or a registry that did not build them, passed them"
    )

    @classmethod
    def of(cls, one: Rebuilder) -> RebuilderOut:
        """Make the answer from the core's value."""
        return cls(
            operator=one.operator,
            passed=one.passed,
            failed=one.failed,
            compared=one.compared,
            agreed=one.agreed,
            passed_mismatches=tuple(map(ContradictedOut.of, one.passed_mismatches)),
            failed_matches=tuple(map(ContradictedOut.of, one.failed_matches)),
        )


class RebuildersOut(Answer):
    """Every operator with a verdict that counts in the log of `as_of` entries, by name."""

    rebuilders: tuple[RebuilderOut, ...]
    as_of: int
