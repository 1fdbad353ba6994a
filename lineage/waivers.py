"""Waivers: which conflicts that licenses come to somebody has accepted, until when, and for which names. Pure.

A waiver changes no outcome: a conflict stays one, and is told as accepted by whoever accepts it. It covers one finding, by rule,
license and origin, so that another license that an ancestor declares later is nobody's accepted risk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lineage.around import Said
from lineage.facts import Waived
from lineage.finding import Finding
from lineage.predicates.waiver import LONGEST

Waiver = Said[Waived]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the license gate is shut, since which entry, logged when (unix seconds), and why; a log begins with it shut."""

    shut: bool
    reason: str | None = None
    index: int | None = None
    time: int | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """For names in `namespace` every conflict is accepted, the first of these waivers ending at `until` (unix seconds)."""

    namespace: str
    until: int


def newest(waivers: Iterable[Waiver]) -> tuple[Waiver, ...]:
    """Return the waivers that count, of those in the order of the log: of a namespace the newest about each thing."""
    found = {
        (one.fact.artifact, one.fact.namespace, one.fact.rule, one.fact.license, one.fact.origin): one
        for one in waivers
    }
    return tuple(found.values())


def covering(finding: Finding, waivers: Iterable[Waiver]) -> tuple[Waiver, ...]:
    """Return which of `waivers` about the same artifact cover a finding, whether or not they have ended."""
    about = (finding.kind, finding.license, finding.origin)
    return tuple(one for one in waivers if (one.fact.rule, one.fact.license, one.fact.origin) == about)


def end(waiver: Waiver) -> int:
    """Return when a waiver ends, in unix seconds: as it says, and two years after it was logged at the latest."""
    # When it was issued is its signer's own word, which could lie far ahead.
    return min(waiver.fact.expires, waiver.time + LONGEST)


def live(waiver: Waiver, now: int) -> bool:
    """Tell whether a waiver holds at `now`, in unix seconds: until the second at which it ends."""
    return now < end(waiver)


def unwaived(
    findings: Iterable[Finding], waivers: Sequence[Waiver], namespace: str, now: int
) -> tuple[Finding, ...]:
    """Return the conflicts that nobody accepts at `now` for names in `namespace`."""
    holding = [one for one in waivers if one.fact.namespace == namespace and live(one, now)]
    return tuple(one for one in findings if one.decides == "conflict" and not covering(one, holding))


def accepted(findings: Sequence[Finding], waivers: Sequence[Waiver], now: int) -> tuple[Accepted, ...]:
    """Return the namespaces for whose names every conflict is accepted at `now`; none where there is no conflict."""
    conflicts = [one for one in findings if one.decides == "conflict"]
    found = []
    for namespace in sorted({one.fact.namespace for one in waivers}) if conflicts else ():
        if unwaived(conflicts, waivers, namespace, now):
            continue
        mine = [one for one in waivers if one.fact.namespace == namespace and live(one, now)]
        ends = [end(one) for finding in conflicts for one in covering(finding, mine)]
        found.append(Accepted(namespace, min(ends)))
    return tuple(found)
