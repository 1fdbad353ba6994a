"""Incidents: the facts that one was opened, selects, moved, is told otherwise, is kept back or is disputed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal[
    "compromised",
    "data-poisoned",
    "unsafe-behaviour",
    "privacy",
    "erasure-request",
    "withdrawn",
    "license",
    "benchmark-contaminated",
    "evaluation-invalid",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
# By what an incident selects artifacts besides those that it names.
Attribute = Literal["key", "tensor", "name"]
Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
Stage = Literal["reported", "confirmed", "resolved", "rejected", "retracted"]


@dataclass(frozen=True, slots=True)
class Reported:
    """An incident was opened against `artifacts`; its id is the id of the entry that reported it."""

    incident: str
    artifacts: tuple[str, ...]
    what: Kind
    severity: Severity
    stage: Stage
    summary: str
    contact: str
    kind: Literal["reported"] = field(default="reported", init=False)


@dataclass(frozen=True, slots=True)
class Selecting:
    """An incident selects whatever has this attribute, now and later: a `key` registered or built it, it holds a `tensor`, or a `name` was bound to it.

    The value is the key's id or the tensor's digest, 64 hex digits each, or a range of names (`lineage.patterns`).
    """

    incident: str
    attribute: Attribute
    value: str
    kind: Literal["selecting"] = field(default="selecting", init=False)


@dataclass(frozen=True, slots=True)
class Restaged:
    """An incident moved to another stage, for this reason."""

    incident: str
    stage: Stage
    reason: str
    kind: Literal["restaged"] = field(default="restaged", init=False)


@dataclass(frozen=True, slots=True)
class Amended:
    """An incident is graver or lighter, is told in other words, or is asked about elsewhere, for this reason; None leaves it as it is."""

    incident: str
    severity: Severity | None
    summary: str | None
    contact: str | None
    reason: str
    kind: Literal["amended"] = field(default="amended", init=False)


@dataclass(frozen=True, slots=True)
class Embargoed:
    """The incident with this id was written down when this was logged, and is told later; `contact` says whom to ask."""

    incident: str
    contact: str
    kind: Literal["embargoed"] = field(default="embargoed", init=False)


@dataclass(frozen=True, slots=True)
class Disputed:
    """Who registered `artifact`, which the incident flags, says in these words that it is not so; `evidence` is a SHA-256 (hex)."""

    incident: str
    artifact: str
    text: str
    evidence: str | None
    kind: Literal["disputed"] = field(default="disputed", init=False)
