"""Proposal: what something that is not made yet may declare, by the licenses that would reach it. Pure.

Every license that could be declared is judged as if it were, by the rules that judge the artifact once it is there
(`lineage.licensing`): what is proposed here cannot be contradicted there, as long as the log says no more. Could be declared
what reaches it, what one of these says it goes with, and what SPDX lists; a vendor's own license is nobody else's to give.

Where anything above is unknown, nothing is proposed, since no license is known to be wide enough.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from lineage.around import Around, Edge, Node
from lineage.declared import Resolved, declared
from lineage.facts import Evidence, Relation
from lineage.finding import Case, Finding, Outcome, doubts, outcome
from lineage.licenses import FLOW_DOWN, UNKNOWN, VERSION, Duty, discovered
from lineage.licensing import case_of, findings, nearest
from lineage.terms import Effective, Way, own

RESULT = "the result"
"""What findings call an artifact that has no id yet."""
_BEST: tuple[Outcome, ...] = ("ok", "needs_review", "unknown", "conflict")


@dataclass(frozen=True, slots=True)
class Candidate:
    """What it would come to if this were declared, by which findings; `doubts` as in `Licensing`."""

    license: str
    outcome: Outcome
    findings: tuple[Finding, ...]
    doubts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owed:
    """What a license above asks of whoever distributes the result, and the way it takes; of several `texts` one will do."""

    duty: Duty
    texts: tuple[str, ...]
    license: str
    settled: bool
    via: Way


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the result may declare. `outcome` is what `license` comes to, or the best that any candidate does.

    `license` is what the recipe declares, else what is proposed, None where nothing is: `because` says why, by the findings
    that stand whatever is declared. `candidates` come best first, those that contradict something last.
    """

    license: str | None
    outcome: Outcome
    candidates: tuple[Candidate, ...]
    because: tuple[Finding, ...]
    owed: tuple[Owed, ...]
    name: str | None
    as_of: int
    complete: bool
    rules: int = VERSION

    @property
    def notices(self) -> tuple[str, ...]:
        """The words that its card has to show, each once."""
        worded = (one for one in self.owed if one.duty in {"display", "notice_text", "name_statement"})
        return tuple(dict.fromkeys(one.texts[0] for one in worded if one.texts))


def propose(
    above: Around,
    parents: Iterable[tuple[str, Relation]],
    *,
    name: str | None = None,
    declares: str | None = None,
) -> Proposal:
    """Return what may be declared of something made from `parents`, whose ancestors `above` holds.

    `name` is what it will be called, where that is known; `declares` what it will declare, where that is decided.
    """
    made = dict.fromkeys(parents)
    edges = tuple(Edge(RESULT, one, how, "{}", Evidence.SIGNED, "") for one, how in made)
    node = Node(RESULT, seen=True, names=(name,) if name else ())
    around = replace(above, artifact=RESULT, nodes=(node, *above.nodes), edges=(*edges, *above.edges))
    case, complete = case_of(around)
    reaching = sorted({one.license for one in case.here.inherited} - set(UNKNOWN))
    near = tuple(dict.fromkeys([*reaching, *(one for each in reaching for one in discovered()[each].compat)]))
    words = [*near, *(one.id for one in discovered().values() if one.spdx is not None)]
    judged = {
        one: _judged(case, one, complete=complete)
        for one in dict.fromkeys([*([declares] if declares else []), *words])
    }
    alike = _alike(case, [parent for parent, _ in made])
    best = tuple(sorted(judged.values(), key=lambda one: _preference(one, reaching, near, alike)))
    fit = [one.license for one in best if one.license in near and one.outcome in {"ok", "needs_review"}]
    chosen = declares or next(iter(fit), None)
    common = set(best[0].findings).intersection(*(one.findings for one in best))
    return Proposal(
        license=chosen,
        outcome=judged[chosen].outcome if chosen else best[0].outcome,
        candidates=best,
        because=tuple(one for one in best[0].findings if one in common),
        owed=tuple(_owed(case)),
        name=name,
        as_of=above.size,
        complete=complete,
    )


def _judged(case: Case, word: str, *, complete: bool) -> Candidate:
    said = declared(word)
    here = Effective(own(RESULT, said), case.here.inherited)
    supposed = replace(case, said={**case.said, RESULT: said}, terms={**case.terms, RESULT: here})
    found = findings(supposed)
    deciding = nearest([one for one in found if one.decides != "nothing"])
    return Candidate(word, outcome(here, found, complete=complete), deciding, doubts(here))


def _alike(case: Case, parents: list[str]) -> str | None:
    """Return the license that every parent declares, if they all declare one and the same."""
    said = {case.said[one] for one in parents}
    only = said.pop() if len(said) == 1 else None
    return only.licenses[0] if isinstance(only, Resolved) and len(only.licenses) == 1 else None


def _preference(
    one: Candidate, reaching: Collection[str], near: Collection[str], alike: str | None
) -> tuple[int, bool, bool, bool, int, int, str]:
    """Return what candidates are sorted by: of those that are as good, what the parents declare, then what asks most."""
    facts = discovered().get(one.license)
    flow = -1 if facts is None or facts.flow_down == "unknown" else FLOW_DOWN.index(facts.flow_down)
    asks = 0 if facts is None else len(facts.obligations) + len(facts.restrictions)
    return (
        _BEST.index(one.outcome),
        one.license != alike,
        one.license not in reaching,
        one.license not in near,
        -flow,
        -asks,
        one.license,
    )


def _owed(case: Case) -> Iterable[Owed]:
    for borne, way in case.travelling():
        for duty in borne.facts.obligations:
            yield Owed(duty.kind, duty.texts, borne.license, borne.settled, way)
