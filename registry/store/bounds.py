"""How large one artifact's lineage may grow, over edges of every relation (4-lineage, "Storage and speed"; T21).

Each node keeps how many ancestors it has and how deep it lies, the longest way up to one without parents. For an
artifact whose parents are named before its children, as almost all are, both are exact. Where parents are named late,
everything below gains as much as the artifact itself did, which may count an ancestor twice: a bound from above, so that
a late edge costs one walk down and never a walk up from each descendant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from lineage.facts import Derived, Fact
from registry.settings import Settings
from registry.store.lists import asking, parts
from registry.store.tenure import standing
from signing.errors import Refused

# The plus keeps SQLite to one look into an index of edges for each artifact that was reached: what stands behind it is not
# looked up in its turn. PostgreSQL reads it as what it is.
_STANDING = standing("edge")
_WOULD = text(f"""
    WITH RECURSIVE above (number) AS (
        SELECT number FROM node WHERE id IN :all
        UNION SELECT edge.parent FROM above JOIN edge ON edge.child = +above.number AND {_STANDING}
    )
    SELECT own.number, coalesce(own.ancestors, 0) AS ancestors, coalesce(own.depth, 0) AS depth,
           (SELECT count(*) FROM above WHERE own.number IS NULL OR number <> own.number) AS known,
           (SELECT count(*) FROM node WHERE id IN :parents) AS named,
           (SELECT max(depth) FROM node WHERE id IN :parents) AS deepest,
           EXISTS (SELECT 1 FROM edge WHERE edge.parent = own.number) AS has_children
    FROM (SELECT 1) AS one LEFT JOIN node AS own ON own.id = :child
""").bindparams(bindparam("all", expanding=True), bindparam("parents", expanding=True))
_THERE = asking("SELECT id FROM node WHERE id IN :some")
_LATE = text(f"""
    WITH RECURSIVE below (number) AS (
        SELECT CAST(:child AS BIGINT) UNION SELECT edge.child FROM below JOIN edge ON edge.parent = +below.number AND {_STANDING}
    )
    SELECT count(*) - 1 AS artifacts, max(node.ancestors) AS ancestors, max(node.depth) AS depth
    FROM below JOIN node ON node.number = +below.number
""")
_GROWN = text(f"""
    WITH RECURSIVE below (number) AS (
        SELECT number FROM node WHERE id IN :children
        UNION SELECT edge.child FROM below JOIN edge ON edge.parent = +below.number AND {_STANDING}
    )
    SELECT max(node.ancestors) AS ancestors, max(node.depth) AS depth,
           (SELECT CAST(sum(ancestors) AS BIGINT) FROM node WHERE id IN :children) AS rows
    FROM below JOIN node ON node.number = +below.number
""").bindparams(bindparam("children", expanding=True))
_IS = text(f"""
    WITH RECURSIVE above (number) AS (
        SELECT CAST(:child AS BIGINT) UNION SELECT edge.parent FROM above JOIN edge ON edge.child = +above.number AND {_STANDING}
    )
    SELECT node.ancestors, node.depth, (SELECT count(*) - 1 FROM above) AS now,
           EXISTS (SELECT 1 FROM edge WHERE edge.parent = :child) AS has_children,
           (SELECT max(parent.depth) FROM edge JOIN node AS parent ON parent.number = +edge.parent
            WHERE edge.child = :child AND {_STANDING}) + 1 AS deep
    FROM node WHERE number = :child
""")
_GAIN = text(f"""
    WITH RECURSIVE below (number) AS (
        SELECT CAST(:child AS BIGINT) UNION SELECT edge.child FROM below JOIN edge ON edge.parent = +below.number AND {_STANDING}
    )
    UPDATE node SET ancestors = ancestors + :ancestors, depth = depth + :depth
    WHERE number IN (SELECT number FROM below)
""")
_GAIN_ALONE = text(
    "UPDATE node SET ancestors = ancestors + :ancestors, depth = depth + :depth WHERE number = :child"
)

# A parent lay less deep than its child before, so in the order of those depths each is asked after all that it rests on.
_FREED = text(f"""
    WITH RECURSIVE freed (number) AS (
        SELECT edge.child FROM edge WHERE edge.entry IN (SELECT entry FROM tenure WHERE until = :at)
        UNION SELECT edge.child FROM freed JOIN edge ON edge.parent = +freed.number AND {_STANDING}
    )
    SELECT node.number FROM freed JOIN node ON node.number = +freed.number ORDER BY node.depth, node.number
""")
_SET = text("UPDATE node SET ancestors = :ancestors, depth = :depth WHERE number = :child")


def shrink(connection: Connection, at: int) -> None:
    """Count anew for what lay below edges that stopped counting with leaf `at`."""
    for number in connection.scalars(_FREED, {"at": at}).all():
        row = connection.execute(_IS, {"child": number}).one()
        connection.execute(_SET, {"child": number, "ancestors": row.now, "depth": row.deep or 0})


def check(connection: Connection, facts: Sequence[Fact], limits: Settings) -> None:
    """Refuse edges with which an artifact, or one below it, would exceed the limits of this home."""
    wanted = _parents(facts)
    # What nothing names yet has above it what its parents have, and in a lattice many have the same ones.
    several = wanted if len(wanted) > 1 else ()  # of one alone nothing is shared
    there = {one for some in parts(several) for one in connection.scalars(_THERE, {"some": some})}
    fresh: dict[frozenset[str], Row[Any]] = {}
    for child, named in wanted.items():
        row = None if child in there else fresh.get(frozenset(named))
        if row is None:
            asked = {"child": child, "parents": sorted(named), "all": sorted({child, *named})}
            row = connection.execute(_WOULD, asked).one()
            if child not in there:
                fresh[frozenset(named)] = row
        _check(connection, child, len(named), row, limits)


def check_grown(connection: Connection, facts: Sequence[Fact], limits: Settings) -> None:
    """Refuse, once it is folded, a statement about several artifacts that lets one exceed the limits by way of another of them."""
    children = sorted(_parents(facts))
    if len(children) < 2:
        return
    grown = connection.execute(_GROWN, {"children": children}).one()
    if grown.ancestors > limits.ancestors:
        raise Refused(
            f"one of {len(children)} artifacts, or of what is below them, would have up to {grown.ancestors} ancestors; at"
            f" most {limits.ancestors} are admitted"
        )
    if grown.depth > limits.depth:
        raise Refused(
            f"one of {len(children)} artifacts, or of what is below them, would lie up to {grown.depth} generations deep; at"
            f" most {limits.depth} are admitted"
        )
    if grown.rows > limits.late_rows:
        raise Refused(
            f"{len(children)} artifacts would have up to {grown.rows} ancestors together, and one statement adds at most"
            f" {limits.late_rows} closure rows"
        )


def _parents(facts: Sequence[Fact]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for fact in facts:
        if isinstance(fact, Derived):
            found[fact.child].add(fact.parent)
    return found


def _check(connection: Connection, child: str, parents: int, row: Row[Any], limits: Settings) -> None:
    total = row.known + parents - row.named
    if total > limits.ancestors:
        raise Refused(f"{child} would have {total} ancestors; at most {limits.ancestors} are admitted")
    depth = max(row.depth, (row.deepest or 0) + 1)
    if depth > limits.depth:
        raise Refused(f"{child} would lie {depth} generations deep; at most {limits.depth} are admitted")
    if not row.has_children:
        return
    late = connection.execute(_LATE, {"child": row.number}).one()
    if not late.artifacts:
        return
    if total * (late.artifacts + 1) > limits.late_rows:
        raise Refused(
            f"{child} has {late.artifacts} descendants already; naming {total} ancestors for it now would add up to "
            f"{total * (late.artifacts + 1)} closure rows, and one statement adds at most {limits.late_rows}"
        )
    most = late.ancestors + total - row.ancestors
    if most > limits.ancestors:
        raise Refused(
            f"a descendant of {child} would have up to {most} ancestors; at most {limits.ancestors} are admitted"
        )
    deepest = late.depth + depth - row.depth
    if deepest > limits.depth:
        raise Refused(
            f"a descendant of {child} would lie up to {deepest} generations deep; at most {limits.depth} are admitted"
        )


def grow(connection: Connection, children: Iterable[int]) -> None:
    """Bring both numbers of these artifacts, and of all below them, up to the edges that were just written."""
    for child in children:
        row = connection.execute(_IS, {"child": child}).one()
        gained = {"ancestors": max(0, row.now - row.ancestors), "depth": max(0, row.deep - row.depth)}
        if any(gained.values()):
            connection.execute(_GAIN if row.has_children else _GAIN_ALONE, gained | {"child": child})
