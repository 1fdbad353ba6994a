"""The confirmation of an incident, signed by one operator after another where one alone may not confirm it, then logged.

A file holds the signed envelope and nothing else, as a change of the trusted root does: whoever adds a signature reads what
it says, and anybody may hand in a whole one, here or over HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass

from lineage import authority, predicates, stages
from lineage.around import Incident
from lineage.incidents import Restaged
from lineage.predicates import incident_change
from registry.home import Home
from registry.publish import publish
from registry.store import Absent, flagging, mass
from registry.store.log import Receipt
from registry.store.mass import Confirming
from signing import dsse
from signing.dsse import Envelope
from signing.errors import Malformed, Refused
from signing.keys import PrivateKey
from signing.statement import Statement


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A signed confirmation, what the incident flags by now, and who of `able` operators has signed it of the `needed`."""

    envelope: Envelope
    incident: Incident
    reason: str
    flags: int
    operators: tuple[str, ...]
    able: tuple[str, ...]
    needed: int

    @property
    def lacking(self) -> int:
        """How many operators more must sign before it can be logged."""
        return max(0, self.needed - len(self.operators))

    @property
    def others(self) -> tuple[str, ...]:
        """Which operators have not signed it and may."""
        return tuple(one for one in self.able if one not in self.operators)


def propose(home: Home, incident: str, reason: str) -> Confirmation:
    """Return the confirmation of an incident (its id), signed by this home's security key."""
    said = incident_change.statement(incident, "confirmed", reason)
    return read(home, dsse.sign(said.encode(), [home.keys("security")]))


def read(home: Home, envelope: Envelope) -> Confirmation:
    """Return what an envelope confirms, what that flags as of now, and who has signed; `submit` judges the rest.

    Raises `Malformed` for what confirms no incident, `Absent` for an incident that nobody reported here, and `Refused` for one
    that is not to be confirmed any longer.
    """
    statement = Statement.parse(envelope.payload)
    match predicates.facts(statement, envelope.entry):
        case (Restaged(which, "confirmed", reason),):
            pass
        case _:
            raise Malformed(
                f"{statement.predicate_type} confirms no incident: `studbook incident confirm --out FILE` writes what does"
            )
    root = home.root()
    with home.store.reading() as connection:
        found = next((one for one in flagging.incidents(connection, which) if one.id == which), None)
        if found is None:
            raise Absent(f"no entry {which} reports an incident here")
        stages.check_stage(which, found.stage, "confirmed")
        due = mass.confirming(connection, root, which, home.now(), home.settings)
    signed = [key.id for key in dsse.verified(envelope, root.public("security"))]
    operators = authority.holders(root, "security", home.now(), signed)
    return Confirmation(envelope, found, reason, due.flags, operators, due.able, due.needed)


def countersign(home: Home, envelope: Envelope, key: PrivateKey) -> Confirmation:
    """Return the confirmation with one more signature, of a key with the security role."""
    read(home, envelope)  # nobody signs what could not be submitted
    root = home.root()
    if not authority.holders(root, "security", home.now(), [key.public.id]):
        raise Refused(
            f"the key {key.public.id} is not good for the role security in version {root.version} of the trusted root"
        )
    return read(home, dsse.countersigned(envelope, key))


def submit(home: Home, confirmation: Confirmation) -> Receipt:
    """Log a confirmation that enough operators have signed; from its leaf on the incident is confirmed."""
    return publish(home.writer(), confirmation.envelope.encode())


def alone(home: Home, incident: str) -> Confirming | None:
    """Return how much an incident flags that takes two operators to confirm where the trusted root names only one; None otherwise."""
    root = home.root()
    with home.store.reading() as connection:
        found = mass.confirming(connection, root, incident, home.now(), home.settings)
    return found if found.flags > home.settings.confirm_alone and len(found.able) < 2 else None
