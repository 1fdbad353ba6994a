"""What arrives from a registry that is not trusted: what bundles are about, receipts, and characters that hide what is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from lineage import predicates
from lineage.facts import Built, Registered, about
from lineage.removals import Redacted
from lineage.residue import Residue
from registry.store.log import Receipt
from signing import canonical
from signing.bundle import Bundle
from signing.canonical import Json
from signing.dsse import Envelope
from signing.errors import Malformed, Untrusted
from signing.log import Leaf
from signing.statement import Statement

# What could rewrite a terminal around the text: control characters, and those that turn the direction of writing.
_HIDING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LINES = str.maketrans("", "", "\r\n\t")


def receipt(shown: str, answer: bytes, entry: str) -> Receipt:
    """Return the receipt that the registry `shown` gave for the statement `entry`; it is about this statement."""
    match canonical.decode(answer):
        case {
            "index": int(index),
            "entry": str(said),
            "time": int(time),
            "size": int(size),
            "leaf": str(leaf),
            "proof": [*proof],
            "checkpoint": str(note),
        }:
            hashes = tuple(canonical.from_base64(str(one)) for one in proof)
            given = Receipt(index, said, time, size, leaf.encode(), hashes, note.encode())
        case _:
            raise Malformed(f"{shown} took the statement {entry}, and gave no receipt")
    found = Leaf.parse(given.leaf)
    if not (given.entry == found.pae == entry and found.time == time and index < size):
        raise Untrusted(f"{shown} was sent the statement {entry}, and gave a receipt for {found.pae}")
    return given


def named(bundle: Bundle) -> tuple[str, ...]:
    """Return the artifacts that a bundle's statement says anything of, or of which it has something removed."""
    envelope = Envelope.parse(bundle.envelope)
    facts = predicates.facts(Statement.parse(envelope.payload), envelope.entry)
    removed = (Residue.parse(fact.kept.encode()).facts for fact in facts if isinstance(fact, Redacted))
    return tuple(one for fact in chain(facts, *removed) for one in about(fact))


def subjects(bundle: Bundle) -> tuple[str, ...]:
    """Return the artifacts that a bundle's statement registers, or says the making of."""
    envelope = Envelope.parse(bundle.envelope)
    facts = predicates.facts(Statement.parse(envelope.payload), envelope.entry)
    return tuple(fact.artifact for fact in facts if isinstance(fact, Registered | Built))


def hiding(text: str) -> str | None:
    """Return the first character in a text of several lines that hides what is shown, if there is one."""
    found = _HIDING.search(text.translate(_LINES))
    return None if found is None else found[0]


def covert(value: Json) -> str | None:
    """Return the first text in a value that holds such a character, if there is one."""
    return next((text for text in _texts(value) if _HIDING.search(text)), None)


def _texts(value: Json) -> Iterator[str]:
    """Go through every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield key
            yield from _texts(one)
    elif isinstance(value, Sequence):
        for one in value:
            yield from _texts(one)
