"""Parentage: do the weights bear out what an artifact is said to be made from, and is anything in them that nobody declared?

Everything here works on sketches (`merger.sketch`). Nothing is proven by it: an artifact is *consistent* with a parent, or *contradicts*
it, or the weights do not tell. Thresholds were fixed on one half of real fine-tunes and measured on the other
(docs/weight-evidence.md). What is the same up to an order of neurons, or a rotation, looks like something else altogether, so being
unlike a parent contradicts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from merger.explained import Change, Explained, explained, remainder
from merger.sketch import Sketch, Values
from merger.within import within

Outcome = Literal["consistent", "contradicted", "undecided"]
Statistic = Literal["alone", "exact", "coefficient", "likeness", "within", "cast", "noise"]

# Least squares: the share of what the others leave that a parent takes away.
ALONE = 0.6
# Exact matches: the share of the elements that moved which sums with this parent match.
EXACT = 0.01
# The parents are told apart from what nobody declared where the others explain so much without one.
WHOLE = 0.99
# What is no part of an explanation that is whole.
NO_PART = 0.001
# A fine-tune goes on from its parent: the way from the base to the parent is in it once, about, or is not in it.
ON_THE_WAY, OFF_THE_WAY = 0.75, 0.25
# Under coarse rounding: the share of the elements outside of it that a parent brings within, of which the rest may be this much at most.
BROUGHT, OUTSIDE = 0.8, 0.04
# What the others leave outside has to be more than constants that are not known exactly leave there, and more elements than
# somebody who has no part in it brings within by chance.
SOME, ENOUGH = 0.005, 20
# How alike two sets of weights are that come from one training.
LIKE = 0.9
# How many candidates are looked at closely, under coarse rounding, too, and how many parents one artifact is suspected to have.
TRIED, CLOSELY, MOST = 32, 6, 8
# Rounding may change a value this many times half a unit in the last place before a merge has written it.
_ROUNDINGS = 3.0
# Candidates that explain a change as well as the best one, or nearly.
_AS_WELL = 0.02


@dataclass(frozen=True, slots=True)
class Finding:
    """What the weights say of one declared parent: by which statistic, its value and the threshold that decided."""

    parent: str
    outcome: Outcome
    statistic: Statistic
    value: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """An artifact that nobody declared a parent and that explains what the declared ones do not: to be looked at by somebody.

    `copied` if it explains the change by itself, without another parent: then the artifact is it, published once more.
    """

    parent: str
    statistic: Statistic
    value: float
    threshold: float
    copied: bool
    instead: tuple[str, ...]
    """Others that would explain it as well."""


# Of two infinities there is no difference; what is not finite is left out after it.
@np.errstate(invalid="ignore")
def change(child: Sketch, origin: Values) -> Change:
    """Return what an artifact is, less its origin; what is not finite in either counts as unchanged."""
    finite = np.isfinite(child.values) & np.isfinite(origin)
    return Change(
        np.where(finite, child.values - origin, 0.0),
        np.where(finite, _ROUNDINGS * child.rounding, 0.0),
        child.places,
        None if child.half is None else np.where(finite, child.half, 0.0),
    )


@np.errstate(invalid="ignore")
def task(model: Values, origin: Values) -> Values:
    """Return a model's task vector; what is not finite in either counts as none."""
    finite = np.isfinite(model) & np.isfinite(origin)
    return np.where(finite, model - origin, 0.0)


def merged(made: Change, parents: Mapping[str, Values]) -> tuple[Explained, tuple[Finding, ...]]:
    """Return what the task vectors of a merge's declared parents explain of it, and what that says of each of them."""
    tasks = _columns(made, parents)
    found = explained(made, tasks)
    findings = []
    for place, (parent, own) in enumerate(parents.items()):
        share = found.shares[place]
        if share.exact >= EXACT and share.exact / EXACT >= share.alone / ALONE:
            findings.append(Finding(parent, "consistent", "exact", share.exact, EXACT))
        elif share.alone >= ALONE:
            findings.append(Finding(parent, "consistent", "alone", share.alone, ALONE))
        elif _without(made, np.delete(tasks, place, axis=1), own, share.exact):
            findings.append(Finding(parent, "contradicted", "exact", share.exact, NO_PART))
        elif (brought := _brought(made, np.delete(tasks, place, axis=1), tasks)) >= BROUGHT:
            findings.append(Finding(parent, "consistent", "within", brought, BROUGHT))
        else:
            findings.append(Finding(parent, "undecided", "alone", share.alone, ALONE))
    return found, tuple(findings)


def continued(parent: str, made: Change, own: Values) -> Finding:
    """Return whether a fine-tune went on from its parent, whose task vector from their common origin is `own`."""
    size = float(own @ own)
    way = float(made.values @ own) / size if size else 0.0
    if size and way <= OFF_THE_WAY:
        return Finding(parent, "contradicted", "coefficient", way, OFF_THE_WAY)
    # Much more than once is what longer training beside the parent looks like.
    once = bool(size) and ON_THE_WAY <= way <= 2 - ON_THE_WAY
    return Finding(parent, "consistent" if once else "undecided", "coefficient", way, ON_THE_WAY)


def alike(parent: str, child: Sketch, other: Values) -> Finding:
    """Return whether two sets of weights come from one training; being unlike contradicts nothing."""
    value = likeness(child, other)
    return Finding(parent, "consistent" if value >= LIKE else "undecided", "likeness", value, LIKE)


def likeness(child: Sketch, other: Values) -> float:
    """Return the correlation of two sets of weights, in the median over their tensors of more than one dimension, or over all."""
    wide = [place for place, one in enumerate(child.tensors) if len(one.shape) > 1]
    found = []
    for place in wide or range(len(child.tensors)):
        here = child.places == place
        one, two = child.values[here], other[here]
        finite = np.isfinite(one) & np.isfinite(two)
        one, two = (
            each[finite] - each[finite].mean() if finite.any() else each[finite] for each in (one, two)
        )
        size = float(np.sqrt((one @ one) * (two @ two)))
        found.append(float(one @ two) / size if size else 0.0)
    return float(np.median(found))


def undeclared(
    made: Change, declared: Mapping[str, Values], candidates: Mapping[str, Values]
) -> tuple[Suspect, ...]:
    """Return which of `candidates` explain what the declared parents do not, the one that explains most first; all by task vector.

    A sibling of a hidden parent resembles it, and does not explain what it put in: nobody is named for resembling.
    """
    tasks = _columns(made, declared)
    now = explained(made, tasks)
    left, found = dict(candidates), list[Suspect]()
    while left and len(found) < MOST and now.exactly < WHOLE:
        tried = {}
        for name in _ranked(made, tasks, left):
            after = explained(made, np.column_stack([tasks, left[name]]))
            if _shows(now, after):
                tried[name] = after
        if not tried:
            break
        best = max(tried, key=lambda name: (tried[name].exactly + tried[name].r2, name))
        after = tried[best]
        share, whole = after.shares[-1], after.exactly + after.r2
        exactly = after.exactly - now.exactly >= EXACT
        found.append(
            Suspect(
                parent=best,
                statistic="exact" if exactly else "alone",
                value=after.exactly - now.exactly if exactly else share.alone,
                threshold=EXACT if exactly else ALONE,
                copied=not tasks.shape[1] and max(after.r2, after.exactly) >= ALONE,
                instead=tuple(
                    sorted(
                        n for n, one in tried.items() if n != best and one.exactly + one.r2 > whole - _AS_WELL
                    )
                ),
            )
        )
        tasks, now = np.column_stack([tasks, left.pop(best)]), after
        for name in found[-1].instead:
            del left[name]
    return tuple(found) or _coarsely(made, tasks, left)


def _coarsely(made: Change, tasks: Values, candidates: Mapping[str, Values]) -> tuple[Suspect, ...]:
    """Return the candidate that brings most of what the tasks leave outside a coarse rounding within it."""
    if made.half is None:
        return ()
    tried = {}
    for name in _ranked(made, tasks, candidates)[:CLOSELY]:
        brought = _brought(made, tasks, np.column_stack([tasks, candidates[name]]))
        if brought >= BROUGHT:
            tried[name] = brought
    if not tried:
        return ()
    best = max(tried, key=lambda name: (tried[name], name))
    instead = tuple(sorted(name for name in tried if name != best))
    return (Suspect(best, "within", tried[best], BROUGHT, copied=not tasks.shape[1], instead=instead),)


def _brought(made: Change, without: Values, tasks: Values) -> float:
    """Return the share of what some tasks leave outside a coarse rounding that more of them bring within; 0 if much is left, or little was.

    Shares count from `SOME`, and of a small sketch from `ENOUGH` elements.
    """
    if made.half is None:
        return 0.0
    before, after = within(made, without), within(made, tasks)
    left = 1 - before
    if left < SOME or left * len(made.values) < ENOUGH or 1 - after > OUTSIDE:
        return 0.0
    return max(after - before, 0.0) / left


def _shows(before: Explained, after: Explained) -> bool:
    share = after.shares[-1]
    return share.alone >= ALONE or (share.exact >= EXACT and after.exactly - before.exactly >= EXACT)


def _without(made: Change, others: Values, own: Values, exact: float) -> bool:
    """Tell whether the others explain everything without a parent that differs from all of them."""
    if exact >= NO_PART or not others.shape[1]:
        return False
    rest = remainder(Change(own, made.tolerance, made.places), others)
    apart = float(rest @ rest) > (1 - WHOLE) * float(own @ own)
    return apart and explained(made, others).exactly >= WHOLE


def _ranked(made: Change, tasks: Values, candidates: Mapping[str, Values]) -> list[str]:
    """Return the candidates that go best with what the tasks leave of a change, the best first."""
    kept, _ = np.linalg.qr(tasks)
    rest = made.values - kept @ (kept.T @ made.values)
    scores = {}
    for name, own in candidates.items():
        apart = own - kept @ (kept.T @ own)
        size = float(np.sqrt(apart @ apart))
        scores[name] = abs(float(rest @ apart)) / size if size else 0.0
    return sorted(scores, key=lambda name: (-scores[name], name))[:TRIED]


def _columns(made: Change, parents: Mapping[str, Values]) -> Values:
    return np.column_stack([np.empty((len(made.values), 0)), *parents.values()])
