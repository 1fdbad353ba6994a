"""What the result of a recipe may declare, as values with one JSON form, printed by the command line."""

from __future__ import annotations

from collections.abc import Mapping

from lineage.finding import Finding
from lineage.licensing import NOTICE
from lineage.proposal import Candidate, Owed, Proposal
from registry.found import FindingOut
from registry.licensed import Outcome
from registry.said import Answer


class CandidateOut(Answer):
    """A license that could be declared, and what that comes to by the findings that stand beside those of all candidates."""

    license: str
    outcome: Outcome
    findings: tuple[FindingOut, ...]
    doubts: tuple[str, ...]

    @classmethod
    def of(cls, found: Candidate, because: frozenset[Finding]) -> CandidateOut:
        """Make the answer from the core's value."""
        return cls(
            license=found.license,
            outcome=found.outcome,
            findings=tuple(FindingOut.of(one) for one in found.findings if one not in because),
            doubts=found.doubts,
        )


class OwedOut(Answer):
    """A duty that a license above makes, and the way it takes; of several texts one will do."""

    duty: str
    texts: tuple[str, ...]
    license: str
    settled: bool
    origin: str
    via: tuple[str, ...]

    @classmethod
    def of(cls, owed: Owed) -> OwedOut:
        """Make the answer from the core's value."""
        return cls(
            duty=owed.duty,
            texts=owed.texts,
            license=owed.license,
            settled=owed.settled,
            origin=owed.via[0],
            via=owed.via,
        )


class ProposalOut(Answer):
    """What the result of a recipe may declare; `license` is what it declares or what is proposed, None where nothing is.

    `because` are the findings that stand whatever is declared; `notices` what the generated card shows.
    """

    recipe: str
    outcome: Outcome
    notice: str
    license: str | None
    declared: bool
    """Whether the recipe names the license itself."""
    name: str | None
    because: tuple[FindingOut, ...]
    candidates: tuple[CandidateOut, ...]
    prefixes: tuple[OwedOut, ...]
    files: tuple[OwedOut, ...]
    duties: tuple[OwedOut, ...]
    notices: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    rules: int
    as_of: int
    complete: bool

    @classmethod
    def of(
        cls, found: Proposal, recipe: str, names: Mapping[str, tuple[str, ...]], *, declared: bool
    ) -> ProposalOut:
        """Make the answer from the core's value, about the recipe of this digest (hex)."""
        because = frozenset(found.because)
        told = tuple(map(OwedOut.of, found.owed))
        shown = {step for one in told for step in one.via}
        shown |= {step for one in found.candidates for each in one.findings for step in each.via}
        return cls(
            recipe=f"sha256:{recipe}",
            outcome=found.outcome,
            notice=NOTICE,
            license=found.license,
            declared=declared,
            name=found.name,
            because=tuple(map(FindingOut.of, found.because)),
            candidates=tuple(CandidateOut.of(one, because) for one in found.candidates),
            prefixes=tuple(one for one in told if one.duty == "name_prefix"),
            files=tuple(one for one in told if _is_file(one)),
            duties=tuple(one for one in told if one.duty != "name_prefix" and not _is_file(one)),
            notices=found.notices,
            names={one: names[one] for one in sorted(shown & names.keys())},
            rules=found.rules,
            as_of=found.as_of,
            complete=found.complete,
        )


def _is_file(one: OwedOut) -> bool:
    """Tell whether a duty is met by a file that goes along: the license, or a notice whose words are its author's."""
    return one.duty == "copy_of_license" or (one.duty == "notice_text" and not one.texts)
