"""What cards, configs and claims mention of an artifact, as of a size of the log, to be held against what is signed of it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, text

from lineage.around import Source, Told
from lineage.facts import Evidence, is_stub
from registry.store.lists import asking, parts
from registry.store.tenure import counting

_OWN = text(f"""
    SELECT mention.entry, mention.file, mention.what, mention.value FROM mention JOIN node ON node.number = mention.artifact
    WHERE node.id = :artifact AND {counting("mention")} ORDER BY mention.entry, mention.seq
""")
_PARENTS = asking(f"""
    SELECT child.id AS stub, parent.id AS parent FROM node AS child JOIN edge ON edge.child = +child.number
    JOIN node AS parent ON parent.number = edge.parent
    WHERE child.id IN :some AND edge.evidence = {int(Evidence.CLAIMED)} AND edge.relation <> 'same_as' AND {counting("edge")}
    ORDER BY edge.entry, edge.seq
""")
_LICENSES = asking(f"""
    SELECT node.id AS stub, license.license FROM node JOIN license ON license.artifact = +node.number
    WHERE node.id IN :some AND {counting("license")} ORDER BY license.entry, license.seq
""")
_SAME = asking(f"""
    SELECT here.id AS artifact, here.id AS child, other.id AS parent FROM node AS here JOIN edge ON edge.child = +here.number
    JOIN node AS other ON other.number = edge.parent
    WHERE here.id IN :some AND edge.relation = 'same_as' AND {counting("edge")}
    UNION SELECT here.id, other.id, here.id FROM node AS here JOIN edge ON edge.parent = +here.number
    JOIN node AS other ON other.number = edge.child
    WHERE here.id IN :some AND edge.relation = 'same_as' AND {counting("edge")}
""")


def told(connection: Connection, artifact: str, parents: Collection[str], size: int) -> Told:
    """Return what is mentioned of an artifact, and as which stubs `parents` are known, in the log of its first `size` entries."""
    if is_stub(artifact):
        return Told()
    names = _names(connection, [artifact, *parents], size)
    stubs = sorted(names.get(artifact, ()))
    return Told(
        (*_own(connection, artifact, size), *_upstream(connection, stubs, size)),
        {one: frozenset(found) for one, found in names.items() if one != artifact},
    )


def _own(connection: Connection, artifact: str, size: int) -> tuple[Source, ...]:
    """Return what the artifact's own files say, by the newest reading of each."""
    found: dict[str, dict[int, list[tuple[str, str]]]] = {}
    for row in connection.execute(_OWN, {"artifact": artifact, "size": size}):
        found.setdefault(row.file, {}).setdefault(row.entry, []).append((row.what, row.value))
    return tuple(_source(file, read[max(read)]) for file, read in sorted(found.items()))


def _source(file: str, said: list[tuple[str, str]]) -> Source:
    parents = tuple(value for what, value in said if what == "parent")
    return Source(file, parents, next((value for what, value in said if what == "license"), None))


def _upstream(connection: Connection, stubs: list[str], size: int) -> tuple[Source, ...]:
    """Return what others claim of the stubs that the artifact is said to be."""
    parents: dict[str, dict[str, None]] = {one: {} for one in stubs}
    licenses: dict[str, str] = {}
    for some in parts(stubs):
        asked = {"some": some, "size": size}
        for row in connection.execute(_PARENTS, asked):
            parents[row.stub][row.parent] = None
        for row in connection.execute(_LICENSES, asked):
            licenses[row.stub] = row.license
    return tuple(
        Source(one, tuple(parents[one]), licenses.get(one))
        for one in stubs
        if parents[one] or one in licenses
    )


def _names(connection: Connection, artifacts: Collection[str], size: int) -> dict[str, set[str]]:
    """Return the stubs that each of these is said to be."""
    found: dict[str, set[str]] = {}
    for some in parts(dict.fromkeys(artifacts)):
        for row in connection.execute(_SAME, {"some": some, "size": size}):
            other = row.parent if row.child == row.artifact else row.child
            if is_stub(other):
                found.setdefault(row.artifact, set()).add(other)
    return found
