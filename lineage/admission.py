"""Admission: does a statement fit what the log holds? A decision over facts and answers, with no database in it.

`questions` says what must be known about a statement's facts; `admit` decides, given the answers. Both concern one
statement at a time, asked inside the write transaction, so that the statements before it in a batch are answered for.
A statement that comes again under another key fits whenever it fitted the first time, unless what it rests on was taken back: a
quorum that has fallen, a name that was voided and that another looks like by now, or a correction that `fixed` names; or unless it is
about an incident that was revealed or ended since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lineage import stages
from lineage.assessed import Assessed
from lineage.checks import Agreed, Compared, Rebuilt
from lineage.facts import Claimed, Corrected, Derived, Fact, Gated, Named, Registered, Rooted, is_stub
from lineage.incidents import Amended, Disputed, Embargoed, Reported, Restaged, Selecting, Stage
from lineage.removals import Redacted, Removed, Unbound
from lineage.skeleton import skeleton
from signing.errors import Forbidden, Refused

_ABOUT_INCIDENTS = (Restaged, Amended, Assessed, Disputed, Embargoed)


@dataclass(frozen=True, slots=True)
class Questions:
    """What must be known to admit a statement."""

    artifacts: frozenset[str]
    """Which of these are registered?"""
    children: frozenset[str]
    """From which of these does a path of edges of any relation lead down to which of `parents`?"""
    parents: frozenset[str]
    incidents: frozenset[str]
    """In which stages are these?"""
    builds: frozenset[str]
    """Which artifacts did the provenances with these entry ids build?"""
    quorums: frozenset[str]
    """On which verdicts (entry ids) do quorums on these artifacts rest (`rebuilds.quorums`)?"""
    names: frozenset[str]
    """Which names have these skeletons, and which operators may bind those that no signer of the statement may?"""
    disputes: frozenset[tuple[str, str]]
    """For which of these does the incident flag the artifact, or may it, for all that an order left?"""
    corrections: frozenset[tuple[str, str]]
    """For which of these does the second supersede the first, directly or by way of others?"""


@dataclass(frozen=True, slots=True)
class Known:
    """The answers to `Questions`; what is missing from an answer is not there."""

    artifacts: Collection[str] = frozenset()
    paths: Collection[tuple[str, str]] = frozenset()
    incidents: Mapping[str, Stage] = field(default_factory=dict)
    builds: Mapping[str, str] = field(default_factory=dict)
    quorums: Mapping[str, Collection[tuple[str, ...]]] = field(default_factory=dict)
    names: Mapping[str, Collection[str]] = field(default_factory=dict)
    owners: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Those of `names` that no key which signed the statement may bind, each with the operators that may."""
    disputes: Collection[tuple[str, str]] = frozenset()
    corrections: Collection[tuple[str, str]] = frozenset()


def questions(facts: Sequence[Fact]) -> Questions:
    """Return what must be known to admit a statement with these facts."""
    edges = [one for one in facts if isinstance(one, Derived)]
    return Questions(
        artifacts=frozenset(artifact for fact in facts for artifact in _about(fact))
        | frozenset(one.parent for one in edges if not is_stub(one.parent)),
        children=frozenset(one.child for one in edges),
        parents=frozenset(one.parent for one in edges),
        incidents=frozenset(one.incident for one in facts if isinstance(one, _ABOUT_INCIDENTS)),
        builds=frozenset(one.build for one in facts if isinstance(one, Rebuilt)),
        quorums=frozenset(one.artifact for one in facts if isinstance(one, Agreed)),
        names=frozenset(skeleton(one.name) for one in facts if isinstance(one, Named)),
        disputes=frozenset((one.incident, one.artifact) for one in facts if isinstance(one, Disputed)),
        corrections=frozenset(pair for fact in facts for pair in _succession(fact)),
    )


def admit(facts: Sequence[Fact], known: Known) -> None:
    """Refuse a statement that does not fit what the log holds, with the values that show it."""
    for fact in facts:
        for artifact in _about(fact):
            if artifact not in known.artifacts:
                raise Refused(f"{artifact} is not registered here, and a {fact.kind!r} fact is about it")
        match fact:
            case Derived():
                _admit_edge(fact, known)
            case Rebuilt(artifact, build) if known.builds.get(build) != artifact:
                raise Refused(
                    f"entry {build} is no provenance of {artifact}, so nothing rebuilt it from that"
                )
            case Agreed():
                _admit_quorum(fact, known)
            case Named(name):
                _admit_name(name, known)
            case Corrected():
                _admit_correction(fact, known)
            case Restaged() | Amended() | Assessed() | Disputed() | Embargoed():
                _admit_of_incident(fact, known)
            case _:
                pass
    _admit_together([fact for fact in facts if isinstance(fact, Derived)], known.paths)


def _about(fact: Fact) -> tuple[str, ...]:  # noqa: PLR0911 - one return a kind
    """Return the artifacts that must be registered before something is said about them."""
    match fact:
        case (
            Registered()
            | Claimed()
            | Restaged()
            | Amended()
            | Gated()
            | Embargoed()
            | Rooted()
            | Removed()
            | Unbound()
            | Redacted()
        ):
            return ()
        case Selecting():
            # A stolen key may have registered nothing yet, or what it registered is no longer counted.
            return ()
        case Derived(child):
            # Nobody registers a stub: what is claimed of one may be said before anything else is.
            return () if is_stub(child) else (child,)
        case Reported(artifacts=artifacts):
            # What is bad upstream may be said before anything here is made of it.
            return tuple(one for one in artifacts if not is_stub(one))
        case Corrected(artifact, earlier):
            return (artifact, earlier)
        case Compared(artifact, parent):
            return (artifact, parent)
        case Assessed(artifact) if is_stub(artifact):
            return ()
        case _:
            return (fact.artifact,)


def _succession(fact: Fact) -> tuple[tuple[str, str], ...]:
    """Return the pairs of which it must be known whether the second supersedes the first."""
    match fact:
        case Corrected(artifact, earlier):
            return ((artifact, earlier),)
        case Assessed(artifact=artifact, corrected=str(corrected)):
            return ((artifact, corrected),)
        case _:
            return ()


def _admit_edge(edge: Derived, known: Known) -> None:
    if edge.parent == edge.child:
        raise Refused(f"{edge.child} cannot be its own parent ({edge.relation})")
    if not is_stub(edge.parent) and edge.parent not in known.artifacts:
        raise Refused(
            f"the parent {edge.parent} of {edge.child} is not registered here; register it first, or name it as a"
            " stub, hf:<owner>/<name>"
        )
    if (edge.child, edge.parent) in known.paths:
        raise _cycle(edge)


def _admit_together(edges: Sequence[Derived], paths: Iterable[tuple[str, str]]) -> None:
    """Refuse edges that close a cycle among themselves, or by way of what is logged."""
    if len({edge.child for edge in edges}) < 2:
        return  # then each of them would close it alone
    above: dict[str, set[str]] = defaultdict(set)
    below: dict[str, set[str]] = defaultdict(set)
    for parent, child in [*((edge.parent, edge.child) for edge in edges), *paths]:
        above[child].add(parent)
        below[parent].add(child)
    waiting = {here: len(found) for here, found in above.items()}
    free = [here for here in below if here not in waiting]
    while free:
        for child in below.get(free.pop(), ()):
            waiting[child] -= 1
            if not waiting[child]:
                free.append(child)
                del waiting[child]
    if waiting:
        # Everything that is left has a parent that is left, so the way up comes round.
        here, way = min(waiting), dict[str, int]()
        while here not in way:
            way[here] = len(way)
            here = min(parent for parent in above[here] if parent in waiting)
        round_about = {one for one, place in way.items() if place >= way[here]}
        raise _cycle(next(edge for edge in edges if round_about.issuperset((edge.child, edge.parent))))


def _cycle(edge: Derived) -> Refused:
    return Refused(f"{edge.parent} descends from {edge.child}, so it cannot be its parent ({edge.relation})")


def _admit_quorum(stated: Agreed, known: Known) -> None:
    # The registry's word adds nothing to the verdicts, and must not outlive them (3-trust, "Verdicts on a rebuild").
    found = known.quorums.get(stated.artifact, ())
    if stated.verdicts not in found:
        rest = " or on ".join(" and ".join(some) for some in found)
        raise Refused(
            f"the verdicts {' and '.join(stated.verdicts)} are no quorum on {stated.artifact}: "
            + (f"one rests on {rest}" if rest else "none stands, or somebody's FAILED stands against it")
        )


def _admit_name(name: str, known: Known) -> None:
    alike = known.names.get(skeleton(name), ())
    if name in alike:  # it moves, and nobody takes it for anything new
        return
    for other in sorted(alike):
        if other.casefold() == name.casefold():
            raise Refused(f"the name {name!r} differs only in case from {other!r}, which is taken")
        if other in known.owners:
            whose = " or ".join(sorted(known.owners[other])) or "nobody, as no key for it is good now"
            raise Forbidden(
                f"the name {name!r} looks like {other!r}, which is taken: it needs the signature of whoever may bind that"
                f" one, {whose}"
            )


def _admit_correction(said: Corrected, known: Known) -> None:
    if said.artifact == said.earlier:
        raise Refused(f"{said.artifact} cannot supersede itself")
    # A chain that came back to where it began would name no successor.
    if (said.artifact, said.earlier) in known.corrections:
        raise Refused(f"{said.earlier} supersedes {said.artifact}, so it cannot be superseded by it")


def _admit_of_incident(said: Restaged | Amended | Assessed | Disputed | Embargoed, known: Known) -> None:
    reaches = isinstance(said, Disputed) and (said.incident, said.artifact) in known.disputes
    stages.check(said, known.incidents.get(said.incident), reaches=reaches)
    if isinstance(said, Assessed) and not set(_succession(said)).issubset(known.corrections):
        raise Refused(
            f"{said.corrected} does not supersede {said.artifact} here, so it is no correction of it: say that first"
        )
