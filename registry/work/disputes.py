"""Disputes of incidents: what an owner says against one, here or at a registry, and what a file of bundles proves of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lineage.around import Said
from lineage.incidents import Disputed
from registry.notices import OwnersOut
from registry.store import Absent
from registry.work.lines import Held
from signing.errors import Malformed


def owned(found: OwnersOut, operator: str, artifact: str | None) -> str:
    """Return for which artifact an operator disputes an incident: the one it names, or the only one of its that is reached.

    Raises `Absent` where the incident reaches nothing that the operator registered, `Malformed` where it reaches several.
    """
    own = [one.artifact for owner in found.owners if owner.operator == operator for one in owner.artifacts]
    which = found.incident.id[:12]
    if artifact in own:
        return artifact
    if artifact is not None or not own:
        what = "nothing" if artifact is None else f"no {artifact}"
        more = "" if found.complete else " among those that are listed"
        raise Absent(
            f"incident {which} reaches {what} that {operator} registered{more}; `studbook incident owners {which}` says whom"
            " it concerns"
        )
    if len(own) > 1:
        raise Malformed(
            f"incident {which} reaches {len(own)} artifacts that {operator} registered: say for which by --artifact"
        )
    return own[0]


def told(held: Iterable[Held]) -> Mapping[str, tuple[Said[Disputed], ...]]:
    """Return the disputes that proven lines tell of each incident, in the order of the log, each once whoever seconds it."""
    found: dict[str, dict[str, Said[Disputed]]] = {}
    for line in held:
        for fact in line.facts:
            if isinstance(fact, Disputed):
                what = line.proof.proven
                said = Said(fact, line.proof.operators, what.time, what.entry)
                found.setdefault(fact.incident, {}).setdefault(what.entry, said)
    return {incident: tuple(some.values()) for incident, some in found.items()}
