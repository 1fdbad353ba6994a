"""Say something of an artifact by a file: a predicate of any type that is read here, or of a type of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lineage import predicates
from signing import canonical, dsse
from signing.digest import parse_id
from signing.errors import Malformed
from signing.statement import Statement, Subject


def attestation(artifact: str, uri: str, file: Path) -> Statement:
    """Return the statement of type `uri` about `artifact` whose predicate is in `file`; refuse what no log would take."""
    with file.open("rb") as opened:
        raw = opened.read(dsse.MAX_BYTES + 1)
    if len(raw) > dsse.MAX_BYTES:
        raise Malformed(f"{file} is longer than an envelope may be, {dsse.MAX_BYTES} bytes")
    said = canonical.decode(raw)
    if not isinstance(said, Mapping):
        raise Malformed(f"{file} holds no JSON object, and a predicate is one")
    statement = Statement((Subject(artifact, parse_id(artifact)),), uri, said)
    # What reads the type says what is wrong with it before anything is signed.
    predicates.facts(statement, "")
    return statement
