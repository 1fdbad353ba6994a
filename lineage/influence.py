"""Influence: how much of a source is in what descends from it: where to look first, never what is safe.

The influence of a source on a descendant is the sum, over all paths from one to the other, of the product of the shares along
each (4-lineage, "Triage, never clearance"). One pass in topological order has it, however many paths there are.

A share is how much of a child's weights came from a parent, by what a statement says: a merge's normalised weights, |w| over
the sum of all |w|. What is not said is not 0: a share is the interval between the least and the most that it can be, and
`ANY` where nothing is said. Exactly 0 is what puts no weights into its child by definition: a tokenizer donor, a teacher, a
parent of weight 0. Bounds are exact up to denominators of 2^64, and beyond rounded outward to such a multiple, so that the
exact value always lies between them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter

from lineage.around import Edge
from lineage.facts import WEIGHTLESS, Relation
from merger.by_tensor import Value
from merger.numbers import decimal
from merger.recipe import Recipe
from signing import canonical
from signing.errors import Malformed, Refused

_FINEST = 1 << 64
# The child holds what its one parent holds, in another form or under another id. What training, pruning or extracting left, nobody wrote down.
_WHOLE: frozenset[Relation] = frozenset({"quantize", "convert", "same_as"})


@dataclass(frozen=True, slots=True)
class Interval:
    """What is known of a share: it is not less than `low` and not more than `high`."""

    low: Fraction
    high: Fraction

    def __add__(self, other: Interval) -> Interval:
        """Return the bounds of the sum of two shares of one child, which is at most all of it."""
        return Interval(min(self.low + other.low, ALL.high), min(self.high + other.high, ALL.high))

    def __mul__(self, other: Interval) -> Interval:
        """Return the bounds of a share of a share."""
        return Interval(self.low * other.low, self.high * other.high)

    def __or__(self, other: Interval) -> Interval:
        """Return the bounds of a share that is one or the other."""
        return Interval(min(self.low, other.low), max(self.high, other.high))

    def rounded(self) -> Interval:
        """Return bounds with small denominators that hold these."""
        low, high = self.low, self.high
        if low.denominator > _FINEST:
            low = Fraction(math.floor(low * _FINEST), _FINEST)
        if high.denominator > _FINEST:
            high = Fraction(math.ceil(high * _FINEST), _FINEST)
        return Interval(low, high)


NONE = Interval(Fraction(0), Fraction(0))
ALL = Interval(Fraction(1), Fraction(1))
ANY = Interval(Fraction(0), Fraction(1))

Shares = Mapping[str, Interval]


def influences(source: str, made: Mapping[str, Shares], *, complete: bool = True) -> dict[str, Interval]:
    """Return the influence of `source` on everything made of it, given each child's shares by parent.

    `made` holds every artifact below the source and may hold more. If it is not `complete`, what is missing may lead from
    the source to any of them, so that nothing bounds the influence from above.
    """
    found = {source: ALL}
    for child in ordered(made):
        parts = [found[parent] * share for parent, share in made.get(child, {}).items() if parent in found]
        if parts and child != source:
            total = sum(parts, NONE).rounded()
            found[child] = total if complete else total | ALL
    del found[source]
    return found


def by_recipe(recipe: Recipe, *, by_rows: bool) -> Shares:
    """Return the shares of a merge by the weights in its recipe; `by_rows` says that its tokenizer carries a row map."""
    return placed(recipe, weighed(recipe), by_rows=by_rows)


def placed(recipe: Recipe, shares: Sequence[Interval], *, by_rows: bool) -> Shares:
    """Return the shares of all that a recipe names, given those of its parents in their places.

    What an adapter changed of its model, statistics of their merge, or parents of their base, no weight says.
    """
    found: dict[str, Interval] = defaultdict(lambda: NONE)
    for parent, share in zip(recipe.parents, shares, strict=True):
        if parent.adapter is None:
            found[parent.model] += share
        else:
            found[parent.model] += share * ANY
            found[parent.adapter] += share * ANY
        if parent.statistics is not None:
            found[parent.statistics] += ANY
    if recipe.base is not None:
        found[recipe.base] += ANY
    if recipe.tokenizer is not None:
        found[recipe.tokenizer] += ANY if by_rows else NONE
    return dict(found)


def weighed(recipe: Recipe) -> tuple[Interval, ...]:
    """Return the normalised weight of each parent of a recipe, in its place."""
    weights = [parent.parameters.get("weight") for parent in recipe.parents]
    known = [_magnitudes(weight) for weight in weights if weight is not None]
    groups = (
        [list(range(len(weights)))]
        if recipe.slices is None
        else [[int(source.parent) for source in one.sources] for one in recipe.slices]
    )
    if len(known) == len(weights):
        listed = [_normalised({place: known[place] for place in group}) for group in groups]
    else:
        alone = ALL if recipe.base is None else ANY
        listed = [dict.fromkeys(group, alone if len(group) == 1 else ANY) for group in groups]
    # Slices are of unlike sizes, which the recipe does not know: a parent's share is between its least and its most.
    return tuple(_hull([one.get(place, NONE) for one in listed]) for place in range(len(weights)))


def by_word(edges: Sequence[Edge]) -> Shares:
    """Return the shares that one statement gives to the parents it names, where it holds no recipe."""
    carrying = [edge for edge in edges if edge.relation not in WEIGHTLESS]
    parents = {edge.parent for edge in carrying}
    weights = [_weight(edge) for edge in carrying]
    known = [weight for weight in weights if weight is not None]
    found: dict[str, Interval] = defaultdict(lambda: NONE, {edge.parent: NONE for edge in edges})
    if len(parents) == 1 and all(edge.relation in _WHOLE for edge in carrying):
        shares = {0: ALL}
    elif len(known) == len(carrying):
        shares = _normalised(dict(enumerate(known)))
    else:
        shares = dict.fromkeys(range(len(carrying)), ANY)
    for place, share in shares.items():
        found[carrying[place].parent] += share
    return dict(found)


def agreed(said: Iterable[Shares]) -> Shares:
    """Return the shares of a child of which several statements speak: any of them may be the one that is right."""
    every = list(said)
    # A statement of tokenizers and teachers alone says nothing of where the weights came from.
    telling = [one for one in every if any(share != NONE for share in one.values())] or every
    return {
        parent: _hull([one.get(parent, NONE) for one in telling])
        for parent in dict.fromkeys(parent for one in every for parent in one)
    }


def ordered(made: Mapping[str, Shares]) -> Iterator[str]:
    """Go through all artifacts, parents first."""
    try:
        yield from TopologicalSorter({child: shares.keys() for child, shares in made.items()}).static_order()
    except CycleError as error:
        raise Refused(f"these artifacts descend from each other: {', '.join(error.args[1][1:])}") from None


def _normalised(weights: Mapping[int, Interval]) -> dict[int, Interval]:
    """Return each weight over the sum of all, where each is known to lie in an interval."""
    least, most = sum(one.low for one in weights.values()), sum(one.high for one in weights.values())
    found = {}
    for place, own in weights.items():
        low = own.low / (own.low + most - own.high) if own.low else NONE.low
        high = own.high / (own.high + least - own.low) if own.high else NONE.high
        found[place] = Interval(low, high)
    return found


def _magnitudes(value: Value) -> Interval:
    texts = [value] if isinstance(value, str) else [text for rule in value for text in rule.values()]
    found = [abs(Fraction(text)) for text in texts]
    return Interval(min(found), max(found))


def _weight(edge: Edge) -> Interval | None:
    """Return the weight that the publisher gives a parent of a merge, if that is all that is said of its part."""
    if edge.relation != "merge":
        return None
    match canonical.decode(edge.part.encode()):
        case {"weight": str(text), **rest} if not rest:
            try:
                return _magnitudes(decimal(text))
            except Malformed:
                return None
        case _:
            return None


def _hull(some: Sequence[Interval]) -> Interval:
    found = some[0]
    for one in some[1:]:
        found |= one
    return found
