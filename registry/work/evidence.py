"""What the lines of a file of bundles prove together: what was made of what, by whose word, and which incidents reach it.

Lines can be left out of a file without a trace, and what is not said here may still have been said. So nothing in here is
called clean, reproduced or complete: a failed verdict, a retraction or an incident may be what was left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lineage import patterns, residue, sameness
from lineage.around import Edge, Incident, Said
from lineage.authority import TrustedRoot
from lineage.checks import Rebuilt
from lineage.facts import Built, Contained, Derived, Fact, Registered
from lineage.incidents import Amended, Attribute, Disputed, Reported, Restaged, Selecting
from lineage.removals import Redacted
from lineage.residue import Residue
from lineage.standing import spread
from registry.work import disputes, lines
from registry.work.fitting import fitted, knowing
from registry.work.lines import Held, Line
from signing.errors import Untrusted


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


def read(
    raws: Sequence[bytes], pinned: TrustedRoot, progress: Callable[[int], object] = lambda _: None
) -> Evidence:
    """Return what these lines prove to whoever pinned a trusted root; refuse what holds no bundle at all."""
    judge, judged = lines.read(raws, pinned, progress)
    known, said = knowing(_logged(judged)), {line.proof.proven.entry: line for line in _logged(judged)}
    told = tuple(fitted(line, known, said) if isinstance(line, Held) else line for line in judged)
    facts = [(line.proof.proven.entry, fact) for line in _logged(told) for fact in line.facts]
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
        size=min((line.proof.proven.size for line in _logged(told)), default=0),
        lines=told,
        edges=tuple(edges),
        rebuilds=tuple(fact for _, fact in facts if isinstance(fact, Rebuilt)),
        incidents=_incidents(
            [fact for _, fact in facts],
            tuple(edges),
            _attributes(_logged(told)),
            disputes.told(_logged(told)),
        ),
        gone=tuple(
            Gone(
                fact.entry,
                line.proof.proven.index,
                fact.order,
                line.proof.operators,
                Residue.parse(fact.kept.encode()),
            )
            for line in _logged(told)
            for fact in line.facts
            if isinstance(fact, Redacted)
        ),
        unregistered=tuple(one for one in named if one not in registered),
    )


def check_about(found: Evidence, artifact: str) -> None:
    """Refuse a file that proves nothing of `artifact`, or something of what it is not made of.

    What is said of an incident that reaches it belongs to it, and so does who registered what that is disputed for.
    """
    own, grown = {artifact}, {artifact}
    while grown:
        grown = {edge.parent for edge in found.edges if edge.child in grown} - own
        own |= grown
    # What its owner says that a stub is stands beside the stub, and so does an incident on that.
    own |= {edge.child for edge in found.edges if sameness.owned(edge) and edge.parent in own}
    # An incident that reaches it may name others, and owners of others may dispute it.
    reaching = {one.incident.id: one.incident for one in found.incidents if not own.isdisjoint(one.artifacts)}
    disputed = {said.fact.artifact for one in reaching.values() for said in one.disputes}
    proofs = [line.proof for line in found.held]
    for line in found.held:
        proof = line.proof
        beside = any(
            fact.artifact in disputed
            if isinstance(fact, Registered)
            else isinstance(fact, Reported | Disputed) and fact.incident in reaching
            for fact in line.facts
        )
        if proof.artifacts and own.isdisjoint(proof.artifacts) and not beside:
            about = ", ".join(proof.artifacts)
            raise Untrusted(f"entry {proof.proven.entry} is proven, and about {about}, not about {artifact}")
    removed = any(artifact in one.artifacts for one in found.gone)
    if not removed and not any(artifact in proof.artifacts for proof in proofs):
        raise Untrusted(f"nothing that this file proves is about {artifact}")


def _logged(judged: Iterable[Line]) -> list[Held]:
    """Return the proven lines in the order of the log, whatever order the file has."""
    held = (line for line in judged if isinstance(line, Held))
    return sorted(held, key=lambda line: line.proof.proven.index)


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
    facts: Iterable[Fact],
    edges: Collection[Edge],
    selected: Mapping[tuple[Attribute, str], set[str]],
    said: Mapping[str, tuple[Said[Disputed], ...]],
) -> tuple[Reached, ...]:
    found: dict[str, Incident] = {}
    for fact in facts:
        match fact:
            case Reported(incident, artifacts, what, severity, stage, summary, contact):
                named = tuple(sorted({*artifacts, *sameness.named(artifacts, edges)}))
                found[incident] = Incident(incident, named, what, severity, stage, summary, contact)
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
        Reached(
            replace(one, disputes=said.get(one.id, ())),
            tuple(sorted(spread(one.artifacts, one.what, edges))),
        )
        for one in found.values()
    )
