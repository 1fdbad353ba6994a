"""Incidents as the log tells them: in which stage each is, what it names and selects, and which artifacts it flags.

What an incident may select by can be removed under an order; it is then in doubt which artifacts it selects.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from sqlalchemy import Connection, text

from lineage.around import Incident
from lineage.standing import ENDED
from registry.store import log, removed, said
from registry.store.artifacts import numbered
from registry.store.lists import asking, rows
from registry.store.tenure import counting, standing

# `g` sorts after every hex digit, so this is the range of ids that begin so.
_BEGINNING = text(
    f"SELECT entry FROM incident WHERE id >= :beginning AND id < :beginning || 'g' AND {standing('incident')}"
)
_OF = asking(f"SELECT entry FROM incident WHERE id IN :some AND {counting('incident')} ORDER BY entry")
_TARGETS = asking(f"""
    SELECT named.incident, node.id FROM (
        SELECT incident, artifact FROM target WHERE incident IN :some
        UNION SELECT incident.entry, selected.artifact FROM selected JOIN incident ON incident.id = selected.incident
        WHERE incident.entry IN :some AND {counting("selected")}
    ) AS named JOIN node ON node.number = named.artifact ORDER BY named.incident, named.artifact
""")
_SELECTORS = asking(f"""
    SELECT incident.entry AS incident, selector.attribute, selector.value
    FROM selector JOIN incident ON incident.id = selector.incident
    WHERE incident.entry IN :some AND {counting("selector")} ORDER BY selector.entry, selector.seq
""")
_FLAGGING = asking("""
    SELECT flag.artifact, flag.incident FROM flag
    WHERE flag.artifact IN :some AND flag.first < :size ORDER BY flag.incident
""")
_CARRIED = asking(f"""
    SELECT other.entry AS carrying, incident.entry FROM incident AS other JOIN incident ON incident.id = other.id
    WHERE other.entry IN :some AND {counting("incident")}
""")
_FLAGGED = text("""
    SELECT node.id FROM flag JOIN incident ON incident.entry = flag.incident JOIN node ON node.number = flag.artifact
    WHERE incident.id = :incident
""")
_AMENDED = f"""coalesce(
           (SELECT amendment.{{0}} FROM amendment WHERE amendment.incident = incident.id AND amendment.{{0}} IS NOT NULL
            AND {counting("amendment")} ORDER BY amendment.entry DESC, amendment.seq DESC LIMIT 1), incident.{{0}}) AS {{0}}"""
_INCIDENTS = asking(f"""
    SELECT incident.entry, incident.id, incident.what, {_AMENDED.format("severity")},
           {_AMENDED.format("summary")}, {_AMENDED.format("contact")}, coalesce(
           (SELECT stage.stage FROM stage WHERE stage.incident = incident.id AND {counting("stage")}
            ORDER BY stage.entry DESC, stage.seq DESC LIMIT 1), incident.stage) AS stage
    FROM incident WHERE incident.entry IN :some AND {counting("incident")} ORDER BY incident.entry
""")


def incidents(connection: Connection, beginning: str = "") -> tuple[Incident, ...]:
    """Return every incident whose id begins so, oldest first, in the stage it is in."""
    numbers = connection.scalars(_BEGINNING, {"beginning": beginning}).all()
    return tuple(reported(connection, numbers, log.size(connection)).values())


def flags(
    connection: Connection, artifacts: Collection[str], size: int | None = None
) -> dict[str, tuple[Incident, ...]]:
    """Return the incidents, in whatever stage, that reach each of `artifacts` along edges that carry them."""
    at = log.sized(connection, size)
    numbers = {number: artifact for artifact, number in numbered(connection, artifacts).items()}
    reaching: dict[str, list[int]] = {artifact: [] for artifact in artifacts}
    for row in rows(connection, _FLAGGING, numbers, at):
        reaching[numbers[row.artifact]].append(row.incident)
    found = reported(connection, {number for some in reaching.values() for number in some}, at)
    # A report whose first key was ended flags by the leaf that carries it since, and was told by another one then.
    lacking = {number for some in reaching.values() for number in some} - found.keys()
    then = {row.carrying: row.entry for row in rows(connection, _CARRIED, lacking, at)}
    found |= {
        number: one for number, entry in then.items() for one in reported(connection, [entry], at).values()
    }
    return {
        artifact: tuple(found[number] for number in some if number in found)
        for artifact, some in reaching.items()
    }


def flagged(connection: Connection, incident: str) -> frozenset[str]:
    """Return the ids of all artifacts that this incident reaches."""
    return frozenset(connection.scalars(_FLAGGED, {"incident": incident}))


def doubts(connection: Connection, numbers: Collection[int], size: int) -> tuple[Incident, ...]:
    """Return the live incidents of which it is unknown whether they select any of these artifacts."""
    gone = removed.lost(connection, size)
    entries = [row.entry for row in rows(connection, _OF, gone, size)]
    found = reported(connection, entries, size).values()
    return tuple(
        one
        for one in found
        if one.stage not in ENDED and removed.among(connection, numbers, gone[one.id].before)
    )


def reported(connection: Connection, numbers: Iterable[int], size: int) -> dict[int, Incident]:
    """Return the incidents that these entries opened, in the stage that each had in the log of its first `size` entries."""
    wanted = sorted(set(numbers))
    if not wanted:
        return {}
    named: dict[int, list[str]] = defaultdict(list)
    for row in rows(connection, _TARGETS, wanted, size):
        named[row.incident].append(row.id)
    selectors: dict[int, list[str]] = defaultdict(list)
    for row in rows(connection, _SELECTORS, wanted, size):
        selectors[row.incident].append(f"{row.attribute}:{row.value}")
    opened = list(rows(connection, _INCIDENTS, wanted, size))
    disputes = said.disputes(connection, [row.id for row in opened], size)
    gone = removed.lost(connection, size)
    return {
        row.entry: Incident(
            row.id,
            tuple(named[row.entry]),
            row.what,
            row.severity,
            row.stage,
            row.summary,
            row.contact,
            tuple(selectors[row.entry]),
            disputes.get(row.id, ()),
            gone[row.id].count if row.id in gone else 0,
        )
        for row in opened
    }
