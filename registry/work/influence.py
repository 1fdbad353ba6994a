"""How much of a source is in what descends from it, by the weights that are signed and by what merges counted of their parents."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction

from sqlalchemy import Connection

from lineage.around import Edge
from lineage.influence import ALL, Interval, Shares, agreed, by_recipe, by_word, influences, placed
from registry.home import Home
from registry.store import Absent, lineage, made
from registry.triage import BoundsOut, InfluencedOut, InfluenceOut, UncountedOut
from registry.work.logged import Provenance, claimed
from registry.work.shares import Counted, counted
from signing.errors import Refused


def influence(home: Home, source: str, most: int | None = None) -> InfluenceOut:
    """Rank the descendants of `source` by its influence on them; beyond `most` artifacts the list is cut, and says so."""
    with home.store.reading() as connection:
        below = lineage.below(connection, source, most)
        names = {node.id: node.names for node in below.nodes}
        found, analytic = weighed(connection, [one for one in names if one != source])
    measured, uncounted = dict[str, Shares](), list[UncountedOut]()
    for child, provenances in found.items():
        for one in list(provenances.values())[-1:]:
            try:
                # What a statement besides says of other parents is no less true.
                measured[child] = {**analytic[child], **_measured(home, one)}
            except Refused as error:
                uncounted.append(UncountedOut(artifact=child, why=str(error)))
    by_weight = influences(source, analytic, complete=below.complete)
    by_count = influences(source, analytic | measured, complete=below.complete)
    touched = _touched(measured, analytic)
    ranked = sorted(by_weight, key=lambda one: (_rank(by_weight[one], by_count[one]), one))
    return InfluenceOut(
        artifact=source,
        names=names[source],
        descendants=tuple(
            InfluencedOut(
                artifact=one,
                names=names[one],
                analytic=BoundsOut.of(by_weight[one]),
                measured=BoundsOut.of(by_count[one]) if one in touched else None,
            )
            for one in ranked
        ),
        uncounted=tuple(uncounted),
        as_of=below.size,
        complete=below.complete,
    )


def weighed(
    connection: Connection, children: Collection[str]
) -> tuple[dict[str, dict[str, Provenance]], dict[str, Shares]]:
    """Return the readable provenances of each of `children`, and the shares of its parents by the weights that are signed."""
    said, executed = made.edges(connection, children), made.executions(connection, children)
    found = {child: _provenances(executed[child]) for child in children}
    return found, {child: _analytic(said[child], found[child]) for child in children}


def _rank(by_weight: Interval, by_count: Interval) -> tuple[Fraction, Fraction]:
    # Whatever could be large is looked at before what is known to be small.
    return -max(by_weight.high, by_count.high), -max(by_weight.low, by_count.low)


def _provenances(executed: Sequence[made.Execution]) -> dict[str, Provenance]:
    """Return the provenances that can be read, by their entry ids, oldest first."""
    return {
        one.entry: Provenance.of(one.artifact, one.entry, one.statement)
        for one in executed
        if one.statement is not None
    }


def _analytic(said: Mapping[str, Sequence[Edge]], provenances: Mapping[str, Provenance]) -> Shares:
    return agreed(
        by_recipe(provenances[entry].recipe, by_rows=provenances[entry].by_rows)
        if entry in provenances
        else by_word(edges)
        for entry, edges in said.items()
    )


def _measured(home: Home, found: Provenance) -> Shares:
    """Return the shares of a merge by its account: each parent's part of the energy, in the mean over all elements."""
    claim = claimed(home, found)
    tensors, _, _ = counted(found.artifact, claim)
    every = sum(tensor.elements for tensor in claim.manifest.tensors)
    known = [one for one in tensors if one.of and all(map(_finite, one.of.values()))]
    if not known:
        raise Absent(
            f"{found.recipe.method} has no energy of its parents in {found.artifact}, so nothing is measured"
        )
    rest = Fraction(every - sum(one.elements for one in known), every)
    shares = []
    for place in range(len(found.recipe.parents)):
        own = sum((one.elements * _energy(one, place) for one in known), Fraction(0)) / every
        # Of what was copied or not counted this parent gave all or nothing.
        shares.append(Interval(own, min(own + rest, ALL.high)))
    return placed(found.recipe, shares, by_rows=found.by_rows)


def _energy(one: Counted, place: int) -> Fraction:
    """Return a parent's part of a tensor's energy; where nobody put anything in, nobody has a part."""
    energies = {position: Fraction(of["energy"]) for position, of in one.of.items()}
    whole = sum(energies.values())
    return energies.get(place, Fraction(0)) / whole if whole else Fraction(0)


def _finite(of: Mapping[str, float]) -> bool:
    return math.isfinite(of.get("energy", math.inf))


def _touched(counted: Iterable[str], shares: Mapping[str, Shares]) -> set[str]:
    """Return the artifacts that `counted` ones lead down to, themselves included."""
    children: dict[str, list[str]] = defaultdict(list)
    for child, parents in shares.items():
        for parent in parents:
            children[parent].append(child)
    found, waiting = set[str](), list(counted)
    while waiting:
        here = waiting.pop()
        if here not in found:
            found.add(here)
            waiting += children[here]
    return found
