"""Incident: something is wrong with these artifacts, and with what descends from them as far as the kind carries.

predicateType `https://studbook.dev/incident/v1`, said by a key with the security role. The subjects are the artifacts; of a stub,
which has no bytes here, the name is its id, `hf:<owner>/<name>[@<40 hex>]`, and the digest is the SHA-256 of that id. A subject
that is called `key:<64 hex>` is a signing key, with its id as the digest: it selects what the key registered or built, now and later.

    {"kind": "compromised" | ...,               one of `lineage.facts.KINDS`
     "severity": "low" | "medium" | "high" | "critical",
     "stage": "reported" | "confirmed",         reported warns, confirmed refuses
     "summary": "<one line>", "contact": "<one line>", "issued": "<unix seconds>"}

The incident's id is the id of the entry that reports it. `issued` tells a second incident with the same words from a
repetition of the first statement. It is changed by `incident_change` and never deleted. Establishes `Reported`, and `Selecting` for
each key.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from lineage import schema
from lineage.facts import Kind, Reported, Role, Selecting, Severity
from signing.canonical import Json
from signing.digest import check_hex
from signing.errors import Malformed
from signing.statement import Statement, Subject

URI = schema.BASE + "incident/v1"
ROLES: tuple[Role, ...] = ("security",)

Opening = Literal["reported", "confirmed"]

_KEY = "key:"


class _Incident(schema.Closed):
    kind: Kind
    severity: Severity
    stage: Opening
    summary: schema.Line
    contact: schema.Line
    issued: schema.Whole


def facts(statement: Statement, entry: str) -> tuple[Reported | Selecting, ...]:
    """Return the incident that `entry` opens, and by what it selects artifacts besides those it names."""
    said = schema.read(_Incident, URI, statement.predicate)
    keys = sorted({_key(one) for one in statement.subjects if one.name.startswith(_KEY)})
    artifacts = sorted({schema.ref(one) for one in statement.subjects if not one.name.startswith(_KEY)})
    return (
        Reported(entry, tuple(artifacts), said.kind, said.severity, said.stage, said.summary, said.contact),
        *(Selecting(entry, "key", key) for key in keys),
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
) -> Statement:
    """Report, at `issued` in unix seconds, that `artifacts`, stubs among them, are `what`, in one line and with whom to ask.

    So is whatever one of `keys` (ids of 64 hex digits) registered or built, or does later.
    """
    predicate: dict[str, Json] = {
        "kind": what,
        "severity": severity,
        "stage": stage,
        "summary": summary,
        "contact": contact,
        "issued": str(issued),
    }
    schema.read(_Incident, URI, predicate)
    named = [schema.named(one) for one in sorted(set(artifacts))]
    named += [Subject(f"{_KEY}{one}", check_hex(one, "the id of a key")) for one in sorted(set(keys))]
    if not named:
        raise Malformed("an incident names at least one artifact or key")
    return Statement(tuple(named), URI, predicate)


def _key(subject: Subject) -> str:
    key = subject.name.removeprefix(_KEY)
    if key != subject.sha256:
        raise Malformed(
            f"the subject {subject.name[:200]!r} has the digest {subject.sha256}; a key's is its id"
        )
    return key
