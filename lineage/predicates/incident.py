"""Incident: something is wrong with these artifacts, and with what descends from them as far as the kind carries.

predicateType `https://studbook.dev/incident/v1`, said by a key with the security role. The subjects are the artifacts; of a stub,
which has no bytes here, the name is its id, `hf:<owner>/<name>[@<40 hex>]`, and the digest is the SHA-256 of that id. A subject
that is called `key:<64 hex>` is a signing key, with its id as the digest: it selects what the key registered or built, now and later.
One called `tensor:<64 hex>` is a tensor by its digest, which is no SHA-256, so that of the name stands beside it: it selects what
holds the tensor (`containment`). One called `name:<pattern>` is a range of names (`lineage.patterns`), with the SHA-256 of the subject's
name as its digest: it selects whatever such a name was ever bound to, or the stubs that are called so.

    {"kind": "compromised" | ...,               one of `lineage.incidents.KINDS`
     "severity": "low" | "medium" | "high" | "critical",
     "stage": "reported" | "confirmed",         reported warns, confirmed refuses
     "summary": "<one line>", "contact": "<one line>", "issued": "<unix seconds>",
     "salt": "<64 hex>"}                        only of one that was under embargo, so that nobody guessed it (`embargo`)

The incident's id is the id of the entry that reports it. `issued` tells a second incident with the same words from a
repetition of the first statement. It is changed by `incident_change` and `incident_amendment`, and never deleted. Establishes `Reported`,
and `Selecting` for each key, tensor and range of names.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from pydantic import field_validator

from lineage import patterns, schema
from lineage.facts import Role
from lineage.incidents import Attribute, Kind, Reported, Selecting, Severity
from signing.canonical import Json
from signing.digest import check_hex, sha256_hex
from signing.errors import Malformed
from signing.statement import Statement, Subject

URI = schema.BASE + "incident/v1"
ROLES: tuple[Role, ...] = ("security",)

Opening = Literal["reported", "confirmed"]

_ATTRIBUTES: tuple[Attribute, ...] = get_args(Attribute)
_SELECTORS = tuple(f"{one}:" for one in _ATTRIBUTES)


class _Incident(schema.Closed):
    kind: Kind
    severity: Severity
    stage: Opening
    summary: schema.Line
    contact: schema.Line
    issued: schema.Whole
    salt: schema.Hex | None = None

    @field_validator("salt", mode="before")
    @classmethod
    def _is_left_out_or_given(cls, salt: object) -> object:
        # One statement has one spelling: no salt is never written as null.
        if salt is None:
            raise Malformed("a salt is 64 hex digits, or is left out")
        return salt


def facts(statement: Statement, entry: str) -> tuple[Reported | Selecting, ...]:
    """Return the incident that `entry` opens, and by what it selects artifacts besides those it names."""
    said = schema.read(_Incident, URI, statement.predicate)
    selecting = sorted({_selector(one) for one in statement.subjects if one.name.startswith(_SELECTORS)})
    artifacts = sorted({schema.ref(one) for one in statement.subjects if not one.name.startswith(_SELECTORS)})
    return (
        Reported(entry, tuple(artifacts), said.kind, said.severity, said.stage, said.summary, said.contact),
        *(Selecting(entry, attribute, value) for attribute, value in selecting),
    )


def statement(
    artifacts: Iterable[str],
    what: Kind,
    severity: Severity,
    stage: Opening,
    summary: str,
    *,
    contact: str,
    issued: int,
    keys: Iterable[str] = (),
    tensors: Iterable[str] = (),
    names: Iterable[str] = (),
    salt: str | None = None,
) -> Statement:
    """Report, at `issued` in unix seconds, that `artifacts`, stubs among them, are `what`, in one line and with whom to ask.

    So is whatever one of `keys` (ids of 64 hex digits) registered or built, or does later, what holds one of `tensors` (digests), and
    what a name in one of the ranges `names` was ever bound to, or will be. A `salt` (64 hex digits) makes it a statement that nobody
    guesses, to be kept under embargo.
    """
    predicate: dict[str, Json] = {
        "kind": what,
        "severity": severity,
        "stage": stage,
        "summary": summary,
        "contact": contact,
        "issued": str(issued),
    }
    if salt is not None:
        predicate["salt"] = salt
    schema.read(_Incident, URI, predicate)
    named = [schema.named(one) for one in sorted(set(artifacts))]
    named += [_selecting("key", one) for one in sorted(set(keys))]
    named += [_selecting("tensor", one) for one in sorted(set(tensors))]
    named += [_selecting("name", one) for one in sorted(set(names))]
    if not named:
        raise Malformed("an incident names at least one artifact, key, tensor or range of names")
    return Statement(tuple(named), URI, predicate)


def _selecting(attribute: Attribute, value: str) -> Subject:
    """Return the subject by which whatever has this attribute is selected; a key's id is a SHA-256, and of nothing else."""
    if attribute == "name":
        patterns.check(value)
    else:
        check_hex(value, f"a {attribute} that an incident names")
    name = f"{attribute}:{value}"
    return Subject(name, value if attribute == "key" else sha256_hex(name.encode()))


def _selector(subject: Subject) -> tuple[Attribute, str]:
    attribute = next(one for one in _ATTRIBUTES if subject.name.startswith(f"{one}:"))
    value = subject.name.removeprefix(f"{attribute}:")
    due = _selecting(attribute, value).sha256
    if subject.sha256 != due:
        raise Malformed(
            f"the subject {subject.name} has the digest {subject.sha256}; the one of that is {due}"
        )
    return attribute, value
