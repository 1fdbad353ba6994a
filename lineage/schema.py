"""The words predicates are made of (ids, names, numbers, one line of text), and how a broken one is refused.

A model that is `Closed` refuses keys it does not know; one that is `Open` ignores them, as the parsing rules of in-toto
and SLSA demand of their own types. Numbers are written as strings, so that no float is ever canonicalised.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
)

from lineage.facts import is_stub
from merger.recipe import sentence
from signing import canonical
from signing.canonical import Json
from signing.digest import parse_id, sha256_hex
from signing.errors import Malformed
from signing.statement import Statement, Subject

BASE = "https://studbook.dev/"

WORD = "[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
NAME = f"{WORD}/{WORD}"

# The hub lets a repository's name begin with an underscore, and names here do not.
UPSTREAM = "[A-Za-z0-9_][A-Za-z0-9._-]{0,95}"
STUB = f"hf:{UPSTREAM}/{UPSTREAM}(@[0-9a-f]{{40}})?"
_STUB = re.compile(STUB, re.ASCII)

Hex = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Artifact = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]
# A stub keeps the hub's own spelling and is never folded (3-trust, Ids).
Stub = Annotated[str, Field(pattern=f"^{STUB}$")]
Ref = Annotated[str, Field(pattern=f"^(sha256:[0-9a-f]{{64}}|{STUB})$")]
Word = Annotated[str, Field(pattern=f"^{WORD}$")]
Name = Annotated[str, Field(pattern=f"^{NAME}$")]
License = Annotated[str, Field(pattern="^[A-Za-z0-9.+_-]{1,200}$")]
# Control and invisible characters could rewrite what a terminal shows around the text.
Line = Annotated[str, Field(max_length=2000, pattern=r"^[^\p{C}\p{Zl}\p{Zp}]+$")]
Decimal = Annotated[str, Field(pattern=r"^-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,30})?(e-?(0|[1-9][0-9]{0,3}))?$")]
# RFC 3339 in UTC, as in-toto's Timestamp wants it.
Timestamp = Annotated[
    str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$")
]


def _whole(text: object, info: ValidationInfo) -> int:
    if info.mode == "python" and isinstance(text, int) and 0 <= text < 10**15:
        return text
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise Malformed(f"{text!r:.40} is no whole number written as a string of at most 15 digits")
    if text != str(int(text)):
        raise Malformed(f"{text!r} is written with leading zeros")
    return int(text)


Whole = Annotated[int, BeforeValidator(_whole), PlainSerializer(str)]


class Closed(BaseModel):
    """A schema of our own: a key that it does not name is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class Open(BaseModel):
    """A schema of somebody else's: a key that it does not name is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, populate_by_name=True)


def _set(value: object) -> object:
    return "" if value is None else value


# SLSA Provenance v1, "Parsing rules": unset, null and empty are the same.
Text = Annotated[str, BeforeValidator(_set)]


class DigestSet(Open):
    """An in-toto DigestSet, of which only SHA-256 is read."""

    sha256: Hex | None = None


class Descriptor(Open):
    """An in-toto ResourceDescriptor: each field may be left out, and what is described elsewise than by SHA-256 is not read."""

    name: Text = ""
    uri: Text = ""
    digest: DigestSet | None = None

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of what is described, if that is given."""
        return None if self.digest is None else self.digest.sha256


Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], what: str, value: Json) -> Model:
    """Return `value` as `model`, or say in a sentence what is wrong with it; `what` names it there."""
    try:
        # Validating JSON text, not objects, lets arrays fill tuples in pydantic's strict mode.
        return model.model_validate_json(canonical.encode(value))
    except ValidationError as error:
        raise Malformed(sentence(what, error)) from None


def claim(
    model: type[BaseModel], uri: str, digests: Iterable[str], predicate: Mapping[str, Json]
) -> Statement:
    """Return the statement of type `uri` about the artifacts or entries with these ids, its predicate checked."""
    read(model, uri, predicate)
    subjects = tuple(Subject(one, parse_id(one)) for one in digests)
    return Statement(subjects, uri, predicate)


def subject(statement: Statement) -> Subject:
    """Return the one subject of a statement that has exactly one."""
    if len(statement.subjects) != 1:
        raise Malformed(f"{statement.predicate_type}: one subject is needed, not {len(statement.subjects)}")
    return statement.subjects[0]


def named(artifact: str) -> Subject:
    """Return the subject that is this artifact or stub.

    A stub has no bytes here, so its digest is that of its id: in-toto matches subjects by digest alone.
    """
    if is_stub(artifact):
        return Subject(check_stub(artifact), sha256_hex(artifact.encode()))
    return Subject(artifact, parse_id(artifact))


def ref(subject: Subject) -> str:
    """Return the id of the artifact or stub that a subject is (`named`)."""
    if not is_stub(subject.name):
        return f"sha256:{subject.sha256}"
    digest = sha256_hex(check_stub(subject.name).encode())
    if subject.sha256 != digest:
        raise Malformed(
            f"the subject {subject.name} has the digest {subject.sha256}; a stub's is that of its id, {digest}"
        )
    return subject.name


def check_stub(artifact: str) -> str:
    """Return a stub's id, or refuse what is none."""
    if _STUB.fullmatch(artifact) is None:
        raise Malformed(f"{artifact!r:.200} is no stub: write hf:owner/name or hf:owner/name@<40 hex digits>")
    return artifact


def artifact(statement: Statement) -> str:
    """Return the id of the one artifact that a statement is about."""
    return f"sha256:{subject(statement).sha256}"
