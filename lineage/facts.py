"""Facts: the closed union of what a signed statement can establish.

A predicate turns a statement into facts; every table of the registry is a fold over them, in log order. A fact holds
values only: ids are `sha256:<hex>` for artifacts that were registered and `hf:<owner>/<name>[@<commit>]` for stubs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, get_args

from lineage.assessed import Assessed

Making = Literal[
    "merge",
    "finetune",
    "adapter_of",
    "adapter_applied",
    "quantize",
    "convert",
    "prune",
    "extract",
    "distill",
    "synthetic",
    "tokenizer",
]
MAKINGS: tuple[Making, ...] = get_args(Making)
# Two ids of one work. Only `predicates.same_as` says so: whoever derives or claims something says how it was made.
Relation = Literal[Making, "same_as"]
RELATIONS: tuple[Relation, ...] = get_args(Relation)
# A tokenizer donor or a teacher puts no weights into its child: such edges carry license terms only.
WEIGHTLESS: frozenset[Relation] = frozenset({"distill", "synthetic", "tokenizer"})

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

# What a card mentions of its own artifact.
Mention = Literal["parent", "license"]
Result = Literal["PASSED", "WARNED", "FAILED"]

Role = Literal["root", "publisher", "builder", "rebuilder", "security", "log", "witness"]


class Evidence(IntEnum):
    """How well an edge is known, weakest first; `CONTRADICTED` stands outside the order and wins over all."""

    CLAIMED = 0
    SIGNED = 1
    CONSISTENT = 2
    REPRODUCED = 3
    CONTRADICTED = 4


@dataclass(frozen=True, slots=True)
class Registered:
    """An artifact is exactly these files: (name, sha256 hex), sorted by UTF-8 name."""

    artifact: str
    files: tuple[tuple[str, str], ...]
    kind: Literal["registered"] = field(default="registered", init=False)


@dataclass(frozen=True, slots=True)
class Described:
    """The tensors of an artifact are listed in the manifest with this SHA-256 (hex)."""

    artifact: str
    manifest: str
    kind: Literal["described"] = field(default="described", init=False)


@dataclass(frozen=True, slots=True)
class Contained:
    """The manifest of `artifact` lists a tensor with this digest (hex), by the word of somebody who read it."""

    artifact: str
    tensor: str
    kind: Literal["contained"] = field(default="contained", init=False)


@dataclass(frozen=True, slots=True)
class Derived:
    """`child` was made from `parent`; `part` is canonical JSON saying which part the parent played."""

    child: str
    parent: str
    relation: Relation
    part: str
    evidence: Evidence
    kind: Literal["derived"] = field(default="derived", init=False)


@dataclass(frozen=True, slots=True)
class Built:
    """A builder executed the recipe with this digest and obtained `artifact`, as its manifest describes."""

    artifact: str
    recipe: str
    manifest: str
    builder: str
    kind: Literal["built"] = field(default="built", init=False)


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


@dataclass(frozen=True, slots=True)
class Corrected:
    """`artifact` takes the place of `earlier`, by the word of somebody who may speak for both."""

    artifact: str
    earlier: str
    kind: Literal["corrected"] = field(default="corrected", init=False)


@dataclass(frozen=True, slots=True)
class Licensed:
    """The publisher declares this license id for `artifact`."""

    artifact: str
    license: str
    kind: Literal["licensed"] = field(default="licensed", init=False)


@dataclass(frozen=True, slots=True)
class Waived:
    """For names in `namespace` its owner accepts, until `expires` (unix seconds), what rule `rule` finds about `artifact`.

    That is what it finds because of `license`, brought in by `origin`, an artifact or stub: nothing else.
    """

    artifact: str
    rule: str
    origin: str
    license: str
    namespace: str
    reason: str
    expires: int
    kind: Literal["waived"] = field(default="waived", init=False)


@dataclass(frozen=True, slots=True)
class Gated:
    """Whoever keeps the log shuts its license gate, or opens it, for this reason."""

    shut: bool
    reason: str
    kind: Literal["gated"] = field(default="gated", init=False)


@dataclass(frozen=True, slots=True)
class Claimed:
    """Somebody other than its publisher says that the stub `artifact` is offered under this license id."""

    artifact: str
    license: str
    kind: Literal["claimed"] = field(default="claimed", init=False)


@dataclass(frozen=True, slots=True)
class Mentioned:
    """`file`, one of the artifact's own, says that it was made from the stub `value`, or is under this license: a text, and no word of anybody."""

    artifact: str
    file: str
    what: Mention
    value: str
    kind: Literal["mentioned"] = field(default="mentioned", init=False)


@dataclass(frozen=True, slots=True)
class Named:
    """`name` (and `name@revision`) points at `artifact` from this leaf on."""

    name: str
    revision: str | None
    artifact: str
    kind: Literal["named"] = field(default="named", init=False)


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


@dataclass(frozen=True, slots=True)
class Rooted:
    """A version of the trusted root comes into force with this leaf; `document` is its canonical JSON text."""

    version: int
    document: str
    kind: Literal["rooted"] = field(default="rooted", init=False)


@dataclass(frozen=True, slots=True)
class Removed:
    """Something was established in this place, and an order had it removed: it establishes nothing.

    Of a name or a waiver, `namespace` is the SHA-256 (hex) of its namespace, by which keys are judged; empty otherwise.
    """

    namespace: str = ""
    kind: Literal["removed"] = field(default="removed", init=False)


@dataclass(frozen=True, slots=True)
class Unbound:
    """A binding of a name was removed under an order, and other entries bind that name, which means nothing until it is bound anew.

    `name` is the id of one of those entries, `revision` that of one which binds the same revision of it, empty where none
    does; `namespace` is as in `Removed`.
    """

    namespace: str
    name: str
    revision: str
    kind: Literal["unbound"] = field(default="unbound", init=False)


@dataclass(frozen=True, slots=True)
class Redacted:
    """The payload of `entry` was removed under `order`; `kept` is canonical JSON of what it still says (`lineage.residue`)."""

    entry: str
    order: str
    kept: str
    kind: Literal["redacted"] = field(default="redacted", init=False)


Fact = (
    Registered
    | Described
    | Contained
    | Derived
    | Built
    | Rebuilt
    | Compared
    | Evaluated
    | Attested
    | Agreed
    | Corrected
    | Licensed
    | Waived
    | Gated
    | Claimed
    | Mentioned
    | Named
    | Reported
    | Selecting
    | Restaged
    | Amended
    | Assessed
    | Disputed
    | Embargoed
    | Rooted
    | Removed
    | Unbound
    | Redacted
)


def is_stub(artifact: str) -> bool:
    """Tell whether an id names an artifact upstream that was never seen here; only a claim says what such a one is made from."""
    return artifact.startswith("hf:")


def about(fact: Fact) -> tuple[str, ...]:
    """Return the artifacts that a fact is about; a model signature's subject is a root digest and no artifact."""
    match fact:
        case Derived(child=child):
            return (child,)
        case Reported(artifacts=artifacts):
            return artifacts
        case Corrected(artifact, earlier):
            return (artifact, earlier)
        case (
            Selecting()
            | Restaged()
            | Amended()
            | Embargoed()
            | Gated()
            | Rooted()
            | Removed()
            | Unbound()
            | Redacted()
        ):
            return ()
        case _:
            return (fact.artifact,)
