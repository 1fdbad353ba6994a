"""Assessed: the fact that somebody looked at what an incident means for one artifact, in the words of VEX."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

Status = Literal["affected", "not_affected", "fixed", "under_investigation"]
STATUSES: tuple[Status, ...] = get_args(Status)
# OpenVEX 0.2.0, "Status Justifications".
Justification = Literal[
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
]
JUSTIFICATIONS: tuple[Justification, ...] = get_args(Justification)


@dataclass(frozen=True, slots=True)
class Assessed:
    """What `incident` means for `artifact`, by the word of whoever looked at it, with a `note` in one line.

    `not_affected` has a justification, and holds until `expires` (unix seconds); `fixed` names the `corrected` artifact.
    """

    artifact: str
    incident: str
    status: Status
    justification: Justification | None
    expires: int | None
    corrected: str | None
    note: str
    kind: Literal["assessed"] = field(default="assessed", init=False)
