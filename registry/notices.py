"""Whom an incident concerns: what of each operator's it affects and by which way, and the message that says so.

Like the rest of `answers`, made from the store, sent by the HTTP routes, read back by a client, printed by the command line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field, model_validator

from registry.incidents import IncidentOut
from registry.said import Answer
from registry.statuses import StatusOut
from registry.store import Absent

_STAGES: Mapping[str, str] = {
    "reported": "It was reported and nobody has confirmed it yet. Please look into it.",
    "confirmed": "It is confirmed. Please stop offering what is affected, and tell whoever built on it.",
    "resolved": "It is resolved. The files below stay affected; a corrected artifact has an id of its own.",
    "rejected": "It was rejected: nothing was found to be wrong. What is listed below is not affected by it.",
    "retracted": "It was taken back: whoever reported it says that it was wrong. What is listed below is not affected by it.",
}


class AffectedOut(Answer):
    """An artifact that an incident reaches, and a shortest way there: from an artifact it names, down to this one.

    `status` is what somebody found it to mean for this artifact, if anybody did.
    """

    artifact: str
    names: tuple[str, ...]
    via: tuple[str, ...] = Field(min_length=1)
    status: StatusOut | None = None

    @model_validator(mode="after")
    def _is_where_the_way_ends(self) -> AffectedOut:
        if self.via[-1] != self.artifact:
            raise ValueError(f"the way to {self.artifact} ends at {self.via[-1]}")
        return self


class OwnerOut(Answer):
    """An operator that signed the first registration of each of these artifacts, and how to reach it by the trusted root."""

    operator: str
    contacts: tuple[str, ...]
    artifacts: tuple[AffectedOut, ...]


class OwnersOut(Answer):
    """Whom an incident concerns, in the log of `as_of` entries; nobody registered what is `unowned`, as no stub ever is."""

    incident: IncidentOut
    log: str = Field(description="name of the log on its checkpoints")
    owners: tuple[OwnerOut, ...]
    unowned: tuple[AffectedOut, ...]
    as_of: int
    complete: bool

    @model_validator(mode="after")
    def _begins_every_way_at_the_incident(self) -> OwnersOut:
        if self.incident.stage not in _STAGES:
            raise ValueError(f"{self.incident.stage!r} is no stage of an incident")
        for one in self.affected():
            if one.via[0] not in self.incident.artifacts:
                raise ValueError(f"the way to {one.artifact} begins at {one.via[0]}, which is not named")
        return self

    def affected(self) -> Iterator[AffectedOut]:
        """Go through every artifact, once for each of its owners."""
        for owner in self.owners:
            yield from owner.artifacts
        yield from self.unowned

    def names(self) -> dict[str, tuple[str, ...]]:
        """Return what each affected artifact is called: every way leads through these alone."""
        return {one.artifact: one.names for one in self.affected()}


def message(answer: OwnersOut, operator: str) -> str:
    """Return a message to an operator as plain text, to be sent by whoever asked; `Absent` if nothing of its is affected."""
    owner = next((one for one in answer.owners if one.operator == operator), None)
    if owner is None:
        others = ", ".join(one.operator for one in answer.owners) or "nobody"
        raise Absent(
            f"{operator} registered nothing that incident {answer.incident.id[:12]} reaches; {others} did"
        )
    incident, names = answer.incident, answer.names()
    number = len(owner.artifacts)
    head = "1 artifact of yours" if number == 1 else f"{number} artifacts of yours"
    lines = [
        f"To: {operator} ({'; '.join(owner.contacts)})",
        f"Subject: incident {incident.id[:12]} ({incident.kind}, {incident.severity}, {incident.stage}): {head}",
        "",
        f"An incident in the log {answer.log} reaches what you registered there.",
        "",
        f"  incident  {incident.id}",
        f"  kind      {incident.kind}, severity {incident.severity}, {incident.stage}",
        f"  summary   {incident.summary}",
        f"  contact   {incident.contact}",
        "",
        _STAGES[incident.stage],
        "",
        f"{head}, each with the way that the incident takes to it:",
    ]
    for one in owner.artifacts:
        lines += ["", f"  {_called(one.artifact, names)}", f"    {one.artifact}"]
        lines.append(f"    by way of {' → '.join(_called(step, names) for step in one.via)}")
        if one.status is not None and not one.status.expired:
            lines.append(f"    found to be {one.status.status.replace('_', ' ')}: {one.status.note}")
    if not answer.complete:
        lines += [
            "",
            "The list is not complete: more was made of what the incident names than is listed here.",
        ]
    lines += [
        "",
        f"This is as of {answer.as_of} entries of the log and is not signed: `studbook status REF` says how an artifact stands.",
    ]
    return "\n".join(lines) + "\n"


def _called(artifact: str, names: Mapping[str, Sequence[str]]) -> str:
    known = names.get(artifact, ())
    return known[0] if known else artifact
