"""Finding: what a rule says about the licenses that reach an artifact, with the values and the way behind it.

The fifteen kinds are fixed; which way each decides is in its rule (`lineage.conflicts`, `lineage.uses`). An outcome is taken from all
findings together. It says whether declared terms contradict each other, as far as they are known; it is not legal advice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from lineage.around import Edge, Node
from lineage.declared import Declared
from lineage.licenses import UNKNOWN, VERSION
from lineage.terms import Borne, Effective, Way, ways

Severity = Literal["high", "medium", "low", "info"]
Outcome = Literal["ok", "needs_review", "unknown", "conflict"]
Decides = Literal["nothing", "needs_review", "unknown", "conflict"]

KINDS: Mapping[str, tuple[Severity, str]] = {
    "LIC-PERMISSIVE-OVER": ("high", "the declared license lacks what an inherited one wants passed on"),
    "LIC-NC-COMMERCIAL": (
        "high",
        "commercial use is allowed or asked about, and a license above does not allow it",
    ),
    "LIC-ND-DERIVED": ("high", "an ancestor's license does not allow adaptations to be distributed"),
    "LIC-COPYLEFT-CLASH": ("high", "two ancestors want the whole under two licenses that do not go together"),
    "LIC-EXTRA-RESTRICT": ("high", "one ancestor allows no further restrictions, and another adds some"),
    "LIC-COPYLEFT-DROP": (
        "high",
        "an ancestor wants the whole under its own license, and another one is declared",
    ),
    "LIC-NAME-PREFIX": ("medium", "a name does not begin as an inherited license wants it to"),
    "LIC-DISPLAY-MISSING": ("low", "a phrase or text that an inherited license wants shown was not found"),
    "LIC-IMPROVE-OTHER": ("high", "a model improves another kind of model than its license allows"),
    "LIC-THRESHOLD": ("info", "above a number of users or a revenue another license is needed"),
    "LIC-TERRITORY": ("medium", "the license grants nothing in that territory"),
    "LIC-UNKNOWN": ("medium", "which terms hold is not known, or not settled"),
    "LIC-GATED-BYPASS": (
        "medium",
        "an ancestor asks for its terms to be accepted, and this artifact does not",
    ),
    "LIC-CHANGED": ("medium", "an ancestor declared another license before"),
    "LIC-ANCESTOR-GONE": ("info", "an ancestor is gone upstream: what is known of it is what was seen last"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found; `license` is the one that it rests on, and `via` the way it takes to the artifact.

    `verified`: the terms it rests on were read, not remembered. `rules` is the version of the rule-set.
    """

    kind: str
    severity: Severity
    decides: Decides
    sentence: str
    license: str
    via: Way
    verified: bool
    rules: int = VERSION

    @property
    def origin(self) -> str:
        """The artifact that brings it in."""
        return self.via[0]


@dataclass(frozen=True, slots=True)
class Use:
    """What somebody wants to do with an artifact; None is not asked about. What is registered is taken to be distributed."""

    commercial: bool = False
    territory: str | None = None
    monthly_users: int | None = None
    revenue: int | None = None
    distributing: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen outside the log; None is not looked at, and then the answer says which rules could not be asked."""

    shown: str | None = None
    """The text of its card and its notices, as they are published."""
    gated: bool | None = None
    """Whether it is only given to who accepts its terms."""
    gone: frozenset[str] | None = None
    """Its ancestors that are deleted or renamed upstream."""


@dataclass(frozen=True, slots=True)
class Case:
    """All that the rules are asked about: an artifact, what it and each of its ancestors bear, and what is asked."""

    artifact: str
    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    said: Mapping[str, Declared]
    terms: Mapping[str, Effective]
    ways: Mapping[str, Way]
    """From each ancestor, and from the artifact itself, a shortest way down to the artifact."""
    use: Use = field(default_factory=Use)
    seen: Seen = field(default_factory=Seen)
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    """The artifacts that a live incident says are withdrawn, each with the id of that incident."""

    @property
    def here(self) -> Effective:
        """What reaches the artifact."""
        return self.terms[self.artifact]

    @property
    def declares(self) -> tuple[str, ...]:
        """The licenses that the artifact itself declares, as far as they are known; none if any is not."""
        licenses = self.said[self.artifact].licenses
        return () if set(licenses) & set(UNKNOWN) else licenses

    def called(self, artifact: str) -> str:
        """Return the newest name of an artifact, or its id where it has none."""
        return self.nodes[artifact].names[0] if self.nodes[artifact].names else artifact

    def only(self, name: str) -> Case:
        """Return the case as it is where the artifact has this one name: what others call it is not its owner's to answer for."""
        named = replace(self.nodes[self.artifact], names=(name,))
        return replace(self, nodes={**self.nodes, self.artifact: named})

    def travelling(self) -> list[tuple[Borne, Way]]:
        """Return what is inherited and has to be passed on: by distribution, or by serving where a license says so."""
        return [
            (borne, way)
            for borne, way in ways(self.here.inherited).items()
            if borne.license not in UNKNOWN
            and (self.use.distributing or borne.facts.duties("network_source"))
        ]


def found(
    kind: str, borne: Borne, via: Way, sentence: str, decides: Decides = "conflict", *others: Borne
) -> Finding:
    """Return a finding that rests on `borne`, and on `others` besides.

    A conflict that rests on terms which are not settled, or which say too little, is somebody's to review.
    """
    all_of = (borne, *others)
    doubtful = any(not one.settled or one.facts.review for one in all_of)
    return Finding(
        kind,
        KINDS[kind][0],
        "needs_review" if decides == "conflict" and doubtful else decides,
        sentence,
        borne.license,
        via,
        all(one.facts.verified for one in all_of),
    )


def outcome(terms: Effective, findings: Iterable[Finding], *, complete: bool) -> Outcome:
    """Return what findings come to: a conflict stands whatever else is unknown, and nothing unknown is ever `ok`."""
    decided = {one.decides for one in findings}
    if "conflict" in decided:
        return "conflict"
    if not complete or not terms.complete or "unknown" in decided:
        return "unknown"
    doubted = any(one.facts.review or not one.facts.verified for one in terms.all)
    return "needs_review" if "needs_review" in decided or doubted else "ok"


def doubts(terms: Effective) -> tuple[str, ...]:
    """Return what is known too badly for an `ok`, a sentence each, but for what nothing is known of."""
    bearing = sorted({one.license for one in terms.all} - set(UNKNOWN))
    facts = {one.license: one.facts for one in terms.all}
    unread = [f"what {one} asks is remembered, not read" for one in bearing if not facts[one].verified]
    open_ = [f"{one}: {facts[one].note}" for one in bearing if facts[one].review]
    return (*unread, *open_)
