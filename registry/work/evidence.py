"""What the lines of a file of bundles prove together: what was made of what, by whose word, and which incidents reach it.

Lines can be left out of a file without a trace, and what is not said here may still have been said. So nothing in here is
called clean, reproduced or complete: a failed verdict, a retraction or an incident may be what was left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lineage import authority, patterns, predicates, residue
from lineage.around import Edge, Incident
from lineage.assessed import Assessed
from lineage.authority import TrustedRoot
from lineage.facts import (
    Agreed,
    Amended,
    Attribute,
    Built,
    Contained,
    Derived,
    Fact,
    Rebuilt,
    Redacted,
    Registered,
    Reported,
    Restaged,
    Selecting,
)
from lineage.predicates.rebuild import operator
from lineage.residue import Residue, misstated
from lineage.standing import spread
from registry.work import lines
from registry.work.lines import Broken, Held, Line
from signing.errors import Forbidden, Untrusted


@dataclass(frozen=True, slots=True)
class Reached:
    """An incident in the stage that the file shows, and the artifacts that it reaches along the file's edges."""

    incident: Incident
    artifacts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """The statement of entry `entry` was removed by entry `by`, under `order` of these operators; `left` is what it still says."""

    entry: str
    by: int
    order: str
    operators: tuple[str, ...]
    left: Residue

    @property
    def artifacts(self) -> tuple[str, ...]:
        """What it was about, which is unknown since."""
        return residue.artifacts(self.left.facts)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a file proves, judged by version `judge` of the trusted root, as of a log of `size` entries."""

    judge: TrustedRoot
    size: int
    lines: tuple[Line, ...]
    edges: tuple[Edge, ...]
    rebuilds: tuple[Rebuilt, ...]
    incidents: tuple[Reached, ...]
    gone: tuple[Gone, ...]
    unregistered: tuple[str, ...]
    """Artifacts that these edges name and that nothing in the file registers."""

    @property
    def held(self) -> tuple[Held, ...]:
        """The proven lines, in the order of the file."""
        return tuple(line for line in self.lines if isinstance(line, Held))


@dataclass(slots=True)
class _Known:
    """What the file proves of artifacts and incidents, which other lines build on."""

    publishers: dict[str, tuple[str, ...]]
    builds: dict[str, str]
    incidents: set[str]
    verdicts: dict[str, Rebuilt]
    builders: dict[str, tuple[str, ...]]


def read(
    raws: Sequence[bytes], pinned: TrustedRoot, progress: Callable[[int], object] = lambda _: None
) -> Evidence:
    """Return what these lines prove to whoever pinned a trusted root; refuse what holds no bundle at all."""
    judge, judged = lines.read(raws, pinned, progress)
    known, said = _known(_logged(judged)), {line.proof.proven.entry: line for line in _logged(judged)}
    fitted = tuple(_fitted(line, known, said) if isinstance(line, Held) else line for line in judged)
    facts = [(line.proof.proven.entry, fact) for line in _logged(fitted) for fact in line.facts]
    edges = dict.fromkeys(
        Edge(fact.child, fact.parent, fact.relation, fact.part, fact.evidence, entry)
        for entry, fact in facts
        if isinstance(fact, Derived)
    )
    registered = {fact.artifact for _, fact in facts if isinstance(fact, Registered)}
    named = dict.fromkeys(end for edge in edges for end in (edge.child, edge.parent))
    return Evidence(
        judge=judge,
        # A file whose lines lead to several checkpoints speaks as of the first of them.
        size=min((line.proof.proven.size for line in _logged(fitted)), default=0),
        lines=fitted,
        edges=tuple(edges),
        rebuilds=tuple(fact for _, fact in facts if isinstance(fact, Rebuilt)),
        incidents=_incidents([fact for _, fact in facts], tuple(edges), _attributes(_logged(fitted))),
        gone=tuple(
            Gone(
                fact.entry,
                line.proof.proven.index,
                fact.order,
                line.proof.operators,
                Residue.parse(fact.kept.encode()),
            )
            for line in _logged(fitted)
            for fact in line.facts
            if isinstance(fact, Redacted)
        ),
        unregistered=tuple(one for one in named if one not in registered),
    )


def check_about(found: Evidence, artifact: str) -> None:
    """Refuse a file that proves nothing of `artifact`, or something of what it is not made of."""
    own, grown = {artifact}, {artifact}
    while grown:
        grown = {edge.parent for edge in found.edges if edge.child in grown} - own
        own |= grown
    proofs = [line.proof for line in found.held]
    for proof in proofs:
        if proof.artifacts and own.isdisjoint(proof.artifacts):
            about = ", ".join(proof.artifacts)
            raise Untrusted(f"entry {proof.proven.entry} is proven, and about {about}, not about {artifact}")
    removed = any(artifact in one.artifacts for one in found.gone)
    if not removed and not any(artifact in proof.artifacts for proof in proofs):
        raise Untrusted(f"nothing that this file proves is about {artifact}")


def _logged(judged: Iterable[Line]) -> list[Held]:
    """Return the proven lines in the order of the log, whatever order the file has."""
    held = (line for line in judged if isinstance(line, Held))
    return sorted(held, key=lambda line: line.proof.proven.index)


def _known(held: Iterable[Held]) -> _Known:
    found = _Known({}, {}, set(), {}, {})
    for line in held:
        for fact in line.facts:
            match fact:
                case Registered(artifact):
                    # Whoever registered it first speaks for it.
                    found.publishers.setdefault(artifact, line.proof.operators)
                case Built(artifact):
                    found.builds[line.proof.proven.entry] = artifact
                    found.builders[line.proof.proven.entry] = line.proof.operators
                case Rebuilt():
                    found.verdicts[line.proof.proven.entry] = fact
                case Reported(incident):
                    found.incidents.add(incident)
                case _:
                    pass
    return found


def _fitted(line: Held, known: _Known, said: Mapping[str, Held]) -> Line:
    """Hold a line against what the file says besides: who registered its artifact, what was built, reported or removed."""
    facts = line.facts
    owned = authority.owned(line.proof.proven.statement, facts)
    absent = [one for one in owned if one not in known.publishers]
    if absent:
        return replace(line, apart=f"who may say this: the file does not prove who registered {absent[0]}")
    try:
        authority.check_owned(line.proof.proven.statement, owned, line.proof.operators, known.publishers)
    except Forbidden as error:
        return Broken(line.number, str(error))
    for fact in facts:
        rested = _rested(line, fact, known, said)
        if rested is not line:
            return rested
    return line


def _rested(line: Held, fact: Fact, known: _Known, said: Mapping[str, Held]) -> Line:
    """Hold one fact of a line against what it builds on."""
    match fact:
        case Rebuilt(artifact, build) if known.builds.get(build, artifact) != artifact:
            made = known.builds[build]
            return Broken(
                line.number, f"it is a verdict on {artifact} by entry {build}, the provenance of {made}"
            )
        case Rebuilt(build=build) if build not in known.builds:
            return replace(line, apart=f"what was executed again: the provenance, entry {build}")
        case Agreed(artifact, verdicts):
            return _agreed(line, artifact, verdicts, known)
        case Restaged(incident=incident) | Amended(incident=incident) | Assessed(incident=incident) if (
            incident not in known.incidents
        ):
            return replace(line, apart=f"what was reported: incident {incident}")
        case Redacted(entry, _, kept) if entry in said:
            removed = said[entry].proof.proven
            due = predicates.facts(removed.statement, entry)
            false = misstated(Residue.parse(kept.encode()), removed.statement.predicate_type, due)
            why = f"it misstates entry {entry}, which it removes: {false}"
            return line if false is None else Broken(line.number, why)
        case _:
            return line


def _agreed(line: Held, artifact: str, verdicts: Sequence[str], known: _Known) -> Line:
    """Hold a quorum against the verdicts that it rests on: of one provenance, by operators that are independent of it and of each other."""
    missing = next((entry for entry in verdicts if entry not in known.verdicts), None)
    rests = {entry: known.verdicts[entry] for entry in verdicts if entry in known.verdicts}
    voted = [operator(one.verifier) for one in rests.values()]
    for entry, verdict in rests.items():
        by = operator(verdict.verifier)
        why = None
        if verdict.artifact != artifact or not verdict.passed:
            why = f"{'PASSED' if verdict.passed else 'FAILED'} on {verdict.artifact}"
        elif by in line.proof.operators or by in known.builders.get(verdict.build, ()):
            why = f"by {by}, who keeps the log or built it"
        elif voted.count(by) > 1:
            why = f"by {by}, who is counted twice"
        elif len({one.build for one in rests.values()}) > 1:
            why = f"on another provenance than the other, entry {verdict.build}"
        if why is not None:
            return Broken(line.number, f"it is a quorum on {artifact} that rests on entry {entry}, {why}")
    return (
        line
        if missing is None
        else replace(line, apart=f"on what the quorum rests: the verdict, entry {missing}")
    )


def _attributes(held: Iterable[Held]) -> Mapping[tuple[Attribute, str], set[str]]:
    """Return what incidents select by each attribute: of a key by the first leaf of each statement, as the log folds it."""
    found: dict[tuple[Attribute, str], set[str]] = defaultdict(set)
    first: dict[str, Held] = {}
    for line in held:
        first.setdefault(line.proof.proven.entry, line)
    for line in first.values():
        made = {fact.artifact for fact in line.facts if isinstance(fact, Registered | Built)}
        for key in line.proof.proven.keys:
            found["key", key.id] |= made
        for fact in line.facts:
            if isinstance(fact, Contained):
                found["tensor", fact.tensor].add(fact.artifact)
        for name, artifact in patterns.called(line.facts).items():
            for pattern in patterns.patterns(name):
                found["name", pattern].add(artifact)
    return found


def _incidents(
    facts: Iterable[Fact], edges: Collection[Edge], selected: Mapping[tuple[Attribute, str], set[str]]
) -> tuple[Reached, ...]:
    found: dict[str, Incident] = {}
    for fact in facts:
        match fact:
            case Reported(incident, artifacts, what, severity, stage, summary, contact):
                found[incident] = Incident(incident, artifacts, what, severity, stage, summary, contact)
            case Selecting(incident, attribute, value) if incident in found:
                one = found[incident]
                found[incident] = replace(
                    one,
                    artifacts=tuple(sorted({*one.artifacts, *selected.get((attribute, value), ())})),
                    selectors=(*one.selectors, f"{attribute}:{value}"),
                )
            case Amended(incident, severity, summary, contact) if incident in found:
                one = found[incident]
                found[incident] = replace(
                    one,
                    severity=severity or one.severity,
                    summary=summary or one.summary,
                    contact=contact or one.contact,
                )
            case Restaged(incident, stage) if incident in found:
                found[incident] = replace(found[incident], stage=stage)
            case _:
                pass
    return tuple(
        Reached(one, tuple(sorted(spread(one.artifacts, one.what, edges)))) for one in found.values()
    )
