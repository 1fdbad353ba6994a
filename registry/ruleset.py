"""The rule-set, as values with one JSON form: what is recorded of each license, and by which rules licenses are judged."""

from __future__ import annotations

from typing import Literal

from lineage.finding import KINDS
from lineage.licenses import VERSION, License, discovered
from registry.said import Answer


class KnownOut(Answer):
    """What the rule-set `rules` says of one license, with what was read for it and when."""

    license: str
    aka: tuple[str, ...]
    family: str
    commercial: str
    flow_down: str
    scope: tuple[str, ...]
    obligations: tuple[str, ...]
    restrictions: tuple[str, ...]
    patent_grant: bool
    gated: bool
    verified: bool
    note: str
    sources: tuple[str, ...]
    rules: int

    @classmethod
    def of(cls, facts: License) -> KnownOut:
        """Make the answer from the core's value."""
        return cls(
            license=facts.id,
            aka=facts.aka,
            family=facts.family,
            commercial=facts.commercial,
            flow_down=facts.flow_down,
            scope=facts.scope,
            obligations=tuple(one.said for one in facts.obligations),
            restrictions=tuple(one.said for one in facts.restrictions),
            patent_grant=facts.patent_grant,
            gated=facts.gated,
            verified=facts.verified,
            note=facts.note,
            sources=tuple(
                f"{one.what}: {one.reference}, read {one.read.isoformat()}" for one in facts.sources
            ),
            rules=VERSION,
        )


class RuleOut(Answer):
    """A rule of the rule-set, how grave its findings are, and what they say."""

    kind: str
    severity: Literal["high", "medium", "low", "info"]
    says: str
    rules: int


def rules() -> tuple[RuleOut, ...]:
    """Return every kind of finding that there is."""
    return tuple(
        RuleOut(kind=kind, severity=severity, says=says, rules=VERSION)
        for kind, (severity, says) in KINDS.items()
    )


def known() -> tuple[KnownOut, ...]:
    """Return every license that the rule-set knows."""
    return tuple(map(KnownOut.of, discovered().values()))
