"""Terms: which licenses reach an artifact through its lineage, and what they come to together. Pure arithmetic on sets.

    effective(child) = what it declares, and what the relation of each edge carries of effective(parent)

An element of the set is a license that reaches the artifact, with the way it takes: from the artifact that declares it down to
this one. Everything that a license asks travels with it, so the rest are views: what is allowed commercially is a minimum,
thresholds are minima, what has to flow down is a maximum. Nothing is ever taken away by joining, so the set of a child follows
from its parents' sets alone, whatever the number of paths (4-lineage, "Licenses").

A relation carries a license by its scope. Whatever holds weights, or a tokenizer, of a work carries its license; a model trained on
outputs does where the license says so; an adapter that was made for a model does where the license says so, and where it says
nothing the license reaches the adapter `unsettled`: neither bound nor free. What is unknown reaches everything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from lineage.around import Edge, Node
from lineage.declared import Ambiguous, Declared, Resolved, declared
from lineage.facts import Relation
from lineage.licenses import COMMERCIAL, FLOW_DOWN, UNKNOWN, Bar, Commercial, FlowDown, License, discovered
from signing.errors import Refused

TRAINED: frozenset[Relation] = frozenset({"distill", "synthetic"})


@dataclass(frozen=True, slots=True, order=True)
class Borne:
    """A license that reaches an artifact; not `settled` where a card, or the law of adapters, leaves open whether it does."""

    license: str
    settled: bool

    @property
    def facts(self) -> License:
        """What is known of the license."""
        return discovered()[self.license]


Way = tuple[str, ...]
"""Artifact ids, from the one that declares down to the one that is asked about."""


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """The last step of a way, and the steps above it, which many ways share: a copy for each would be gigabytes in deep lineages."""

    artifact: str
    above: Link | None = None
    length: int = 1

    @property
    def way(self) -> Way:
        """The whole way."""
        steps, here = list[str](), self
        while here.above is not None:
            steps.append(here.artifact)
            here = here.above
        return (here.artifact, *reversed(steps))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Link) and (
            self is other or (self.length == other.length and self.way == other.way)
        )

    def __hash__(self) -> int:
        return hash((self.artifact, self.length))


Terms = Mapping[Borne, Link]


def ways(terms: Terms) -> dict[Borne, Way]:
    """Return the way that each license takes, in the order of their ids."""
    return {borne: link.way for borne, link in sorted(terms.items(), key=lambda one: one[0])}


@dataclass(frozen=True, slots=True)
class Effective:
    """What reaches an artifact: by its own declaration, and from its ancestors."""

    own: Terms
    inherited: Terms

    @property
    def all(self) -> Terms:
        """Everything that holds; where a license is declared above as well, by the way from there."""
        return {**self.own, **self.inherited}

    @property
    def licenses(self) -> frozenset[str]:
        """The ids of everything that holds."""
        return frozenset(one.license for one in self.all)

    @property
    def commercial(self) -> Commercial:
        """The least that any of its licenses allows."""
        return least(one.facts.commercial for one in self.all)

    @property
    def flow_down(self) -> FlowDown:
        """The most that any of its licenses wants passed on, as far as they are known."""
        known = [one.facts.flow_down for one in self.all if one.facts.flow_down != "unknown"]
        return max(known, key=FLOW_DOWN.index, default="none")

    @property
    def complete(self) -> bool:
        """Tell whether all its licenses are known; where not, everything here is a lower bound."""
        return not self.licenses & set(UNKNOWN)

    def threshold(self, kind: Bar) -> int | None:
        """Return the lowest threshold of this kind, None where there is none."""
        found = [bar.above for one in self.all for bar in one.facts.bars(kind) if bar.above is not None]
        return min(found, default=None)


def least(allowed: Iterable[Commercial]) -> Commercial:
    """Return what is allowed commercially where all of these hold; with nothing there, nothing is known."""
    return min(allowed, key=COMMERCIAL.index, default="unknown")


@cache
def carried(license_id: str, relation: Relation) -> Literal["yes", "unsettled", "no"]:
    """Tell whether a license of a parent holds for a child made by `relation`."""
    scope = discovered()[license_id].scope
    if license_id in UNKNOWN or (relation != "adapter_of" and relation not in TRAINED):
        return "yes"
    if relation in TRAINED:
        return "yes" if "outputs_train" in scope else "no"
    return "yes" if "adapter" in scope else "unsettled"


def passed(terms: Terms, relation: Relation, child: str) -> Terms:
    """Return what an edge of `relation` carries of a parent's terms down to `child`."""
    found: dict[Borne, Link] = {}
    for borne, link in terms.items():
        carries = carried(borne.license, relation)
        if carries != "no":
            reaches = borne if carries == "yes" else Borne(borne.license, settled=False)
            found[reaches] = shorter(found.get(reaches), Link(child, link, link.length + 1))
    return found


def union(*some: Terms) -> Terms:
    """Return everything that any of these holds; of several ways the shortest, and of those the first from below, by ids."""
    found: dict[Borne, Link] = {}
    for terms in some:
        for borne, link in terms.items():
            found[borne] = shorter(found.get(borne), link)
    return found


def shorter(one: Link | None, other: Link) -> Link:
    """Return the shorter of two ways; of two that are as long, everybody is shown the same one."""
    if one is None or one.length != other.length:
        return other if one is None or other.length < one.length else one
    left: Link | None = one
    right: Link | None = other
    while left is not None and right is not None and left is not right:
        if left.artifact != right.artifact:
            return one if left.artifact < right.artifact else other
        left, right = left.above, right.above
    return one


def own(artifact: str, said: Declared) -> Terms:
    """Return the terms that an artifact's own declaration makes."""
    return {Borne(license_id, isinstance(said, Resolved)): Link(artifact) for license_id in said.licenses}


def effective(child: str, said: Declared, parents: Iterable[tuple[Relation, Effective]]) -> Effective:
    """Return what holds for `child` by its declaration and the effective terms of its parents."""
    reaching = (passed(union(terms.own, terms.inherited), relation, child) for relation, terms in parents)
    return Effective(own(child, said), union(*reaching))


def said_of(node: Node) -> Declared:
    """Return what the newest declaration of an artifact comes to; of one that was never seen, nothing is known.

    What others claim of a stub is held against what descends from it, and settles nothing: it may be all, or wrong.
    """
    if node.licenses or node.seen or not node.claimed:
        return declared(node.licenses[0] if node.licenses else None, seen=node.seen)
    claims = (declared(word) for word in node.claimed)
    named = dict.fromkeys(one for said in claims for one in said.licenses)
    return Ambiguous(tuple(named | {"unknown": None}), "was never seen here, and others claim its license")


def slice_terms(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[str, Effective]:
    """Return the effective terms of every artifact of a slice that holds all their ancestors, parents first.

    An ancestor that an edge names and the slice does not hold is one about which nothing is known.
    """
    known = {node.id: node for node in nodes}
    named = {end for edge in edges for end in (edge.child, edge.parent)}
    parents: dict[str, set[tuple[str, Relation]]] = defaultdict(set)
    children: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        parents[edge.child].add((edge.parent, edge.relation))
        children[edge.parent].add(edge.child)
    waiting = {one: len({parent for parent, _ in parents[one]}) for one in known.keys() | named}
    ready = sorted(one for one, count in waiting.items() if not count)
    found: dict[str, Effective] = {}
    while ready:
        here = ready.pop()
        said = said_of(known.get(here, Node(here, seen=False)))
        above = ((relation, found[parent]) for parent, relation in parents[here])
        found[here] = effective(here, said, above)
        for child in children[here]:
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    if left := sorted(waiting.keys() - found.keys()):
        raise Refused(f"these artifacts descend from each other: {', '.join(left)}")
    return found
