"""Hold the lines of a file of bundles against each other: what one builds on has to stand in another, and must not be contradicted by it.

A line that contradicts another is refused. One whose ground is not in the file stands apart: nothing follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lineage import ownership, predicates
from lineage.assessed import Assessed
from lineage.checks import Agreed, Rebuilt
from lineage.facts import Built, Fact, Registered
from lineage.incidents import Amended, Disputed, Reported, Restaged
from lineage.predicates.rebuild import operator
from lineage.removals import Redacted
from lineage.residue import Residue, misstated
from registry.work.lines import Broken, Held, Line
from signing.errors import Forbidden


@dataclass(slots=True)
class Known:
    """What the file proves of artifacts and incidents, which other lines build on."""

    publishers: dict[str, tuple[str, ...]]
    builds: dict[str, str]
    incidents: set[str]
    verdicts: dict[str, Rebuilt]
    builders: dict[str, tuple[str, ...]]


def knowing(held: Iterable[Held]) -> Known:
    """Return what these lines, in the order of the log, prove that others build on."""
    found = Known({}, {}, set(), {}, {})
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


def fitted(line: Held, known: Known, said: Mapping[str, Held]) -> Line:
    """Hold a line against what the file says besides: who registered its artifact, what was built, reported or removed."""
    facts = line.facts
    owned = ownership.owned(line.proof.proven.statement, facts)
    absent = [one for one in owned if one not in known.publishers]
    if absent:
        return replace(line, apart=f"who may say this: the file does not prove who registered {absent[0]}")
    try:
        ownership.check(line.proof.proven.statement, owned, line.proof.operators, known.publishers)
    except Forbidden as error:
        return Broken(line.number, str(error))
    for fact in facts:
        rested = _rested(line, fact, known, said)
        if rested is not line:
            return rested
    return line


def _rested(line: Held, fact: Fact, known: Known, said: Mapping[str, Held]) -> Line:
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
        case (
            Restaged(incident=incident)
            | Amended(incident=incident)
            | Assessed(incident=incident)
            | Disputed(incident=incident)
        ) if incident not in known.incidents:
            return replace(line, apart=f"what was reported: incident {incident}")
        case Redacted(entry, _, kept) if entry in said:
            removed = said[entry].proof.proven
            due = predicates.facts(removed.statement, entry)
            false = misstated(Residue.parse(kept.encode()), removed.statement.predicate_type, due)
            why = f"it misstates entry {entry}, which it removes: {false}"
            return line if false is None else Broken(line.number, why)
        case _:
            return line


def _agreed(line: Held, artifact: str, verdicts: Sequence[str], known: Known) -> Line:
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
