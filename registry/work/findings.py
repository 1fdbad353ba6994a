"""What comparing weights came to, as values with one JSON form."""

from __future__ import annotations

from typing import Literal

from merger.parentage import Finding, Suspect
from registry.said import Answer

SUSPICION = "a suspicion, for somebody to look at: it is not logged and flags nothing"


class TestedOut(Answer):
    """What the weights say of one declared parent; where they could not be compared, why."""

    parent: str
    relation: str
    outcome: Literal["consistent", "contradicted", "undecided"]
    statistic: str | None
    value: float | None
    threshold: float | None
    why: str | None

    @classmethod
    def of(cls, relation: str, found: Finding) -> TestedOut:
        """Make the answer from the core's value."""
        return cls(
            parent=found.parent,
            relation=relation,
            outcome=found.outcome,
            statistic=found.statistic,
            value=found.value,
            threshold=found.threshold,
            why=None,
        )


class SuspectOut(Answer):
    """An artifact that nobody declared a parent and that explains weights; `instead` are others that would, as well."""

    parent: str
    kind: Literal["same tensors", "published again", "made from", "parent"]
    statistic: str
    value: float
    threshold: float
    instead: tuple[str, ...]

    @classmethod
    def of(cls, found: Suspect) -> SuspectOut:
        """Make the answer from the core's value."""
        return cls(
            parent=found.parent,
            kind="published again" if found.copied else "parent",
            statistic=found.statistic,
            value=found.value,
            threshold=found.threshold,
            instead=found.instead,
        )


class ParentageOut(Answer):
    """What comparing an artifact's weights came to; `compared` is how many other sketches of its architecture were looked at.

    Nothing here is proven. Suspects are for somebody to look at: they are not logged, and flag nothing. Where what is kept of the artifact
    itself cannot be read, `unread` says why, and nothing was compared.
    """

    artifact: str
    origin: str | None
    r2: float | None
    exact: float | None
    parents: tuple[TestedOut, ...]
    suspects: tuple[SuspectOut, ...]
    compared: int
    as_of: int
    unread: str | None = None

    @property
    def to_look_at(self) -> bool:
        """Tell whether there is a suspicion, a declared parent that the weights contradict, or something that cannot be read."""
        return bool(self.suspects or self.unread) or any(
            one.outcome == "contradicted" for one in self.parents
        )


class SuspicionsOut(Answer):
    """Of the next `compared` artifacts that have sketches here, those that somebody should look at; `next` says what to ask for `after`."""

    artifacts: tuple[ParentageOut, ...]
    compared: int
    next: str | None
    as_of: int
