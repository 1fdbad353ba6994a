"""Make what an incident affects again, of what is not affected: plan it, execute it level by level, and see that it holds.

Every step is a merge like any other, signed and logged with the word that the result supersedes the earlier artifact. What
was done is read from the log alone, so a remedy that was stopped anywhere goes on where it was when it is run again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from lineage.around import Edge, Incident
from lineage.predicates import supersession
from lineage.remedy import Elsewhere, Executed, Plan, Rebuild, exchanged, plan
from lineage.standing import ENDED, spread
from merger.folder import Progress
from merger.recipe import Recipe
from registry.home import Home
from registry.store import Absent, flagging, lineage, log, made, refs, said
from registry.work.engine import NUMPY, Computer
from registry.work.logged import Provenance, find
from registry.work.make import make
from registry.work.prepared import prepare
from registry.work.shelf import shelved
from signing import canonical
from signing.errors import Refused, Untrusted
from signing.statement import Statement


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is to be done about an incident: its plan, what stands in the place of what, and what everything is called."""

    incident: Incident
    instead: Mapping[str, str | None]
    plan: Plan
    names: Mapping[str, tuple[str, ...]]
    as_of: int


@dataclass(frozen=True, slots=True)
class Corrected:
    """An artifact that was made again: what it supersedes, and where it lies, if it was made just now."""

    earlier: str
    artifact: str
    folder: Path | None


@dataclass(frozen=True, slots=True)
class Clear:
    """In the log of `size` entries the incident reaches nothing that was corrected.

    `beside` are those that descend from what it names all the same, by relations that it does not travel along.
    """

    size: int
    beside: tuple[str, ...]


def remedy(
    home: Home, incident: Incident, replaced: Mapping[str, str], dropped: Collection[str] = ()
) -> Remedy:
    """Plan how to make again what `incident` affects; what it names is dropped where nothing replaces it.

    `replaced` and `dropped` are references, of what the incident names and of what it affects.
    """
    if incident.stage in ENDED:
        raise Refused(
            f"incident {incident.id} is {incident.stage}: nothing is to be made again because of it"
        )
    with home.store.reading() as connection:
        flagged = flagging.flagged(connection, incident.id)
        instead = _instead(connection, incident, flagged, replaced, dropped)
        again = sorted(flagged - set(incident.artifacts))
        found = _made(home, connection, again)
        nodes = {
            node.id: node.names for one in incident.artifacts for node in lineage.below(connection, one).nodes
        }
        size = log.size(connection)
    kept = {
        new
        for how in found.values()
        if isinstance(how, Executed)
        for one in how.recipe.artifacts()
        if (new := instead.get(one, one)) is not None and new not in flagged
    }
    return Remedy(incident, instead, plan(found, instead, _absent(home, kept)), nodes, size)


def run(
    home: Home,
    found: Remedy,
    out: Path,
    computer: Computer = NUMPY,
    *,
    threads: int = 2,
    factor: int = 1,
    memory: int | None = None,
    progress: Callable[[Rebuild], Progress] = lambda _: lambda _: None,
) -> Iterator[Corrected]:
    """Make everything that the plan can make, lower levels first, each in a folder of its own in `out`; go on where it was.

    Whoever takes one finds it logged, with the word that it supersedes the earlier artifact.
    """
    done = dict[str, str]()
    for step in found.plan.rebuilds:
        recipe = exchanged(step.recipe, {one: done[one] for one in step.awaits})
        artifact, folder = _done(home, step.artifact, recipe), None
        if artifact is None:
            folder = out / step.artifact.removeprefix("sha256:")[:16]
            result = make(
                home,
                prepare(home, recipe.encode()),
                folder,
                computer,
                threads=threads,
                factor=factor,
                memory=memory,
                progress=progress(step),
                beside=partial(_superseding, step.artifact),
            ).result
            artifact = result.artifact
        done[step.artifact] = artifact
        yield Corrected(step.artifact, artifact, folder)


def _superseding(earlier: str, artifact: str) -> list[Statement]:
    return [supersession.statement(artifact, earlier)]


def check(home: Home, incident: Incident, corrected: Collection[Corrected]) -> Clear:
    """Refuse if the incident reaches anything that was corrected: by the log's flags, and by its edges."""
    beside = []
    with home.store.reading() as connection:
        size, flagged = log.size(connection), flagging.flagged(connection, incident.id)
        for one in corrected:
            above = lineage.around(connection, one.artifact)
            reached = spread(incident.artifacts, incident.what, above.edges)
            if one.artifact in flagged | reached:
                raise Untrusted(
                    f"{one.artifact}, made in place of {one.earlier}, still descends from what incident {incident.id} names"
                )
            if not {node.id for node in above.nodes}.isdisjoint(incident.artifacts):
                beside.append(one.artifact)
    return Clear(size, tuple(beside))


def _instead(
    connection: Connection,
    incident: Incident,
    flagged: Collection[str],
    replaced: Mapping[str, str],
    dropped: Collection[str],
) -> dict[str, str | None]:
    news = {refs.resolve(connection, old): refs.resolve(connection, new) for old, new in replaced.items()}
    gone = {refs.resolve(connection, ref) for ref in dropped}
    for one in news.keys() & gone:
        raise Refused(f"{one} is to be dropped and to be replaced: give one of them")
    for old in (*news, *gone):
        if old not in flagged:
            raise Refused(f"{old} is not affected by incident {incident.id}: it stays where it is")
    for old, new in news.items():
        above = {node.id for node in lineage.around(connection, new).nodes}
        bad = sorted(above & set(incident.artifacts))
        if new in flagged or bad:
            why = f"descends from {bad[0]}" if bad else "is affected itself"
            raise Refused(f"{new} cannot stand in the place of {old}: it {why}")
    return dict.fromkeys((*incident.artifacts, *gone)) | news


def _made(home: Home, connection: Connection, artifacts: Collection[str]) -> dict[str, Executed | Elsewhere]:
    """Return how each of `artifacts` was made, by its newest provenance that can be read, or why nobody here can repeat it."""
    executed, edges = made.executions(connection, artifacts), made.edges(connection, artifacts)
    publishers, mine = made.publishers(connection, artifacts), home.operator("publisher")
    found: dict[str, Executed | Elsewhere] = {}
    for artifact in artifacts:
        readable = [one for one in executed[artifact] if one.statement is not None]
        owners = publishers.get(artifact, ())
        if not executed[artifact]:
            found[artifact] = Elsewhere(
                _elsewhere([edge for some in edges[artifact].values() for edge in some])
            )
        elif not readable or readable[-1].statement is None:
            found[artifact] = Elsewhere("every provenance of it was removed from the log by an order")
        elif mine not in owners:
            who = " or ".join(owners) or "nobody any longer"
            found[artifact] = Elsewhere(
                f"what supersedes it is for {who} to say, who registered it, and not for {mine}"
            )
        else:
            newest = Provenance.of(artifact, readable[-1].entry, readable[-1].statement)
            found[artifact] = Executed(newest.recipe, newest.by_rows)
    return found


def _elsewhere(edges: Collection[Edge]) -> str:
    relations = " and ".join(sorted({edge.relation for edge in edges}))
    for edge in edges:
        match canonical.decode(edge.part.encode()):
            case {"role": "search", "parameters": {"algorithm": str(algorithm)}}:
                return f"{algorithm} made it elsewhere, and no recipe of it is logged"
            case _:
                pass
    return f"it was made elsewhere ({relations}), and no recipe of it is logged"


def _absent(home: Home, artifacts: Collection[str]) -> dict[str, str]:
    """Return those of `artifacts` whose files are not on this machine, each with the sentence that says so."""
    found = {}
    for one in sorted(artifacts):
        try:
            shelved(home, [one])
        except (Absent, Untrusted) as error:
            found[one] = str(error)
    return found


def _done(home: Home, earlier: str, recipe: Recipe) -> str | None:
    """Return what this recipe made in the place of an artifact, if the log says so already and its files are here.

    One that was killed after it was logged has no folder yet: it is made again, from its finished shards.
    """
    with home.store.reading() as connection:
        later = [
            one.fact.artifact for one in said.corrections(connection, earlier) if one.fact.earlier == earlier
        ]
    for artifact in later:
        try:
            if find(home, artifact).recipe == recipe and shelved(home, [artifact]):
                return artifact
        except Absent:
            continue
    return None
