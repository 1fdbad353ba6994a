"""Facts: the closed union of what a signed statement can establish.

A predicate turns a statement into facts; every table of the registry is a fold over them, in log order. A fact holds
values only: ids are `sha256:<hex>` for artifacts that were registered and `hf:<owner>/<name>[@<commit>]` for stubs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, get_args

from lineage.assessed import Assessed
from lineage.checks import Agreed, Attested, Compared, Evaluated, Rebuilt
from lineage.incidents import Amended, Disputed, Embargoed, Reported, Restaged, Selecting
from lineage.removals import Redacted, Removed, Unbound

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

# What a card mentions of its own artifact.
Mention = Literal["parent", "license"]

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
class Rooted:
    """A version of the trusted root comes into force with this leaf; `document` is its canonical JSON text."""

    version: int
    document: str
    kind: Literal["rooted"] = field(default="rooted", init=False)


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
