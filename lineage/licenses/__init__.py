"""Licenses: one TOML file each, found by being here; facts in our own words about what a text asks, and no legal advice.

To add a license, drop `<id>.toml` in, where `<id>` is its id on the hub or on SPDX's list in lower case, and a worked
example as `tests/cases/licenses/<id>.toml`; schema, algebra and conflict rules then hold for it. A file says:

- `spdx`, `aka`, `links`: under which other words cards declare it; `family` is for people who read lists.
- `commercial`: "yes", "conditional" (a threshold, a registration), "no" or "unknown".
- `flow_down`: what a distributed derivative has to take along, from "none" over "notice", "terms" (a copy of the agreement,
  which goes on binding), "use_restrictions" (as a clause of any later license) and "same_license" to "no_derivatives";
  `compat` are the licenses under which a derivative of a "same_license" one may stand as well.
- `scope`: "weights" (whatever is made of the weights), "outputs_train" (models trained on outputs too), "adapter" (an adapter
  that is published alone is said to be a derivative; where that is not said, it is unsettled, and not denied).
- `obligations` and `restrictions`, each of a kind below with the values that it needs; `gated`: the terms were accepted by
  whoever received the weights; `patent_grant`.
- `sources`: what was read, and when. An `id` names the license and says nothing about it, and `memory` is no reading:
  where there is nothing else, `verified` is false, and no answer that rests on it is `ok`. `review` marks what the text, or
  what is known of it, leaves open.

`VERSION` counts the rule-set, which is these files and the rules of `lineage.conflicts` and `lineage.uses`; every finding names it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from merger.recipe import sentence
from signing.errors import Malformed

VERSION = 1

Commercial = Literal["no", "unknown", "conditional", "yes"]
# In this order: the least of several is what holds of them together, and unknown yields to "no" alone.
COMMERCIAL: tuple[Commercial, ...] = get_args(Commercial)
FlowDown = Literal["none", "notice", "terms", "use_restrictions", "same_license", "no_derivatives", "unknown"]
FLOW_DOWN: tuple[FlowDown, ...] = get_args(FlowDown)[:-1]
Scope = Literal["weights", "outputs_train", "adapter"]
Duty = Literal[
    "copy_of_license",
    "notice_text",
    "state_changes",
    "attribution",
    "name_prefix",
    "display",
    "name_statement",
    "aup",
    "disclose_source",
    "network_source",
    "register",
    "keep_latest",
]
Bar = Literal[
    "nc",
    "research_only",
    "use_based",
    "mau",
    "revenue",
    "no_improve_other_models",
    "territory_excluded",
    "patent_retaliation",
    "remote_restrict",
    "no_further_restrictions",
]
# Nothing is known under these ids: what bears one is at best unknown.
UNKNOWN = ("missing", "other", "unknown")

_ID = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_WORDED: frozenset[str] = frozenset({"name_prefix", "display", "name_statement"})


class _Table(BaseModel):
    # Not strict as a whole, since TOML has arrays where Python has tuples; every scalar below is.
    model_config = ConfigDict(extra="forbid", frozen=True)


class Obligation(_Table):
    """Something to do; any one of `texts` will do where it is a matter of words."""

    kind: Duty
    texts: tuple[StrictStr, ...] = ()

    @property
    def said(self) -> str:
        """The obligation in a few words."""
        return f"{self.kind} {' or '.join(map(repr, self.texts))}" if self.texts else self.kind

    @model_validator(mode="after")
    def _has_its_words(self) -> Self:
        if self.kind in _WORDED and not self.texts:
            raise ValueError(f"{self.kind} says in which words")
        if self.texts and self.kind not in _WORDED | {"notice_text"}:
            raise ValueError(f"{self.kind} has no words")
        return self


class Restriction(_Table):
    """Something not to do. `above` is a number of monthly users, or US dollars a year; `when` names a condition nothing here can judge."""

    kind: Bar
    above: StrictInt | None = None
    places: tuple[StrictStr, ...] = ()
    materials: StrictBool = False
    outputs: StrictBool = False
    unless: tuple[StrictStr, ...] = ()
    """Licenses whose models may be improved all the same."""
    when: StrictStr = ""

    @property
    def said(self) -> str:
        """The restriction in a few words."""
        about = [*self.places, *([] if self.above is None else [f"above {self.above:,}"])]
        about += [f"by {which}" for which in ("materials", "outputs") if getattr(self, which)]
        about += [f"unless {', '.join(self.unless)}"] if self.unless else []
        about += [f"where {self.when}"] if self.when else []
        return f"{self.kind} ({', '.join(about)})" if about else self.kind

    @model_validator(mode="after")
    def _has_its_values(self) -> Self:
        if (self.above is not None) != (self.kind in {"mau", "revenue"}):
            raise ValueError(f"a threshold belongs to mau and revenue, and {self.kind} has {self.above}")
        if bool(self.places) != (self.kind == "territory_excluded"):
            raise ValueError(f"places belong to territory_excluded, and {self.kind} has {list(self.places)}")
        if (self.materials or self.outputs) != (self.kind == "no_improve_other_models"):
            raise ValueError("materials and outputs belong to no_improve_other_models, which has one of them")
        return self


class Source(_Table):
    """What was read, and on which day: the `text`, a `table` of its terms, only its `id`, or nothing but `memory`."""

    what: Literal["text", "table", "id", "memory"]
    reference: StrictStr = Field(min_length=1)
    read: date


class License(_Table):
    """What is known of one license."""

    id: StrictStr
    spdx: StrictStr | None = None
    aka: tuple[StrictStr, ...] = ()
    links: tuple[StrictStr, ...] = ()
    family: StrictStr
    commercial: Commercial
    flow_down: FlowDown
    compat: tuple[StrictStr, ...] = ()
    scope: tuple[Scope, ...] = Field(min_length=1)
    patent_grant: StrictBool
    gated: StrictBool
    obligations: tuple[Obligation, ...]
    restrictions: tuple[Restriction, ...]
    note: StrictStr = ""
    review: StrictBool = False
    verified: StrictBool
    sources: tuple[Source, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.verified != any(source.what in {"text", "table"} for source in self.sources):
            raise ValueError("verified means that a text or a table of its terms was read")
        if self.compat and self.flow_down != "same_license":
            raise ValueError("compat belongs to a flow_down of same_license")
        if "weights" not in self.scope:
            raise ValueError("a license of weights holds for what is made of them")
        return self

    def bars(self, *kinds: Bar) -> tuple[Restriction, ...]:
        """Return its restrictions of these kinds."""
        return tuple(one for one in self.restrictions if one.kind in kinds)

    def duties(self, *kinds: Duty) -> tuple[Obligation, ...]:
        """Return its obligations of these kinds."""
        return tuple(one for one in self.obligations if one.kind in kinds)


def parse(license_id: str, text: str) -> License:
    """Return the license with this id that a file's text describes, or say what is wrong with it."""
    if _ID.fullmatch(license_id) is None:
        raise Malformed(f"{license_id!r} is no license id: lower case, digits, and `.+-` between")
    try:
        return License.model_validate({"id": license_id} | tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise Malformed(f"license {license_id}: {error}") from None
    except ValidationError as error:
        raise Malformed(sentence(f"license {license_id}", error)) from None


def gathered(licenses: Mapping[str, License]) -> Mapping[str, License]:
    """Return `licenses` by id, once what they name of each other is there and no word means two of them."""
    meant = dict.fromkeys(licenses, "")
    for one in licenses.values():
        named = {*one.compat, *(name for bar in one.restrictions for name in bar.unless)}
        if lost := named - licenses.keys():
            raise Malformed(f"license {one.id} names {', '.join(sorted(lost))}, which is not here")
        for word in one.aka:
            if meant.get(word, one.id) != one.id or word != word.casefold():
                raise Malformed(
                    f"license {one.id}: {word!r} is not in lower case, or means {meant.get(word) or word} too"
                )
            meant[word] = one.id
    return MappingProxyType(dict(licenses))


@cache
def discovered() -> Mapping[str, License]:
    """Return every license of this folder by its id, in the order of ids."""
    paths = sorted(Path(__file__).parent.glob("*.toml"), key=lambda path: path.stem)
    return gathered({path.stem: parse(path.stem, path.read_text("utf-8")) for path in paths})
