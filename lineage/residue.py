"""What is left of a statement whose payload was removed under an order: its ids and categories, and no free text.

A log forgets the words and not the shape. Ids are hashes or upstream names, and kinds, stages and relations are words of our
own, so they stay, and whatever was said about the same artifacts afterwards still fits; incidents go on reaching what they
reached. File names, summaries, contacts, reasons, tensor names, names that were bound, and whole waivers, evaluations, attestations
and what cards mention are gone. Nobody can check any longer
that what is left was said, so the artifacts that it is about are unknown from then on, never clean.

Of a binding not even a hash of the name stays, since names can be guessed. Where an older entry binds the same name its id is
kept (`unbound`), so that the older binding is not the newest again, or else that of the next newer one, which moved the name;
that entry says the name itself, until it is removed, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from itertools import zip_longest
from typing import cast

from pydantic import TypeAdapter, ValidationError

from lineage.assessed import Assessed
from lineage.checks import Agreed, Attested, Compared, Evaluated, Rebuilt
from lineage.facts import (
    Built,
    Claimed,
    Contained,
    Corrected,
    Derived,
    Described,
    Fact,
    Gated,
    Licensed,
    Mentioned,
    Named,
    Registered,
    Rooted,
    Waived,
)
from lineage.incidents import Amended, Disputed, Embargoed, Reported, Restaged, Selecting
from lineage.patterns import upstream
from lineage.removals import Redacted, Removed, Unbound
from signing import canonical
from signing.canonical import Json
from signing.digest import sha256_hex
from signing.errors import Malformed, Refused

REMOVED = "removed under an order"
# The type of a statement in words of somebody's own, which may be the words that are to go.
UNNAMED = "urn:removed"

_KINDS: dict[str, type[Fact]] = {
    "registered": Registered,
    "described": Described,
    "contained": Contained,
    "derived": Derived,
    "built": Built,
    "rebuilt": Rebuilt,
    "compared": Compared,
    "agreed": Agreed,
    "corrected": Corrected,
    "licensed": Licensed,
    "claimed": Claimed,
    "reported": Reported,
    "selecting": Selecting,
    "restaged": Restaged,
    "amended": Amended,
    "assessed": Assessed,
    "gated": Gated,
    "disputed": Disputed,
    "embargoed": Embargoed,
    "removed": Removed,
    "unbound": Unbound,
}
_SHOWN = 300
_HASH = re.compile("([0-9a-f]{64})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Residue:
    """The type of a statement that is gone, and its facts without their words, each in its place."""

    predicate_type: str
    facts: tuple[Fact, ...]

    def encode(self) -> bytes:
        """Return it as canonical JSON."""
        return canonical.encode(
            {"type": self.predicate_type, "facts": [_fields(fact) for fact in self.facts]}
        )

    @classmethod
    def parse(cls, raw: bytes) -> Residue:
        """Read it from JSON."""
        match canonical.decode(raw):
            case {"type": str(kind), "facts": [*facts], **rest}:
                _check_known(rest, "a redaction keeps")
                return cls(kind, tuple(map(_fact, facts)))
            case _:
                raise Malformed("what a redaction keeps is a type and a list of facts")


def residue(predicate_type: str, facts: Sequence[Fact]) -> Residue:
    """Return what is left of a statement once its payload is gone."""
    foreign = any(isinstance(fact, Attested) for fact in facts)
    return Residue(UNNAMED if foreign else predicate_type, tuple(map(blanked, facts)))


def blanked(fact: Fact) -> Fact:  # noqa: C901, PLR0911, PLR0912 - one return a kind
    """Return a fact without the words in it; refuse one that the log cannot do without."""
    match fact:
        case Registered(artifact):
            return Registered(artifact, ())
        case Derived():
            return replace(fact, part="{}")
        case Rebuilt():
            return replace(fact, differs=())
        case Reported():
            return replace(fact, summary=REMOVED, contact=REMOVED)
        case Restaged() | Gated():
            return replace(fact, reason=REMOVED)
        case Amended(_, _, summary, contact):
            # Of what stayed as it was there are no words to remove.
            return replace(fact, reason=REMOVED, summary=summary and REMOVED, contact=contact and REMOVED)
        case Assessed():
            return replace(fact, note=REMOVED)
        case Disputed():
            return replace(fact, text=REMOVED)
        case Embargoed():
            return replace(fact, contact=REMOVED)
        case Named(name):
            return Removed(sha256_hex(name.partition("/")[0].encode()))
        case Waived(namespace=namespace):
            # What somebody accepts for names that nobody may know any longer, nobody accepts.
            return Removed(sha256_hex(namespace.encode()))
        case Evaluated() | Attested() | Mentioned():
            return Removed()
        case Built():
            return replace(fact, builder=REMOVED)
        case Described() | Compared() | Contained() | Agreed() | Corrected() | Licensed() | Claimed():
            return fact
        case Selecting(attribute=attribute, value=value):
            # Whose names these are may be what was to go; upstream's stay, as everywhere.
            return Removed() if attribute == "name" and not upstream(value) else fact
        case Removed(namespace):
            _check_hashes(namespace)
            return fact
        case Unbound(namespace, name, revision):
            _check_hashes(namespace, name, revision)
            return fact
        case Rooted() | Redacted():
            raise Refused(
                f"a {fact.kind!r} fact is never removed: what came after it could not be judged without it"
            )


def unbound(left: Residue, name: str, revision: str) -> Residue:
    """Return what is left of a binding of a name that entry `name` binds, too, and `revision` in the same revision ("" if none)."""
    facts = (
        Unbound(fact.namespace, name, revision) if isinstance(fact, Removed) else fact for fact in left.facts
    )
    return Residue(left.predicate_type, tuple(facts))


def misstated(kept: Residue, predicate_type: str, facts: Sequence[Fact]) -> str | None:
    """Say in what `kept` is not what is left of a statement of this type with these facts, for whoever holds the statement.

    Which other entries bind a name that was removed is for whoever holds the log to say.
    """
    due = residue(predicate_type, facts)
    if kept.predicate_type != due.predicate_type:
        return f"it is said to be a {kept.predicate_type}, and is a {due.predicate_type}"
    for seq, (said, was) in enumerate(zip_longest(kept.facts, due.facts)):
        plain = Removed(said.namespace) if isinstance(said, Unbound) and isinstance(was, Removed) else said
        if plain != was:
            return f"its fact {seq} is said to be {_shown(said)}, and is {_shown(was)}"
    return None


def artifacts(facts: Sequence[Fact]) -> tuple[str, ...]:
    """Return the artifacts that are unknown once a statement with these facts is gone."""
    found: dict[str, None] = {}
    for fact in facts:
        match fact:
            case Derived(child):
                found[child] = None
            case Reported(artifacts=named):
                found |= dict.fromkeys(named)
            # Of a verdict only the names of what differs are lost: which way it went stays.
            # Of a status its reason is lost: nobody can check whether it was right to clear anything.
            case Registered(artifact) | Described(artifact) | Built(artifact) | Assessed(artifact):
                found[artifact] = None
            case _:
                pass
    return tuple(found)


def _shown(fact: Fact | None) -> str:
    return "none" if fact is None else canonical.encode(_fields(fact)).decode()[:_SHOWN]


def _fields(fact: Fact) -> Json:
    return cast("Json", asdict(fact))


def _fact(value: Json) -> Fact:
    match value:
        case {"kind": str(kind), **rest} if kind in _KINDS:
            _check_known(
                rest.keys() - {field.name for field in fields(_KINDS[kind])},
                f"a redaction keeps of a {kind!r} fact",
            )
            try:
                fact = _adapter(kind).validate_json(canonical.encode(value))
            except ValidationError as error:
                fault = error.errors()[0]
                raise Malformed(
                    f"what a redaction keeps holds no {kind!r} fact: {fault['loc']}: {fault['msg']}"
                ) from None
        case _:
            raise Malformed(f"what a redaction keeps is facts of the kinds {', '.join(_KINDS)}")
    if canonical.encode(_fields(blanked(fact))) != canonical.encode(value):
        raise Malformed(f"what a redaction keeps of a {kind!r} fact holds more than may stay")
    return fact


def _check_hashes(*found: str) -> None:
    for one in found:
        if _HASH.fullmatch(one) is None:
            raise Malformed(
                f"what a redaction keeps of what was removed are hashes, and {one[:80]!r} is none"
            )


def _check_known(unknown: Iterable[object], what: str) -> None:
    for key in unknown:
        raise Malformed(f"what {what}: {key}: unknown key")


@cache
def _adapter(kind: str) -> TypeAdapter[Fact]:
    return TypeAdapter(_KINDS[kind])
