"""Stages: what may still be said of an incident, by the stage that it is in (4-lineage, "Standing and incidents")."""

from __future__ import annotations

from collections.abc import Mapping

from lineage.assessed import Assessed
from lineage.incidents import Amended, Disputed, Embargoed, Restaged, Stage
from lineage.standing import ENDED
from signing.errors import Refused

# What is not a key here is final.
NEXT: Mapping[Stage, frozenset[Stage]] = {
    "reported": frozenset({"confirmed", "rejected", "retracted"}),
    "confirmed": frozenset({"resolved", "rejected", "retracted"}),
}


def check(
    said: Restaged | Amended | Assessed | Disputed | Embargoed,
    stage: Stage | None,
    *,
    reaches: bool = False,
) -> None:
    """Refuse what may not be said of an incident in this stage; None is one that nobody reported.

    `reaches`: it flags the artifact for which it is disputed, or may, for all that an order left.
    """
    if isinstance(said, Embargoed):
        if stage is not None:
            raise Refused(f"incident {said.incident} is reported already, and is no secret any longer")
        return
    if stage is None:
        raise Refused(f"no entry {said.incident} reports an incident here")
    match said:
        case Restaged(incident, following):
            check_stage(incident, stage, following)
        case Disputed(incident) if stage in ENDED:
            raise Refused(f"incident {incident} was {stage}: nothing of it is left to dispute")
        case Disputed(incident, artifact) if not reaches:
            raise Refused(
                f"incident {incident} neither names nor reaches {artifact}, so it is not disputed for that"
            )
        case _:
            pass


def check_stage(incident: str, stage: Stage, following: Stage) -> None:
    """Refuse to move an incident from its stage to one that does not come next."""
    # The same change may be seconded by another key; any other step back would reopen what was ended.
    if following != stage and following not in NEXT.get(stage, ()):
        then = ", ".join(sorted(NEXT.get(stage, ()))) or "nothing else"
        raise Refused(
            f"incident {incident} is {stage} and becomes {then}, not {following}; report a new one instead"
        )
