"""Mentions: what cards and configs say of an artifact, held against what its publisher signed (T23).

A card is a text that somebody wrote, and a derivation a word that somebody signed. Where they differ one of them is wrong, or was not kept
up; which one, nobody can tell from here. So it is a finding, a line each way, and never a flag: nothing else follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from lineage.around import Around, Edge, Node, Source, Told
from lineage.declared import declared
from lineage.facts import WEIGHTLESS
from lineage.licenses import UNKNOWN

Kind = Literal["parent not signed", "parent not mentioned", "license differs"]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """That a source and what is signed differ in `value`, a parent or a license; `source` is a file of the artifact, or a stub."""

    kind: Kind
    source: str
    value: str
    sentence: str


def contradictions(around: Around) -> tuple[Contradiction, ...]:
    """Return where what is mentioned of the artifact of `around` differs from what is signed of it; of a stub nothing is signed."""
    here = next((node for node in around.nodes if node.id == around.artifact), None)
    if here is None or not here.seen:
        return ()
    signed = [edge for edge in around.edges if edge.child == here.id and edge.relation != "same_as"]
    names = {node.id: node.names for node in around.nodes}
    known = {edge.parent: _known(edge.parent, names.get(edge.parent, ()), around.told) for edge in signed}
    return tuple(one for source in around.told.sources for one in _held(source, here, signed, known))


def _held(
    source: Source, here: Node, signed: Iterable[Edge], known: Mapping[str, frozenset[str]]
) -> Iterator[Contradiction]:
    for parent in source.parents:
        if not any(_alike(parent, one) for some in known.values() for one in some):
            yield Contradiction(
                "parent not signed",
                source.name,
                parent,
                f"{source.name} names {parent} as a parent, and its publisher signs no such parent",
            )
    weights = dict.fromkeys(edge.parent for edge in signed if edge.relation not in WEIGHTLESS)
    # A source that names no parent says nothing of parents.
    for one in weights if source.parents else ():
        if not any(_alike(parent, other) for parent in source.parents for other in known[one]):
            yield Contradiction(
                "parent not mentioned",
                source.name,
                one,
                f"its publisher signs the parent {one}, and {source.name} does not name it",
            )
    own = here.licenses[0] if here.licenses else None
    if source.license is not None and _differ(source.license, own):
        yield Contradiction(
            "license differs",
            source.name,
            source.license,
            f"{source.name} gives the license {source.license}, and its publisher declares {own or 'none'}",
        )


def _differ(given: str, own: str | None) -> bool:
    """Tell whether two words mean different licenses; of words that nothing here knows, each means its own."""
    one, other = set(declared(given).licenses), set(declared(own).licenses)
    return one != other or (bool(one & set(UNKNOWN)) and _spelt(given) != _spelt(own or ""))


def _spelt(word: str) -> str:
    return " ".join(word.casefold().split())


def _known(parent: str, names: Iterable[str], told: Told) -> frozenset[str]:
    """Return the ids that a signed parent is known under: its own, and stubs, by what it is said to be, and by its names here."""
    called = {f"hf:{name.partition('@')[0]}" for name in names}
    return told.known_as.get(parent, frozenset()) | called | {parent}


def _alike(one: str, other: str) -> bool:
    """Tell whether two stubs can mean one artifact: one repository, and not two commits of it."""
    (first, _, at), (second, _, then) = one.partition("@"), other.partition("@")
    return first == second and (not at or not then or at == then)
