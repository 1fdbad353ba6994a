"""Checks: the facts that an artifact was made again, compared, evaluated or attested to, and that rebuilders agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Result = Literal["PASSED", "WARNED", "FAILED"]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A rebuilder executed the provenance `build` (an entry id) again: `passed`, or these tensors or files differ."""

    artifact: str
    build: str
    passed: bool
    verifier: str
    differs: tuple[str, ...]
    kind: Literal["rebuilt"] = field(default="rebuilt", init=False)


@dataclass(frozen=True, slots=True)
class Compared:
    """Comparing weights found `artifact` consistent with being made from `parent`, or contradicting it, by this statistic."""

    artifact: str
    parent: str
    outcome: Literal["consistent", "contradicted"]
    statistic: str
    value: str
    threshold: str
    kind: Literal["compared"] = field(default="compared", init=False)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Running the suite with this SHA-256 on `artifact` gave `value` for `metric`, over `n` examples; by its runner `result`."""

    artifact: str
    result: Result
    suite: str
    runner: str
    metric: str
    value: str
    n: int
    seed: int | None
    kind: Literal["evaluated"] = field(default="evaluated", init=False)


@dataclass(frozen=True, slots=True)
class Attested:
    """Somebody said something about `artifact` in a type of their own; `digest` is the SHA-256 of what, which nobody read."""

    artifact: str
    type: str
    digest: str
    kind: Literal["attested"] = field(default="attested", init=False)


@dataclass(frozen=True, slots=True)
class Agreed:
    """The registry found that these verdicts (entry ids, in the order of the log) make a quorum: `artifact` is reproduced."""

    artifact: str
    verdicts: tuple[str, ...]
    verifier: str
    kind: Literal["agreed"] = field(default="agreed", init=False)
