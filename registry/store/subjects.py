"""Subjects of exports, put together from the log: an artifact in its lineage, an incident in its reach."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, text

from lineage import subjects
from lineage.status import Policy
from lineage.subjects import AsOf, Logged, Pedigree, Reach, Scope
from registry.store import Absent, artifacts, flagging, lineage, trust
from registry.store.lists import asking, parts
from registry.store.tenure import counting, standing

_REGISTERED = asking(f"""
    SELECT node.id AS artifact, registration.publishers, entry.id, entry.time
    FROM registration JOIN node ON node.number = registration.artifact JOIN entry ON entry."index" = registration.entry
    WHERE node.id IN :some AND {counting("registration")} ORDER BY registration.entry
""")
_TIME = text('SELECT time FROM entry WHERE "index" = :size - 1')
_SAID = asking(f"""
    SELECT leaf.id, leaf.keys FROM (SELECT "index" AS entry, id, keys FROM entry) AS leaf
    WHERE leaf.id IN :some AND {counting("leaf")}
""")
_REPORTED = text(f"""
    SELECT entry.id, entry.time FROM incident JOIN entry ON entry."index" = incident.entry
    WHERE incident.id = :incident AND {standing("incident")} ORDER BY incident.entry LIMIT 1
""")
_CHANGED = text(f"""
    SELECT entry.id, entry.time FROM stage JOIN entry ON entry."index" = stage.entry
    WHERE stage.incident = :incident AND {standing("stage")} ORDER BY stage.entry DESC, stage.seq DESC LIMIT 1
""")


def pedigree(
    connection: Connection,
    artifact: str,
    scope: Scope = "both",
    most: int | None = None,
    size: int | None = None,
) -> Pedigree:
    """Return an artifact with its relatives as of the first `size` entries; beyond `most` descendants it is cut, and says so."""
    above = lineage.around(connection, artifact, size)
    below = None if scope == "ancestors" else lineage.below(connection, artifact, most, size)
    ids = [node.id for one in (above, below) if one is not None for node in one.nodes]
    known = next(node.seen for node in above.nodes if node.id == artifact)
    return subjects.pedigree(
        as_of(connection, above.size),
        above,
        below,
        scope,
        artifacts.listed(connection, artifact) if known else {},
        registered(connection, ids, above.size),
        flagging.flags(connection, ids, above.size),
    )


def reach(connection: Connection, incident: str, policy: Policy, most: int | None = None) -> Reach:
    """Return an incident with everything made of what it names; beyond `most` artifacts it is cut, and says so."""
    report = connection.execute(_REPORTED, {"incident": incident}).one_or_none()
    if report is None:
        raise Absent(f"no entry {incident} reports an incident here")
    (found,) = flagging.incidents(connection, incident)
    below = lineage.below_all(connection, found.artifacts, most)
    change = connection.execute(_CHANGED, {"incident": incident}).one_or_none()
    # What it flags needs no look upward, and that is nearly everything.
    spared = subjects.spared(found, below)
    above = lineage.above_all(connection, spared) if spared else None
    return subjects.reach(
        as_of(connection, below.size), found, _logged(report), _logged(change or report), below, above, policy
    )


def responsible(connection: Connection, entries: Iterable[str], size: int) -> dict[str, tuple[str, ...]]:
    """Return the operators that signed each of `entries`, in any of its leaves that count in the log of `size` entries."""
    root = trust.root(connection, size)
    operators = {key.public.id: key.operator for key in root.keys} if root else {}
    found: dict[str, set[str]] = {}
    for part in parts(dict.fromkeys(entries)):
        for row in connection.execute(_SAID, {"some": part, "size": size}):
            found.setdefault(row.id, set()).update(
                operators[one] for one in row.keys.split() if one in operators
            )
    return {entry: tuple(sorted(who)) for entry, who in found.items()}


def registered(connection: Connection, ids: Iterable[str], size: int) -> dict[str, Logged]:
    """Return the first registration of each artifact that counts: its operators speak for the artifact."""
    found: dict[str, Logged] = {}
    for part in parts(dict.fromkeys(ids)):
        for row in connection.execute(_REGISTERED, {"some": part, "size": size}):
            found.setdefault(row.artifact, Logged(row.id, row.time, tuple(row.publishers.split())))
    return found


def as_of(connection: Connection, size: int) -> AsOf:
    """Return the log as it stood at `size` entries: its name, and when the newest of them was logged."""
    root = trust.root(connection, size)
    if root is None:
        raise Absent(f"the log had no trusted root when it had {size} entries")
    return AsOf(root.origin, size, connection.scalar(_TIME, {"size": size}) or 0)


def _logged(row: Row[Any]) -> Logged:
    return Logged(row.id, row.time)
