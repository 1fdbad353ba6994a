"""What anybody may say of an artifact, as values with one JSON form: evaluations, claims, and statements that nobody here reads."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from lineage.around import Said
from lineage.checks import Attested, Compared, Evaluated
from lineage.facts import Claimed, Corrected
from lineage.incidents import Disputed
from lineage.mentions import Contradiction


class Answer(BaseModel):
    """A closed, immutable value."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ContradictionOut(Answer):
    """That `source`, a file of the artifact or a stub that it is said to be, differs from what is signed, in one sentence."""

    kind: str
    source: str
    value: str
    sentence: str

    @classmethod
    def of(cls, found: Contradiction) -> ContradictionOut:
        """Make the answer from the core's value."""
        return cls(kind=found.kind, source=found.source, value=found.value, sentence=found.sentence)


class EvaluationOut(Answer):
    """What running a suite (its SHA-256) on the artifact gave, by whose word, logged when (unix seconds) as which entry."""

    result: str
    suite: str
    runner: str
    metric: str
    value: str
    n: int
    seed: int | None
    operators: tuple[str, ...]
    time: int
    entry: str

    @classmethod
    def of(cls, said: Said[Evaluated]) -> EvaluationOut:
        """Make the answer from the store's value."""
        found = said.fact
        return cls(
            result=found.result,
            suite=found.suite,
            runner=found.runner,
            metric=found.metric,
            value=found.value,
            n=found.n,
            seed=found.seed,
            operators=said.operators,
            time=said.time,
            entry=said.entry,
        )


class ComparisonOut(Answer):
    """What comparing the artifact's weights with a parent's came to, by which statistic, by whose word, logged when as which entry."""

    parent: str
    outcome: str
    statistic: str
    value: str
    threshold: str
    operators: tuple[str, ...]
    time: int
    entry: str

    @classmethod
    def of(cls, said: Said[Compared]) -> ComparisonOut:
        """Make the answer from the store's value."""
        found = said.fact
        return cls(
            parent=found.parent,
            outcome=found.outcome,
            statistic=found.statistic,
            value=found.value,
            threshold=found.threshold,
            operators=said.operators,
            time=said.time,
            entry=said.entry,
        )


class CorrectionOut(Answer):
    """That `artifact` supersedes `earlier`, by whose word, logged when (unix seconds) as which entry."""

    artifact: str
    earlier: str
    operators: tuple[str, ...]
    time: int
    entry: str

    @classmethod
    def of(cls, said: Said[Corrected]) -> CorrectionOut:
        """Make the answer from the store's value."""
        found = said.fact
        return cls(
            artifact=found.artifact,
            earlier=found.earlier,
            operators=said.operators,
            time=said.time,
            entry=said.entry,
        )


class DisputeOut(Answer):
    """What an owner says against an incident that flags `artifact`, by whose word, logged when (unix seconds) as which entry.

    `evidence` is the SHA-256 of a file that whoever says it keeps; null where none is named.
    """

    artifact: str
    text: str
    evidence: str | None
    operators: tuple[str, ...]
    time: int
    entry: str

    @classmethod
    def of(cls, said: Said[Disputed]) -> DisputeOut:
        """Make the answer from the store's value."""
        return cls(
            artifact=said.fact.artifact,
            text=said.fact.text,
            evidence=said.fact.evidence,
            operators=said.operators,
            time=said.time,
            entry=said.entry,
        )


class AttestationOut(Answer):
    """That something was said in a type which is not read here; `digest` is the SHA-256 of the canonical predicate."""

    type: str
    digest: str
    operators: tuple[str, ...]
    time: int
    entry: str

    @classmethod
    def of(cls, said: Said[Attested]) -> AttestationOut:
        """Make the answer from the store's value."""
        return cls(
            type=said.fact.type,
            digest=said.fact.digest,
            operators=said.operators,
            time=said.time,
            entry=said.entry,
        )


class ClaimOut(Answer):
    """That others say a stub is offered under this license: these operators read it in a document, and its publisher says nothing here."""

    license: str
    operators: tuple[str, ...]
    time: int
    entry: str

    @classmethod
    def of(cls, said: Said[Claimed]) -> ClaimOut:
        """Make the answer from the store's value."""
        return cls(license=said.fact.license, operators=said.operators, time=said.time, entry=said.entry)
