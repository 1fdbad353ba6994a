"""How many incidents one operator may have open: whoever is at the limit ends one before it reports another (3-trust, T28).

An incident is open while it is reported or confirmed, and counts for every operator that signed its report with a security
key. Operators are counted and not keys, or a second key would double what one may.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, text

from lineage.authority import TrustedRoot
from lineage.facts import Fact
from lineage.incidents import Reported
from registry.settings import Settings
from registry.store.tenure import standing
from signing.errors import Refused

_OPEN = text(f"""
    SELECT entry.keys, entry.time FROM incident JOIN entry ON entry."index" = incident.entry
    WHERE {standing("incident")} AND coalesce(
        (SELECT stage.stage FROM stage WHERE stage.incident = incident.id AND {standing("stage")}
         ORDER BY stage.entry DESC, stage.seq DESC LIMIT 1), incident.stage) IN ('reported', 'confirmed')
""")


def check(
    connection: Connection,
    root: TrustedRoot | None,
    facts: Sequence[Fact],
    operators: Collection[str],
    limits: Settings,
) -> None:
    """Refuse another incident by operators that all have as many open as one may, with the numbers.

    Whoever has room may report it, whoever else signs.
    """
    if root is None or not any(isinstance(fact, Reported) for fact in facts):
        return
    counts = opened(connection, root)
    if all(counts.get(one, 0) >= limits.open_incidents for one in operators):
        told = " and ".join(f"{one} has {counts.get(one, 0)} incidents open" for one in operators)
        raise Refused(
            f"{told}, and one operator has at most {limits.open_incidents}: resolve, reject or retract one first"
        )


def opened(connection: Connection, root: TrustedRoot) -> dict[str, int]:
    """Return how many incidents each operator of a trusted root has open; those who have none are left out."""
    keys = {key.public.id: key for key in root.keys if "security" in key.roles}
    found: dict[str, int] = {}
    for row in connection.execute(_OPEN):
        signed = (keys[one] for one in row.keys.split() if one in keys)
        for operator in {key.operator for key in signed if key.valid(row.time)}:
            found[operator] = found.get(operator, 0) + 1
    return found
