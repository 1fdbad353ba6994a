"""Embargo: an incident is known, and its words are kept back until it is revealed; nothing is flagged before that.

predicateType `https://studbook.dev/embargo/v1`, said by a key with the security role. The one subject is the incident: its digest is
the id of the entry that will report it, which is the SHA-256 of what is going to be signed (DSSE's pre-authentication encoding
of the statement of type `incident`). That statement holds a `salt` of 32 random bytes, so nobody guesses it from the digest.

    {"contact": "<one line>"}                  whom to ask meanwhile

The incident is revealed by logging that very statement, under whichever key with the role. Its id is the one that was logged
here, so it was written when this was, to the byte. It is an incident from its own leaf on, and held to what every one is held to.
Establishes `Embargoed`.
"""

from __future__ import annotations

from lineage import schema
from lineage.facts import Role
from lineage.incidents import Embargoed
from signing.statement import Statement

URI = schema.BASE + "embargo/v1"
ROLES: tuple[Role, ...] = ("security",)


class _Embargo(schema.Closed):
    contact: schema.Line


def facts(statement: Statement, entry: str) -> tuple[Embargoed]:  # noqa: ARG001 - every predicate's signature
    """Return which incident is known and kept back."""
    said = schema.read(_Embargo, URI, statement.predicate)
    return (Embargoed(schema.subject(statement).sha256, said.contact),)


def statement(incident: str, contact: str) -> Statement:
    """Say that `incident` (64 hex digits, the id of the entry that will report it) is known; `contact` says whom to ask."""
    return schema.claim(_Embargo, URI, [f"sha256:{incident}"], {"contact": contact})
