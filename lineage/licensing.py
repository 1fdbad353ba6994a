"""Licensing: may this artifact be used, and how? Everything that the licenses in its lineage say, as one value.

`judge` takes the slice of lineage around an artifact and gives terms, findings and an outcome, which is `ok` only where every license
above is known, was read, and contradicts nothing. Its words are what publishers declared and what Studbook records of license
texts; it is not legal advice.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from lineage import conflicts, uses, waivers
from lineage.around import Around, Edge, Incident, Node
from lineage.declared import Declared
from lineage.finding import Case, Finding, Outcome, Seen, Use, doubts, outcome
from lineage.licenses import UNKNOWN, VERSION
from lineage.mentions import Contradiction, contradictions
from lineage.standing import ENDED
from lineage.terms import Effective, Way, said_of, slice_terms
from lineage.waivers import Accepted, Waiver
from signing.errors import Malformed, Refused

NOTICE = "Not legal advice: what publishers declared, and what is recorded here of license texts."
RULES: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    conflicts.permissive_over,
    uses.commercial,
    conflicts.no_derivatives,
    conflicts.copyleft_clash,
    conflicts.extra_restrictions,
    conflicts.copyleft_drop,
    conflicts.name_prefix,
    conflicts.display_missing,
    conflicts.improve_other,
    uses.thresholds,
    uses.territory,
    uses.unknown,
    uses.gated,
    uses.changed,
    uses.gone,
)
# Of 10,000 ancestors that declare nothing, each with a way of 1,000 steps, an answer would have a gigabyte.
MOST = 100
_PLACE = re.compile("[A-Z]{2}")
_GRAVITY = ("conflict", "unknown", "needs_review", "nothing")


@dataclass(frozen=True, slots=True)
class Licensing:
    """What the licenses in the lineage of an artifact say, in the log of `as_of` entries, by version `rules` of the rules.

    `doubts` are what keeps terms that contradict nothing from being `ok`; `unasked` the rules that nobody gave the facts for;
    of each kind the nearest findings are told, and `left_out` says how many are not: all of them decide.
    `waivers` are those about the artifact, ended ones too; `accepted` says for which names all conflicts are at `now`.
    """

    artifact: str
    names: tuple[str, ...]
    declared: Declared
    terms: Effective
    outcome: Outcome
    findings: tuple[Finding, ...]
    left_out: int
    doubts: tuple[str, ...]
    unasked: tuple[str, ...]
    use: Use
    contradictions: tuple[Contradiction, ...]
    """Where cards and configs say something else than is signed; they decide nothing."""
    as_of: int
    complete: bool
    waivers: tuple[Waiver, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    now: int = 0
    rules: int = VERSION


def judge(
    around: Around, use: Use | None = None, seen: Seen | None = None, *, now: int | None = None
) -> Licensing:
    """Return what the licenses say of the artifact that `around` is about, for a use, with what was seen outside the log.

    `now`, in unix seconds, is when it is read, by which waivers end; without it none counts.
    """
    case, complete = case_of(around, use, seen)
    found = findings(case)
    told = nearest(found)
    mine = (
        ()
        if now is None
        else waivers.newest(one for one in around.waivers if one.fact.artifact == around.artifact)
    )
    return Licensing(
        artifact=around.artifact,
        names=case.nodes[around.artifact].names,
        declared=case.said[around.artifact],
        terms=case.here,
        outcome=outcome(case.here, found, complete=complete),
        findings=told,
        left_out=len(found) - len(told),
        doubts=doubts(case.here),
        unasked=_unasked(case),
        use=case.use,
        contradictions=contradictions(around),
        as_of=around.size,
        complete=complete,
        waivers=mine,
        accepted=waivers.accepted(found, mine, now or 0),
        now=now or 0,
    )


def case_of(around: Around, use: Use | None = None, seen: Seen | None = None) -> tuple[Case, bool]:
    """Return all that the rules are asked about the artifact of `around`, and whether nothing of its lineage is left out."""
    asked = _checked(use or Use())
    ways = _ways(around.artifact, around.edges)
    edges = tuple(edge for edge in around.edges if edge.child in ways)
    held = {node.id: node for node in around.nodes if node.id in ways}
    if around.artifact not in held:
        raise Refused(f"the slice of lineage around {around.artifact} does not hold it")
    nodes = {one: held.get(one, Node(one, seen=False)) for one in ways}
    case = Case(
        around.artifact,
        nodes,
        edges,
        {one: said_of(node) for one, node in nodes.items()},
        slice_terms(tuple(nodes.values()), edges),
        ways,
        asked,
        seen or Seen(),
        _withdrawn(around.incidents),
    )
    return case, around.complete and held.keys() == ways.keys()


def findings(case: Case) -> list[Finding]:
    """Return what every rule finds in a case, in the order of the rules."""
    return [one for rule in RULES for one in rule(case)]


def nearest(found: list[Finding]) -> tuple[Finding, ...]:
    """Return the gravest and nearest findings, as many of each kind as somebody reads."""
    counts: Counter[str] = Counter()
    kept = []
    for one in sorted(found, key=lambda one: (_GRAVITY.index(one.decides), len(one.via))):
        counts[one.kind] += 1
        if counts[one.kind] <= MOST:
            kept.append(one)
    return tuple(sorted(kept, key=lambda one: _GRAVITY.index(one.decides)))


def _checked(use: Use) -> Use:
    if use.territory is not None and _PLACE.fullmatch(use.territory) is None:
        raise Malformed(
            f"{use.territory!r:.80} is no territory: two letters of ISO 3166-1, such as DE, or EU"
        )
    return use


def _withdrawn(incidents: Iterable[Incident]) -> dict[str, str]:
    """Return what the log itself says is gone: what a withdrawal names that nobody took back, each with the first such incident."""
    found: dict[str, str] = {}
    for one in incidents:
        if one.what == "withdrawn" and one.stage not in ENDED:
            for artifact in one.artifacts:
                found.setdefault(artifact, one.id)
    return found


def _ways(artifact: str, edges: tuple[Edge, ...]) -> dict[str, Way]:
    """Return a shortest way down to `artifact` from every ancestor and from itself."""
    parents: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        parents[edge.child].add(edge.parent)
    ways: dict[str, Way] = {artifact: (artifact,)}
    waiting = deque([artifact])
    while waiting:
        here = waiting.popleft()
        # In order of id, so that everybody is shown the same one of several shortest ways.
        for parent in sorted(one for one in parents[here] if one not in ways):
            ways[parent] = (parent, *ways[here])
            waiting.append(parent)
    return ways


def _unasked(case: Case) -> tuple[str, ...]:
    """Return, a sentence each, the rules that nothing was given to judge by, where a license here has such a term."""
    facts = [one.facts for one in case.here.all if one.license not in UNKNOWN]
    shown = any(one.duties("display", "notice_text", "name_statement") for one in facts)
    why = {
        "LIC-NAME-PREFIX: the artifact has no name": not case.nodes[case.artifact].names
        and any(one.duties("name_prefix") for one in facts),
        "LIC-DISPLAY-MISSING: nobody looked at what its card shows": case.seen.shown is None and shown,
        "LIC-TERRITORY: no territory was given": case.use.territory is None
        and any(one.bars("territory_excluded") for one in facts),
        "LIC-GATED-BYPASS: nobody said whether its terms have to be accepted": case.seen.gated is None
        and any(one.gated for one in facts),
        "LIC-ANCESTOR-GONE: nobody looked upstream": case.seen.gone is None and len(case.ways) > 1,
    }
    return tuple(said for said, holds in why.items() if holds)
