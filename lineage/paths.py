"""Paths: how many lead from one artifact down to another, a shortest one and a heaviest one. None is ever enumerated.

Real lineage has 1,224 between a single pair and a lattice exponentially many, so all three come of one pass in topological
order (4-lineage). Several statements about one pair are one step.

The weight of a path is the product of the shares along it, which `lineage.influence` knows as intervals. The heaviest path is
the one whose product may be largest, and of these the one that is known to be largest: what could be large is looked at before
what is known to be small. Products are exact up to denominators of 4,096 bits, and beyond hold 256 digits of the binary number,
rounded outward: weights of 64 digits along 1,000 steps would otherwise keep a server busy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from lineage.influence import ALL, Interval, Shares, ordered
from signing.errors import Malformed

Way = tuple[str, ...]
_EXACT = 4096
_DIGITS = 256


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths from one artifact to another: how many, a shortest and a heaviest one, and between what its weight lies."""

    count: int
    shortest: Way
    heaviest: Way
    weight: Interval


@dataclass(frozen=True, slots=True)
class _Reached:
    """An artifact below the first: by how many paths, and by which parent the shortest and the heaviest of them come."""

    count: int
    hops: int
    nearest: str
    weight: Interval
    steps: int
    heaviest: str


def paths(ancestor: str, descendant: str, steps: Mapping[str, Shares]) -> Paths | None:
    """Return the paths from `ancestor` to `descendant`, None if there is none, given each child's shares by parent.

    An artifact that leads to itself is refused with `Malformed`, steps that go round with `Refused`.
    """
    if ancestor == descendant:
        raise Malformed(f"a path leads from one artifact to another, and both of these are {ancestor}")
    found = {ancestor: _Reached(1, 0, ancestor, ALL, 0, ancestor)}
    for child in ordered(steps):
        known = [parent for parent in steps.get(child, {}) if parent in found]
        if known and child != ancestor:
            found[child] = _reached({parent: found[parent] for parent in known}, steps[child])
    if descendant not in found:
        return None
    return Paths(
        found[descendant].count,
        _way(descendant, {one: reached.nearest for one, reached in found.items()}),
        _way(descendant, {one: reached.heaviest for one, reached in found.items()}),
        found[descendant].weight,
    )


def _reached(parents: Mapping[str, _Reached], shares: Shares) -> _Reached:
    # In order of id where all else is equal, so that everybody is shown the same path.
    hops, nearest = min((reached.hops, parent) for parent, reached in parents.items())
    weights = {parent: _bounded(reached.weight * shares[parent]) for parent, reached in parents.items()}
    heaviest = min(
        parents,
        key=lambda parent: (-weights[parent].high, -weights[parent].low, parents[parent].steps, parent),
    )
    return _Reached(
        sum(reached.count for reached in parents.values()),
        hops + 1,
        nearest,
        weights[heaviest],
        parents[heaviest].steps + 1,
        heaviest,
    )


def _way(descendant: str, above: Mapping[str, str]) -> Way:
    way = [descendant]
    while above[way[-1]] != way[-1]:
        way.append(above[way[-1]])
    return tuple(reversed(way))


def _bounded(exact: Interval) -> Interval:
    return Interval(_rounded(exact.low, math.floor), _rounded(exact.high, math.ceil))


def _rounded(exact: Fraction, outward: Callable[[Fraction], int]) -> Fraction:
    if exact.denominator.bit_length() <= _EXACT:
        return exact
    scale = 1 << (_DIGITS + exact.denominator.bit_length() - exact.numerator.bit_length())
    return Fraction(outward(exact * scale), scale)
