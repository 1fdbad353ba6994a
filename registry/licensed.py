"""What the licenses of a lineage say, as values with one JSON form: terms with their origins, findings, and an outcome.

Like the rest of `answers`, made from the store, sent by the HTTP routes, read back by a client, printed by the command line.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from lineage.declared import Ambiguous, Declared, Resolved, Unresolved
from lineage.finding import Seen, Use
from lineage.licensing import NOTICE, Licensing
from lineage.schema import STUB
from lineage.terms import Borne, Effective, Way, ways
from merger.recipe import sentence
from registry.found import AcceptedOut, FindingOut
from registry.said import Answer, ContradictionOut
from signing.errors import Malformed

Outcome = Literal["ok", "needs_review", "unknown", "conflict"]


class UseOut(Answer):
    """What was asked about; None is not. `gated`: whether it is given only to who accepts its terms; `gone`: what is upstream no more."""

    commercial: bool = False
    territory: str | None = Field(None, pattern="^[A-Z]{2}$")
    monthly_users: int | None = Field(None, ge=0, lt=10**15)
    revenue: int | None = Field(None, ge=0, lt=10**15)
    distributing: bool = True
    gated: bool | None = None
    gone: tuple[Annotated[str, Field(pattern=f"^(sha256:[0-9a-f]{{64}}|{STUB})$")], ...] | None = None

    @classmethod
    def of(cls, **asked: object) -> UseOut:
        """Return a use, or say in a sentence what is wrong with it."""
        try:
            return cls.model_validate(asked)
        except ValidationError as error:
            raise Malformed(sentence("the use that is asked about", error)) from None

    def use(self) -> Use:
        """Return the use as the core takes it."""
        return Use(self.commercial, self.territory, self.monthly_users, self.revenue, self.distributing)

    def seen(self, card: str | None) -> Seen:
        """Return what was seen outside the log, the text of its card too, as the core takes it."""
        return Seen(shown=card, gated=self.gated, gone=None if self.gone is None else frozenset(self.gone))

    def check_gone(self, artifact: str, known: Collection[str]) -> None:
        """Refuse what is said to be gone and is no ancestor of `artifact`, which is among `known` with all of those."""
        for one in self.gone or ():
            if one == artifact or one not in known:
                raise Malformed(
                    f"{one} is nothing that {artifact} is made of, so it is no ancestor that is gone"
                )

    def query(self) -> dict[str, str]:
        """Return what was asked as the words of a query, each that says nothing left out."""
        asked = self.model_dump(exclude_defaults=True)
        gone = asked.pop("gone", None)
        said = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in asked.items()
        }
        return said | ({} if gone is None else {"gone": ",".join(gone)})


class InheritedOut(Answer):
    """A license that reaches an artifact from above, and a way: from the artifact that declares it down to this one."""

    license: str
    settled: bool
    via: tuple[str, ...]


class TermOut(Answer):
    """A license that holds for an artifact with what it asks, and where it comes from; not `settled` where that is open."""

    license: str
    inherited: bool
    settled: bool
    verified: bool
    via: tuple[str, ...]
    commercial: str
    flow_down: str
    gated: bool
    obligations: tuple[str, ...]
    restrictions: tuple[str, ...]

    @classmethod
    def of(cls, borne: Borne, via: Way, *, inherited: bool) -> TermOut:
        """Make the answer from the core's value."""
        facts = borne.facts
        return cls(
            license=borne.license,
            inherited=inherited,
            settled=borne.settled,
            verified=facts.verified,
            via=via,
            commercial=facts.commercial,
            flow_down=facts.flow_down,
            gated=facts.gated,
            obligations=tuple(one.said for one in facts.obligations),
            restrictions=tuple(one.said for one in facts.restrictions),
        )


class DeclaredOut(Answer):
    """Which licenses an artifact's own declaration means, and why that is open where it is."""

    state: Literal["resolved", "ambiguous", "unresolved"]
    licenses: tuple[str, ...]
    why: str = ""

    @classmethod
    def of(cls, said: Declared) -> DeclaredOut:
        """Make the answer from the core's value."""
        match said:
            case Resolved(licenses=licenses):
                return cls(state="resolved", licenses=licenses)
            case Ambiguous(licenses=licenses, why=why):
                return cls(state="ambiguous", licenses=licenses, why=why)
            case Unresolved(why=why):
                return cls(state="unresolved", licenses=said.licenses, why=why)


class LicenseOut(Answer):
    """Whether an artifact may be used so, by what its lineage declares. `at_least`: more may hold than is known here."""

    artifact: str
    names: dict[str, tuple[str, ...]]
    outcome: Outcome
    notice: str
    asked: UseOut
    declared: DeclaredOut
    commercial: Literal["no", "unknown", "conditional", "yes"]
    flow_down: str
    monthly_users: int | None
    revenue: int | None
    at_least: bool
    terms: tuple[TermOut, ...]
    findings: tuple[FindingOut, ...]
    left_out: int
    """Findings of kinds of which there are too many to tell; they decide like those that are told."""
    accepted: tuple[AcceptedOut, ...] = ()
    """For whose names every conflict is accepted; the outcome stays what it is."""
    doubts: tuple[str, ...]
    unasked: tuple[str, ...]
    contradictions: tuple[ContradictionOut, ...]
    """Where cards and configs say something else than is signed; they decide nothing."""
    rules: int
    as_of: int
    complete: bool

    @classmethod
    def of(cls, found: Licensing, asked: UseOut, names: Mapping[str, tuple[str, ...]]) -> LicenseOut:
        """Make the answer from the core's value, with the names of the artifacts that it may mention."""
        terms = found.terms
        mine = (TermOut.of(one, via, inherited=False) for one, via in ways(terms.own).items())
        above = (TermOut.of(one, via, inherited=True) for one, via in ways(terms.inherited).items())
        told = (*mine, *above)
        findings = tuple(FindingOut.of(one, found.waivers, found.now) for one in found.findings)
        vias = (*(one.via for one in told), *(one.via for one in findings))
        shown = {found.artifact}.union(*vias)
        return cls(
            artifact=found.artifact,
            names={one: names.get(one, ()) for one in sorted(shown)},
            outcome=found.outcome,
            notice=NOTICE,
            asked=asked,
            declared=DeclaredOut.of(found.declared),
            commercial=terms.commercial,
            flow_down=terms.flow_down,
            monthly_users=terms.threshold("mau"),
            revenue=terms.threshold("revenue"),
            at_least=not (terms.complete and found.complete),
            terms=told,
            findings=findings,
            left_out=found.left_out,
            accepted=tuple(map(AcceptedOut.of, found.accepted)),
            doubts=found.doubts,
            unasked=found.unasked,
            contradictions=tuple(map(ContradictionOut.of, found.contradictions)),
            rules=found.rules,
            as_of=found.as_of,
            complete=found.complete,
        )


class JudgedOut(Answer):
    """What the licenses say of one artifact among many, in the log of `as_of` entries: an outcome and what it rests on."""

    artifact: str
    names: dict[str, tuple[str, ...]]
    outcome: Outcome
    findings: tuple[FindingOut, ...]
    left_out: int
    """Findings of kinds of which there are too many to tell; they decide like those that are told."""
    accepted: tuple[AcceptedOut, ...] = ()
    """For whose names every conflict is accepted; the outcome stays what it is."""
    doubts: tuple[str, ...]
    rules: int
    as_of: int
    complete: bool

    @classmethod
    def of(cls, found: Licensing, names: Mapping[str, tuple[str, ...]]) -> JudgedOut:
        """Make the answer from the core's value, with the names of the artifacts that it may mention."""
        findings = tuple(FindingOut.of(one, found.waivers, found.now) for one in found.findings)
        shown = {found.artifact}.union(*(one.via for one in findings))
        return cls(
            artifact=found.artifact,
            names={one: names.get(one, ()) for one in sorted(shown)},
            outcome=found.outcome,
            findings=findings,
            left_out=found.left_out,
            accepted=tuple(map(AcceptedOut.of, found.accepted)),
            doubts=found.doubts,
            rules=found.rules,
            as_of=found.as_of,
            complete=found.complete,
        )


class JudgedPage(Answer):
    """Some artifacts in the order of their ids; `next` is what the next page comes `after`, None if this is the last."""

    artifacts: tuple[JudgedOut, ...]
    next: str | None
    as_of: int


def inherited(terms: Effective) -> tuple[InheritedOut, ...]:
    """Return the licenses that reach an artifact from above, in the order of their ids."""
    return tuple(
        InheritedOut(license=one.license, settled=one.settled, via=via)
        for one, via in ways(terms.inherited).items()
    )
