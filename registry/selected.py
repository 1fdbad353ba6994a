"""Which relatives of an artifact are asked for, as a value with one JSON form, and as the words of a query."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

from pydantic import Field, ValidationError

from lineage.facts import Evidence, Relation
from lineage.selection import Moment, Selection, State
from merger.recipe import sentence
from registry.said import Answer
from signing.errors import Malformed

Grade = Literal["claimed", "signed", "consistent", "reproduced", "contradicted"]
PLACE = "^(entry:)?[0-9]{1,15}$"
"""A moment as it is sent: unix seconds, or `entry:` and the index of an entry."""
_ENTRY = "entry:"
_DIGITS = re.compile(f"({_ENTRY})?[0-9]{{1,15}}", re.ASCII)


class SelectionOut(Answer):
    """What was asked for; what is empty or null was asked of nothing. A moment is in unix seconds, or `entry:` and an index."""

    relations: tuple[Relation, ...] = ()
    evidence: Grade | None = None
    standing: State | None = None
    license: str | None = Field(None, min_length=1, max_length=100)
    owner: str | None = Field(None, min_length=1, max_length=200)
    since: str | None = Field(None, pattern=PLACE)
    until: str | None = Field(None, pattern=PLACE)

    @classmethod
    def of(cls, **asked: object) -> SelectionOut:
        """Return a selection, each relation once and in order; `Malformed` says in a sentence what is none."""
        try:
            found = cls.model_validate(asked)
        except ValidationError as error:
            raise Malformed(sentence("the selection", error)) from None
        return found.model_copy(update={"relations": tuple(sorted(set(found.relations)))})

    def selection(self) -> Selection:
        """Return the selection as the core takes it."""
        return Selection(
            frozenset(self.relations),
            None if self.evidence is None else Evidence[self.evidence.upper()],
            self.standing,
            self.license,
            self.owner,
            None if self.since is None else moment(self.since),
            None if self.until is None else moment(self.until),
        )

    def query(self) -> dict[str, str]:
        """Return what was asked as the words of a query, each that asks nothing left out."""
        asked = self.model_dump(exclude_defaults=True)
        relations = asked.pop("relations", ())
        return asked | ({"relations": ",".join(relations)} if relations else {})


EVERYTHING = SelectionOut()


def moment(said: str) -> Moment | None:
    """Return the place in the log that a word for a time means, None if it means none.

    That is unix seconds, `entry:` and the index of an entry, or a time in ISO 8601 with its zone.
    """
    if _DIGITS.fullmatch(said):
        digits = said.removeprefix(_ENTRY)
        return Moment(int(digits), "time" if digits == said else "entry")
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return None
    return None if found.tzinfo is None else Moment(int(found.timestamp()), "time")
