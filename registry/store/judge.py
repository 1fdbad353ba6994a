"""Whether a statement may become the next leaf, by what the log said before it.

The shell around three pure questions: who signed (signing.dsse), may these keys say this about that
(lineage.authority), and does it fit the graph (lineage.admission). The first needs the trusted root alone and is asked
before the log writer's lock is taken, the others under it; `fsck` asks all again for every leaf.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, TextClause, text

from lineage import admission, authority, ownership, predicates, rebuilds
from lineage.authority import TrustedRoot
from lineage.facts import Fact, Named
from lineage.skeleton import skeleton
from registry.store import log, removed, verdicts
from registry.store.lists import asking
from registry.store.tail import Tail
from registry.store.tenure import standing
from signing.dsse import Envelope, verified
from signing.errors import Untrusted
from signing.log import Leaf
from signing.statement import Statement

# Of several rows about one artifact the last is kept, which is the first statement that registered it.
_PUBLISHERS = asking(
    f"""
    SELECT node.id, registration.publishers FROM node JOIN registration ON registration.artifact = node.number
    WHERE node.id IN :some AND {standing("registration")} ORDER BY registration.entry DESC
    """,
    "some",
)
_STAGES = asking(
    f"""
    SELECT incident.id, coalesce(
        (SELECT stage.stage FROM stage WHERE stage.incident = incident.id AND {standing("stage")}
         ORDER BY stage.entry DESC, stage.seq DESC LIMIT 1), incident.stage)
    FROM incident WHERE incident.id IN :some AND {standing("incident")}
    """,
    "some",
)
_ALIKE = asking(
    f"SELECT DISTINCT skeleton, name FROM name WHERE skeleton IN :some AND {standing('name')}",
    "some",
)
# The binding that this one moved was removed, and left behind that this one moved it.
_MOVED = text(f"SELECT 1 FROM unbound WHERE name = :id AND {standing('unbound')} LIMIT 1")
_BUILDS = asking(
    f"""
    SELECT build.id, node.id FROM build JOIN node ON node.number = build.artifact
    WHERE build.id IN :some AND {standing("build")}
    """,
    "some",
)
_WITH_CHILDREN = asking(
    "SELECT id, id FROM node WHERE id IN :some AND EXISTS (SELECT 1 FROM edge WHERE edge.parent = node.number)",
    "some",
)
_WALK = f"""
    WITH RECURSIVE above (number) AS (
        SELECT number FROM node WHERE id = :descendant
        UNION SELECT edge.parent FROM edge JOIN above ON edge.child = above.number WHERE {standing("edge")}
    )
"""
_MADE_OF = text(f"{_WALK} SELECT number FROM above")
_ABOVE = asking(f"""
    {_WALK}
    SELECT node.id FROM above JOIN node ON node.number = above.number WHERE node.id IN :some
""")
_REACHES = text(f"""
    SELECT 1 FROM flag JOIN incident ON incident.entry = flag.incident JOIN node ON node.number = flag.artifact
    WHERE incident.id = :incident AND node.id = :artifact AND {standing("incident")}
""")
_AFTER = text(f"""
    WITH RECURSIVE after (number) AS (
        SELECT number FROM node WHERE id = :artifact
        UNION SELECT correction.artifact FROM correction JOIN after ON correction.earlier = after.number
        WHERE {standing("correction")}
    )
    SELECT 1 FROM after JOIN node ON node.number = after.number WHERE node.id = :earlier
""")


@dataclass(frozen=True, slots=True)
class Judged:
    """What a statement establishes, the ids of the trusted keys that signed it, sorted, and what trusts them."""

    root: TrustedRoot | None
    statement: Statement
    facts: tuple[Fact, ...]
    keys: tuple[str, ...]


def read(root: TrustedRoot | None, envelope: Envelope) -> Judged:
    """Return what the envelope says, once a key of the trusted root in force vouches for it.

    Nothing else here costs as much, and anybody can ask for it: the writer asks before it waits for its turn.
    """
    keys = verified(envelope, authority.candidates(root, envelope.payload))
    if not keys:
        raise Untrusted(f"entry {envelope.entry} is signed by no key of the trusted root in force")
    statement = Statement.parse(envelope.payload)
    facts = predicates.facts(statement, envelope.entry)
    return Judged(root, statement, facts, tuple(sorted(key.id for key in keys)))


def group(
    root: TrustedRoot | None, raws: Sequence[tuple[bytes, Envelope]]
) -> list[tuple[bytes, Envelope, Judged]]:
    """Return statements that enter the log together as `root` judges them; by a trusted root among them what follows that."""
    found = []
    for raw, envelope in raws:
        judged = read(root, envelope)
        found.append((raw, envelope, judged))
        root = authority.rooted(judged.facts) or root
    return found


def stands(root: TrustedRoot | None, raw: bytes, leaf: Leaf) -> Judged:
    """Return what the envelope `raw` says, once it is what `leaf` names: these bytes, signed by just these keys."""
    envelope = Envelope.parse(raw)
    if envelope.entry != leaf.pae:
        raise Untrusted(f"the payload is entry {envelope.entry}, and the leaf names {leaf.pae}")
    judged = read(root, envelope)
    if judged.keys != leaf.keys:
        raise Untrusted(
            f"it is signed by {', '.join(judged.keys)}, and the leaf names {', '.join(leaf.keys)}"
        )
    return judged


def admit(connection: Connection, judged: Judged, entry: str, time: int, tail: Tail) -> tuple[str, ...]:
    """Return the operators that say it, as entry `entry`; refuse what they may not say or what does not fit what the log says so far.

    Of what waits in `tail` is written what they may ask for.
    """
    tail.prepare(judged.facts)
    operators = authority.check(judged.root, judged.statement, judged.facts, judged.keys, time)
    asked = admission.questions(judged.facts)
    names = _alike(connection, asked.names)
    if asked.names and connection.scalar(_MOVED, {"id": entry}):
        for fact in judged.facts:
            if isinstance(fact, Named):
                names.setdefault(skeleton(fact.name), []).append(fact.name)
    spelled = {name for some in names.values() for name in some}
    registered = _pairs(connection, _PUBLISHERS, asked.artifacts)
    known = admission.Known(
        artifacts=registered,
        paths=_connected(connection, asked.children, asked.parents),
        incidents=_pairs(connection, _STAGES, asked.incidents),
        builds=_pairs(connection, _BUILDS, asked.builds),
        quorums={one: _quorums(connection, one) for one in asked.quorums},
        names=names,
        owners=authority.owners(judged.root, judged.keys, spelled, time),
        disputes={
            (incident, artifact)
            for incident, artifact in asked.disputes
            if _disputable(connection, incident, artifact)
        },
        corrections=_superseding(connection, asked.corrections),
    )
    admission.admit(judged.facts, known)
    # Whoever owns something had to be registered, and was asked about.
    own = ownership.owned(judged.statement, judged.facts)
    publishers = {artifact: tuple(registered[artifact].split()) for artifact in own}
    ownership.check(judged.statement, own, operators, publishers)
    return operators


def _disputable(connection: Connection, incident: str, artifact: str) -> bool:
    """Tell whether an incident reaches an artifact, or may: what it selected by was removed, and the artifact was there then."""
    if connection.execute(_REACHES, {"incident": incident, "artifact": artifact}).first():
        return True
    # A dispute is as old as its leaf, and what the flag rested on may be gone when `fsck` asks again.
    gone = removed.lost(connection, log.size(connection)).get(incident)
    if gone is None:
        return False
    made_of = connection.scalars(_MADE_OF, {"descendant": artifact}).all()
    return removed.among(connection, made_of, gone.before)


def _superseding(connection: Connection, pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the pairs of which the second supersedes the first."""
    return {
        (artifact, earlier)
        for artifact, earlier in pairs
        if connection.execute(_AFTER, {"artifact": artifact, "earlier": earlier}).first()
    }


def _quorums(connection: Connection, artifact: str) -> list[tuple[str, ...]]:
    """Return the verdicts (entry ids) on which quorums on an artifact rest."""
    found = rebuilds.quorums(verdicts.of(connection, artifact))
    return [tuple(vote.entry for vote in votes) for votes in found.values()]


def _alike(connection: Connection, skeletons: Collection[str]) -> dict[str, list[str]]:
    """Return the names that have each of these skeletons."""
    found: dict[str, list[str]] = {}
    if skeletons:
        for row in connection.execute(_ALIKE, {"some": list(skeletons)}):
            found.setdefault(row.skeleton, []).append(row.name)
    return found


def _pairs(connection: Connection, query: TextClause, asked: Collection[str]) -> dict[str, Any]:
    """Return what `query` answers about each of `asked`."""
    if not asked:
        return {}
    return {row[0]: row[1] for row in connection.execute(query, {"some": list(asked)})}


def _connected(
    connection: Connection, children: Collection[str], parents: Collection[str]
) -> set[tuple[str, str]]:
    """Return from which of `children` edges of any relation lead down to which other one of `parents`."""
    # Almost every statement names parents before children: its children have none themselves, and there is nothing to walk.
    starts = list(_pairs(connection, _WITH_CHILDREN, children))
    found = set[tuple[str, str]]()
    for parent in parents if starts else ():
        asked = {"descendant": parent, "some": starts}
        found |= {(above, parent) for above in connection.scalars(_ABOVE, asked) if above != parent}
    return found
