"""What incidents select no longer once an order removed a binding of a name, or the range of names that an incident said.

What is left says neither name nor artifact, so which incidents selected by it cannot be told again. All of them that select by names
have their flags set anew at the leaf that removes it, in this fold and in every other.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from lineage.incidents import Kind, Reported
from lineage.removals import Removed, Unbound
from lineage.residue import Residue
from registry.store.lists import asking
from registry.store.tenure import standing

_UNBIND = asking("DELETE FROM selected WHERE entry IN (SELECT entry FROM name WHERE entry IN :some)")
_BY_NAME = text(f"""
    SELECT DISTINCT incident.entry, incident.what FROM incident JOIN selector ON selector.incident = incident.id
    WHERE selector.attribute = 'name' AND {standing("incident")} AND {standing("selector")} ORDER BY incident.entry
""")
_FORGET = text("DELETE FROM selector WHERE incident = :id AND attribute = 'name' AND value NOT LIKE 'hf:%'")
_UNSELECT = text("DELETE FROM selected WHERE incident = :id AND entry IN (SELECT entry FROM name)")
_THAT = text(f"SELECT entry, what FROM incident WHERE id = :id AND {standing('incident')}")


def fall(
    connection: Connection, entry: str, leaves: Sequence[int], kept: Residue
) -> tuple[tuple[int, Kind], ...]:
    """Unselect what rests on the entry that is about to lose its words; return the incidents whose flags are to be set anew.

    `leaves` are the entry's, and `kept` is what it still says.
    """
    gone = any(isinstance(fact, Removed | Unbound) for fact in kept.facts)
    if gone and any(isinstance(fact, Reported) for fact in kept.facts):
        connection.execute(_FORGET, {"id": entry})
        connection.execute(_UNSELECT, {"id": entry})
        rows = connection.execute(_THAT, {"id": entry}).all()
    elif gone:
        connection.execute(_UNBIND, {"some": leaves})
        rows = connection.execute(_BY_NAME).all()
    else:
        rows = []
    return tuple((row.entry, row.what) for row in rows)
