"""Problems: the one place that knows which HTTP status a refusal has, in both directions (RFC 9457).

A class of refusal has a name, and `https://studbook.dev/problems/<name>` is the `type` of its problems: a client finds
the class by it and raises it again with the same sentence. What the machine failed at is answered without saying what:
paths and stack traces are for the log of whoever runs the registry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from registry.line import Busy
from registry.store import Absent
from registry.store.gate import Contradicted
from signing import canonical
from signing.errors import Forbidden, Malformed, Refused, Untrusted

BASE = "https://studbook.dev/problems/"
MEDIA_TYPE = "application/problem+json"


class TooLarge(Malformed):
    """More bytes were sent than are taken."""


class Unsatisfiable(Malformed):
    """The range asked for lies beyond the end of the bytes."""

    def __init__(self, sentence: str, size: int = 0) -> None:
        """Keep the `size` there is, which the answer tells."""
        super().__init__(sentence)
        self.size = size


class Stalled(Refused):
    """The sender stopped in the middle; the same request is welcome again."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of problem: its name, its status, and what it means in every case."""

    name: str
    status: int
    title: str

    @property
    def uri(self) -> str:
        """The `type` of these problems."""
        return BASE + self.name


REFUSALS: Mapping[type[Refused], Kind] = {
    Refused: Kind("refused", 409, "It does not fit what the log holds"),
    Malformed: Kind("malformed", 422, "What was sent is not what it claims to be"),
    TooLarge: Kind("too-large", 413, "More bytes were sent than are taken"),
    Unsatisfiable: Kind("unsatisfiable", 416, "The range lies beyond the end"),
    Untrusted: Kind("untrusted", 403, "No trusted key vouches for it"),
    Forbidden: Kind("forbidden", 403, "Whoever asks may not do this"),
    Absent: Kind("absent", 404, "It is not held here"),
    Contradicted: Kind(
        "license-conflict", 409, "Its licenses contradict each other, and nobody accepts that"
    ),
    Stalled: Kind("stalled", 408, "The sender stopped in the middle"),
    Busy: Kind("busy", 503, "More work than may wait"),
}
# RFC 9110, 15.5.1 and 15.5.21: no JSON at all, and JSON that says what cannot be.
UNREAD = replace(REFUSALS[Malformed], status=400)
UNKNOWN_ROUTE = Kind("unknown-route", 404, "There is nothing under this path")
METHOD = Kind("method-not-allowed", 405, "This path does not take this method")
MISDIRECTED = Kind("misdirected", 421, "This registry does not answer to that host name")
UNAVAILABLE = Kind("unavailable", 503, "The registry cannot answer now")
UNEXPECTED = Kind("unexpected", 500, "The registry made a mistake")
OTHERS = (UNKNOWN_ROUTE, METHOD, MISDIRECTED, UNAVAILABLE, UNEXPECTED)
# What the server refuses before the application is asked (hyper, under granian): the answer has no body.
UNHEARD = {
    414: "The URL is longer than 65,534 bytes",
    431: "The head of the request is longer than about 400 KiB, or has more than 100 fields",
}
_RETRY_SECONDS = 2


class Problem(BaseModel):
    """Why a request was refused (RFC 9457): `detail` is a sentence with the values in it."""

    type: str = Field(description="URI of the class of problem", examples=[BASE + "absent"])
    title: str = Field(description="what every problem of this class means")
    status: int = Field(description="the HTTP status", examples=[404])
    detail: str = Field(description="a sentence that says what is wrong here")
    instance: str = Field(description="the path that was asked for", examples=["/artifacts/sha256:00"])


def kind_of(error: Refused) -> Kind:
    """Return what sort of problem a refusal is."""
    if isinstance(error.__cause__, OSError | SQLAlchemyError):
        return UNAVAILABLE  # the machine failed, not the request
    kind = next(REFUSALS[one] for one in type(error).__mro__ if one in REFUSALS)
    unread = isinstance(error.__cause__, json.JSONDecodeError | UnicodeDecodeError)
    return UNREAD if kind is REFUSALS[Malformed] and unread else kind


def refused(error: Refused, instance: str) -> tuple[Problem, dict[str, str]]:
    """Return the problem a refusal is, and the headers that go with it."""
    kind = kind_of(error)
    headers = {}
    if kind.status == 503:
        headers["Retry-After"] = str(_RETRY_SECONDS)
    if isinstance(error, Unsatisfiable):
        headers["Content-Range"] = f"bytes */{error.size}"
    detail = (
        "something that the registry needs does not work; its log says what"
        if kind is UNAVAILABLE
        else str(error)
    )
    return problem(kind, detail, instance), headers


def problem(kind: Kind, detail: str, instance: str) -> Problem:
    """Return a problem of this kind."""
    return Problem(type=kind.uri, title=kind.title, status=kind.status, detail=detail, instance=instance)


def encode(said: Problem) -> bytes:
    """Return the body of a problem response."""
    return canonical.encode(said.model_dump())


def raised(status: int, body: bytes, url: str) -> Refused:
    """Return the refusal that a registry's answer with an error status stands for."""
    try:
        said = Problem.model_validate(canonical.decode(body))
    except (Malformed, ValidationError):
        return Refused(f"{url} answered with status {status} and no reason")
    classes = {kind.uri: error for error, kind in REFUSALS.items()}
    known = classes.get(said.type)
    return known(said.detail) if known else Refused(f"{url}: {said.title}: {said.detail}")


def documented(
    *errors: type[Refused],
    others: Sequence[Kind] = (),
    answers: Mapping[int | str, dict[str, Any]] | None = None,
) -> dict[int | str, dict[str, Any]]:
    """Return these problems and those of every request, beside the `answers`, as an OpenAPI `responses` object."""
    found: dict[int, list[Kind]] = {}
    every = (REFUSALS[Busy], MISDIRECTED, UNAVAILABLE, UNEXPECTED)
    for kind in (*(REFUSALS[error] for error in errors), *others, *every):
        found.setdefault(kind.status, []).append(kind)
    told: dict[int | str, dict[str, Any]] = {
        status: {"description": said} for status, said in UNHEARD.items()
    }
    return {**(answers or {}), **{status: _documented(kinds) for status, kinds in found.items()}, **told}


def _documented(kinds: Sequence[Kind]) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    examples = {kind.name: {"value": _example(kind)} for kind in kinds}
    return {
        "description": "; ".join(kind.title for kind in kinds),
        "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}},
    }


def _example(kind: Kind) -> dict[str, object]:
    return problem(
        kind, f"{kind.title}, in a sentence with the values in it.", "/artifacts/sha256:00"
    ).model_dump()
