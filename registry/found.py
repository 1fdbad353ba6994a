"""What rules find about licenses, and what somebody accepts of that, as values with one JSON form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from lineage.finding import Finding
from lineage.waivers import Accepted, Decision, Waiver, covering, end, live
from registry.said import Answer


class WaiverOut(Answer):
    """That these operators accept a finding for names in `namespace` until a time (unix seconds); `live`: it had not come when this was read."""

    namespace: str
    until: int
    live: bool
    reason: str
    operators: tuple[str, ...]
    time: int
    entry: str

    @classmethod
    def of(cls, said: Waiver, now: int) -> WaiverOut:
        """Make the answer from the store's value, as it is read at `now`."""
        return cls(
            namespace=said.fact.namespace,
            until=end(said),
            live=live(said, now),
            reason=said.fact.reason,
            operators=said.operators,
            time=said.time,
            entry=said.entry,
        )


class AcceptedOut(Answer):
    """That for names in `namespace` every conflict is accepted, until the first of the waivers ends."""

    namespace: str
    until: int

    @classmethod
    def of(cls, accepted: Accepted) -> AcceptedOut:
        """Make the answer from the core's value."""
        return cls(namespace=accepted.namespace, until=accepted.until)


class FindingOut(Answer):
    """What a rule of the rule-set `rules` found, from which license, and the way that takes to the artifact.

    A conflict that is waived stays one; `waivers` say who accepts it for which names, those that have ended too.
    """

    kind: str
    severity: Literal["high", "medium", "low", "info"]
    decides: Literal["nothing", "needs_review", "unknown", "conflict"]
    sentence: str
    license: str
    origin: str
    via: tuple[str, ...]
    verified: bool
    rules: int
    waivers: tuple[WaiverOut, ...] = ()

    @classmethod
    def of(cls, found: Finding, waivers: Sequence[Waiver] = (), now: int = 0) -> FindingOut:
        """Make the answer from the core's value; of `waivers` about the artifact those that cover it, as they are at `now`."""
        covers = covering(found, waivers) if found.decides == "conflict" else ()
        return cls(
            kind=found.kind,
            severity=found.severity,
            decides=found.decides,
            sentence=found.sentence,
            license=found.license,
            origin=found.origin,
            via=found.via,
            verified=found.verified,
            rules=found.rules,
            waivers=tuple(WaiverOut.of(one, now) for one in covers),
        )


class GateOut(Answer):
    """Whether names are held to what the licenses say; since entry `index`, logged at `time`, unless it never was otherwise."""

    shut: bool
    reason: str | None
    index: int | None
    time: int | None
    as_of: int

    @classmethod
    def of(cls, decided: Decision, size: int) -> GateOut:
        """Make the answer from the store's value, about a log of `size` entries."""
        return cls(
            shut=decided.shut, reason=decided.reason, index=decided.index, time=decided.time, as_of=size
        )
