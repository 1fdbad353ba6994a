"""Records: what a document says of artifacts upstream, one value each: read with its claim, or not read with the reason.

A reader in `registry.ingest` makes them from bytes alone. Nothing is passed over in silence: what is not claimed of a record that
is read stands among its `remarks`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from lineage.facts import Relation
from lineage.predicates.claims import Claim, Parent
from registry.stubs import Nameless, stub

SELF = "names itself as its parent"
NOTHING = "says neither what it was made from nor under which license"


@dataclass(frozen=True)
class Document:
    """A source document: its name, `/`-separated, below what is imported, and its bytes."""

    name: str
    data: bytes

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 (hex) of its bytes, which every claim from it names."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was not claimed, or what is odd about it: in a few words that can be counted, and in a sentence with the values."""

    gist: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Read:
    """A record that says something: where it stands, what follows from it, and what was left out or is odd."""

    place: str
    claim: Claim
    remarks: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Unread:
    """A record that nothing follows from, and why."""

    place: str
    why: Reason
    remarks: tuple[Reason, ...] = ()


Record = Read | Unread


class Parents:
    """Collects what a record names as parents: each once, and what names no repository as a remark."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Relation], Parent] = {}
        self.remarks: list[Reason] = []

    def add(self, written: object, relation: Relation, part: Mapping[str, str]) -> None:
        """Take what is written in one place: a repository, or `model+adapter`, which are two parents."""
        if not isinstance(written, str):
            self.remarks.append(
                Reason("names a parent by no text", f"{written!r:.120} is no text, and a parent is one")
            )
            return
        model, plus, adapter = written.partition("+")
        self._add(model, relation, part)
        if plus:
            self._add(adapter, "adapter_applied", {"role": "adapter"})

    def all(self) -> tuple[Parent, ...]:
        """Return the parents in the order in which they were named; who gave weights is no donor of a tokenizer besides."""
        weighty = {artifact for artifact, relation in self._found if relation != "tokenizer"}
        return tuple(
            one for one in self._found.values() if one.relation != "tokenizer" or one.artifact not in weighty
        )

    def _add(self, written: str, relation: Relation, part: Mapping[str, str]) -> None:
        try:
            found = stub(written)
        except Nameless as error:
            self.remarks.append(Reason(error.gist, str(error)))
            return
        at = {} if found.revision is None else {"revision": found.revision}
        self._found.setdefault((found.artifact, relation), Parent(found.artifact, relation, {**part, **at}))


def record(
    place: str,
    artifact: str,
    parents: Iterable[Parent],
    license: str | None = None,  # noqa: A002 - the one word for it
    remarks: Iterable[Reason] = (),
) -> Record:
    """Return what a record comes to: itself among its parents is left out, and what says nothing is not read."""
    named, told = list(parents), list(remarks)
    kept = tuple(one for one in named if one.artifact != artifact)
    if len(kept) < len(named):
        told.append(Reason(SELF, f"{artifact} names itself as its parent"))
    told = list(dict.fromkeys(told))
    if kept or license is not None:
        return Read(place, Claim(artifact, kept, license), tuple(told))
    if told:
        return Unread(place, told[0], tuple(told[1:]))
    return Unread(
        place,
        Reason(NOTHING, f"nothing is said of what {artifact} was made from, nor under which license it is"),
    )
