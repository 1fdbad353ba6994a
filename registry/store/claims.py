"""What the log holds of stubs already: claims by these keys, what anything is said of, and which are adapters.

Asked before an import, so that what is there is not said again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from lineage.facts import Evidence
from registry.store.lists import asking, parts
from registry.store.tenure import standing

_EDGES = asking(f"""
    SELECT child.id AS child, parent.id AS parent, edge.relation, edge.part, entry.keys
    FROM node AS child JOIN edge ON edge.child = +child.number JOIN node AS parent ON parent.number = edge.parent
    JOIN entry ON entry."index" = edge.entry
    WHERE child.id IN :some AND edge.evidence = {int(Evidence.CLAIMED)} AND {standing("edge")}
""")
_LICENSES = asking(f"""
    SELECT node.id, license.license, entry.keys FROM node JOIN license ON license.artifact = +node.number
    JOIN entry ON entry."index" = license.entry
    WHERE node.id IN :some AND {standing("license")} ORDER BY license.entry, license.seq
""")
_DESCRIBED = asking(f"""
    SELECT id FROM node WHERE id IN :some AND (
        EXISTS (SELECT 1 FROM registration WHERE registration.artifact = node.number AND {standing("registration")})
        OR EXISTS (SELECT 1 FROM edge WHERE edge.child = node.number AND {standing("edge")})
        OR EXISTS (SELECT 1 FROM license WHERE license.artifact = node.number AND {standing("license")}))
""")
_ADAPTERS = asking(f"""
    SELECT id FROM node WHERE id IN :some AND EXISTS (
        SELECT 1 FROM edge WHERE edge.child = node.number AND edge.relation = 'adapter_of' AND {standing("edge")})
""")


@dataclass(slots=True)
class Said:
    """What some keys claim of one stub: its parents as (artifact, relation, part in canonical JSON), and their newest license."""

    parents: set[tuple[str, str, str]] = field(default_factory=set)
    license: str | None = None


def by(connection: Connection, keys: Collection[str], artifacts: Iterable[str]) -> dict[str, Said]:
    """Return what statements that one of `keys` signed claim of each of `artifacts`, whatever others claim."""
    found: dict[str, Said] = {}
    for some in parts(artifacts):
        for row in connection.execute(_EDGES, {"some": some}):
            if not set(keys).isdisjoint(row.keys.split()):
                found.setdefault(row.child, Said()).parents.add((row.parent, row.relation, row.part))
        for row in connection.execute(_LICENSES, {"some": some}):
            if not set(keys).isdisjoint(row.keys.split()):
                found.setdefault(row.id, Said()).license = row.license
    return found


def described(connection: Connection, artifacts: Iterable[str]) -> set[str]:
    """Return those of `artifacts` of which the log says anything: they are registered, or somebody claims something of them."""
    return {one for some in parts(artifacts) for one in connection.scalars(_DESCRIBED, {"some": some})}


def adapters(connection: Connection, artifacts: Iterable[str]) -> set[str]:
    """Return those of `artifacts` that are adapters of something."""
    return {one for some in parts(artifacts) for one in connection.scalars(_ADAPTERS, {"some": some})}
