"""Foreign statements: what somebody says about an artifact in a type of their own, which nobody here reads.

Such a statement is a leaf like any other: signed, dated, by an operator of the trusted root, about one registered artifact.
It establishes `Attested` and nothing else: that it was said. The types that Studbook may ever read stand under a fixed set of
names, `RESERVED`, and one of those that it cannot read yet is refused. So no version of Studbook finds another meaning in a
leaf than the version that admitted it (docs/adr/0025-foreign-attestations.md).
"""

from __future__ import annotations

import re

from lineage import schema
from lineage.checks import Attested
from lineage.facts import Role
from signing import canonical
from signing.digest import sha256_hex
from signing.errors import Malformed, Refused
from signing.statement import Statement

ROLES: tuple[Role, ...] = ("publisher", "builder", "rebuilder", "security")
# Hosts, whose subdomains are reserved too. This set never changes: one more could be a type that a log holds already, one
# less would let others say what older versions refused.
RESERVED = frozenset({"studbook.dev", "slsa.dev", "in-toto.io", "model_signing"})
SCHEME = "studbook"

# RFC 3986 in the one spelling that in-toto's TypeURI demands: scheme and authority in lower case. Nobody logs in to a type.
_URI = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*):"
    r"(?://(?P<host>[a-z0-9._-]+)(?::[0-9]{1,5})?(?=[/?#]|\Z)|(?!/))"
    r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-F]{2})*"
)
_LONGEST = 500


def check(uri: str) -> None:
    """Refuse a type that is no URI in its normal form, or is reserved and not understood here."""
    found = _URI.fullmatch(uri) if len(uri) <= _LONGEST else None
    if found is None or (found["scheme"] in ("http", "https") and found["host"] is None):
        raise Malformed(
            f"{uri!r:.200} is no type of a statement: that is a URI of at most {_LONGEST} characters, scheme and host in"
            " lower case, such as https://example.org/review/v1"
        )
    if found["scheme"] == SCHEME or reserved(found["host"] or ""):
        raise Refused(
            f"statements of type {uri!r} are not understood here, and types of {', '.join(sorted(RESERVED))} are read or"
            " refused; `studbook attest` takes any other"
        )


def reserved(host: str) -> bool:
    """Tell whether types under this host name are read or refused."""
    name = host.rstrip(".")
    return any(name == one or name.endswith(f".{one}") for one in RESERVED)


def facts(statement: Statement) -> tuple[Attested]:
    """Return that the statement was made: about what, of which type, and the SHA-256 of its canonical predicate."""
    check(statement.predicate_type)
    digest = sha256_hex(canonical.encode(statement.predicate))
    return (Attested(schema.artifact(statement), statement.predicate_type, digest),)
