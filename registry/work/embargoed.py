"""An incident that is kept back: its statement as a file, of which the log has the digest, until it is revealed."""

from __future__ import annotations

import secrets
from pathlib import Path

from lineage import predicates
from lineage.incidents import Reported
from lineage.predicates import embargo as embargo_predicate
from lineage.predicates import incident as incident_predicate
from registry.home import Home
from registry.store import Absent, keys
from registry.store.embargoes import embargoes
from registry.store.log import Receipt
from signing import dsse
from signing.errors import Malformed
from signing.statement import Statement


def salt() -> str:
    """Return 32 random bytes in hex, which keep a statement from being guessed by its digest."""
    return secrets.token_hex(32)


def keep(home: Home, said: Statement, contact: str, to: Path) -> tuple[str, Receipt]:
    """Write an incident's statement to a file that nobody else can read, and log its id; return both.

    The file comes first: an id in the log whose words were lost could never be revealed. It is taken away if nothing is logged.
    """
    incident = incident_of(said)
    keys.write(to, said.encode() + b"\n")
    try:
        return incident, home.say("security", embargo_predicate.statement(incident, contact))[0]
    except BaseException:
        to.unlink()
        raise


def kept(home: Home, raw: bytes) -> Statement:
    """Return the statement of an incident in a file, which this log has under embargo to the byte.

    Raises `Malformed` for what reports no incident, `Absent` for what is not the statement that was kept back.
    """
    said = Statement.parse(raw.removesuffix(b"\n"))
    if said.predicate_type != incident_predicate.URI:
        raise Malformed(
            f"{said.predicate_type} reports no incident: `studbook incident embargo` writes what does"
        )
    incident = incident_of(said)
    with home.store.reading() as connection:
        if not embargoes(connection, incident):
            raise Absent(
                f"no embargo of incident {incident} is logged here: a byte of its statement is another, or it was never kept back"
            )
    return said


def incident_of(said: Statement) -> str:
    """Return the id that an incident has once its statement is logged, whoever signs it."""
    # Who signs does not matter to the id of an entry.
    incident = dsse.Envelope(dsse.IN_TOTO, said.encode(), ()).entry
    if not any(isinstance(fact, Reported) for fact in predicates.facts(said, incident)):
        raise Malformed(f"{said.predicate_type} reports no incident")
    return incident
