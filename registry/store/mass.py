"""How far one operator's word goes: whoever confirms alone does not have more than so many artifacts refused (3-trust, T27).

Asked once a statement is folded, and refused with all that it wrote: what an incident flags is counted and not guessed. By
what keys with the security role say, an incident that one operator alone confirmed never comes to flag more than the limit.
What others make of it later is flagged all the same; nobody can report that by stealing one key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from lineage import authority, patterns
from lineage.assessed import Assessed
from lineage.authority import TrustedRoot
from lineage.facts import Contained, Fact
from lineage.incidents import Reported, Restaged
from registry.settings import Settings
from registry.store.lists import asking, parts
from registry.store.tenure import standing
from signing.errors import Forbidden

# What is resolved is still refused: bytes do not heal.
_CONFIRMED = f"""
    SELECT DISTINCT incident.entry, incident.id FROM incident {{0}} WHERE {{1}} AND {standing("incident")}
    AND coalesce(
        (SELECT stage.stage FROM stage WHERE stage.incident = incident.id AND {standing("stage")}
         ORDER BY stage.entry DESC, stage.seq DESC LIMIT 1), incident.stage) IN ('confirmed', 'resolved')
    ORDER BY incident.entry
"""
_NAMED = asking(_CONFIRMED.format("", "incident.id IN :some"))
# Of those that a tensor or a range of stubs lets select, the ones that flag something new by this leaf.
_HOLDING = asking(
    _CONFIRMED.format(
        f"JOIN selector ON selector.incident = incident.id AND {standing('selector')}",
        """selector.attribute = :attribute AND selector.value IN :some
        AND EXISTS (SELECT 1 FROM flag WHERE flag.incident = incident.entry AND flag.first = :index)""",
    )
)
_FLAGS = text(f"""
    SELECT count(*) FROM flag JOIN incident ON incident.entry = flag.incident
    WHERE incident.id = :incident AND {standing("incident")}
""")
# Whoever signs the same statement again confirms it, too.
_CONFIRMING = text(f"""
    SELECT leaf.keys, leaf.time FROM (
        SELECT incident.entry FROM incident
        WHERE incident.id = :incident AND incident.stage = 'confirmed' AND {standing("incident")}
        UNION
        SELECT stage.entry FROM stage
        WHERE stage.incident = :incident AND stage.stage = 'confirmed' AND {standing("stage")}
    ) AS said JOIN entry ON entry."index" = said.entry JOIN entry AS leaf ON leaf.id = entry.id
    LEFT JOIN tenure ON tenure.entry = leaf."index" WHERE tenure.until IS NULL
""")


@dataclass(frozen=True, slots=True)
class Confirming:
    """How many artifacts an incident flags, and how many operators have to confirm it for that, of which ones."""

    flags: int
    needed: int
    able: tuple[str, ...]


def check(
    connection: Connection,
    root: TrustedRoot | None,
    facts: Sequence[Fact],
    index: int,
    time: int,
    limits: Settings,
) -> None:
    """Refuse what leaf `index` says if by it an incident that one operator confirmed flags more than the limit.

    Raises `Forbidden` with both numbers, who signed, and who else may. Where the trusted root names no second operator with
    the security role nobody could, and one is enough.
    """
    if root is None:
        return
    for incident in _touched(connection, facts, index):
        found = confirming(connection, root, incident, time, limits)
        signed = _confirmed(connection, root, incident)
        if len(signed) < found.needed:
            others = " or ".join(one for one in found.able if one not in signed)
            raise Forbidden(
                f"incident {incident[:12]} would be confirmed and flag {found.flags} artifacts, and one operator alone"
                f" confirms what flags at most {limits.confirm_alone}: it is confirmed by {', '.join(signed) or 'nobody'}, and"
                f" {others} has to sign that too: once it is reported, `studbook incident confirm --out FILE` writes it for"
                " others, and `studbook incident sign FILE` adds to it"
            )


def confirming(
    connection: Connection, root: TrustedRoot, incident: str, time: int, limits: Settings
) -> Confirming:
    """Return how many operators have to confirm an incident (its id) that flags what it does, and which can."""
    able = authority.holders(root, "security", time)
    found = flags(connection, incident)
    return Confirming(found, 2 if found > limits.confirm_alone and len(able) > 1 else 1, able)


def flags(connection: Connection, incident: str) -> int:
    """Return how many artifacts an incident (its id) flags."""
    found: int = connection.execute(_FLAGS, {"incident": incident}).scalar_one()
    return found


def _touched(connection: Connection, facts: Iterable[Fact], index: int) -> list[str]:
    """Return the incidents, confirmed and not taken back, that a statement confirms, or lets select more."""
    named, tensors, ranges = set[str](), set[str](), set[str]()
    for fact in facts:
        match fact:
            case Reported(incident, stage="confirmed") | Restaged(incident, "confirmed"):
                named.add(incident)
            case Contained(_, tensor):
                tensors.add(tensor)
            case _:
                pass
        # What only keys with the security role say, and it may name a stub that nobody named before.
        if isinstance(fact, Reported | Assessed):
            for name in patterns.called([fact]):
                ranges |= patterns.patterns(name)
    found: dict[str, None] = {}
    if named:
        found |= {row.id: None for row in connection.execute(_NAMED, {"some": sorted(named)})}
    for attribute, values in (("tensor", tensors), ("name", ranges)):
        asked = {"attribute": attribute, "index": index}
        for some in parts(sorted(values)):
            found |= {row.id: None for row in connection.execute(_HOLDING, asked | {"some": some})}
    return list(found)


def _confirmed(connection: Connection, root: TrustedRoot, incident: str) -> tuple[str, ...]:
    """Return the operators that confirmed an incident, each by a key that was good for it then."""
    found = set[str]()
    for row in connection.execute(_CONFIRMING, {"incident": incident}):
        found |= set(authority.holders(root, "security", row.time, row.keys.split()))
    return tuple(sorted(found))
