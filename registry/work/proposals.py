"""What the holders of the root say together: a version of the trusted root or a redaction, signed by one after another, then logged."""

from __future__ import annotations

from dataclasses import dataclass

from lineage import authority, predicates, succession
from lineage.authority import TrustedRoot
from lineage.predicates import redaction as redaction_predicate
from lineage.predicates import root as root_predicate
from lineage.removals import Redacted
from lineage.residue import Residue
from registry.home import Home
from registry.publish import publish
from registry.store import redaction
from registry.store.log import Receipt
from signing import dsse
from signing.dsse import Envelope
from signing.errors import Malformed, Refused
from signing.keys import PrivateKey
from signing.statement import Statement

Change = TrustedRoot | Redacted


@dataclass(frozen=True, slots=True)
class Proposal:
    """A signed change, and who has signed it of the `needed` operators."""

    envelope: Envelope
    change: Change
    operators: tuple[str, ...]
    needed: int

    @property
    def lacking(self) -> int:
        """How many operators more must sign before it can be logged."""
        return max(0, self.needed - len(self.operators))


def propose(home: Home, change: Change) -> Proposal:
    """Return `change`, signed by this home's root key."""
    return proposal(home, dsse.sign(_statement(change).encode(), [home.keys("root")]))


def proposal(home: Home, envelope: Envelope) -> Proposal:
    """Return what an envelope proposes and who of the version in force has signed it; `submit` judges the rest."""
    root = home.root()
    change = _change(home, root, envelope)
    signed = {key.id for key in dsse.verified(envelope, root.public("root"))}
    good = {key.operator for key in root.keys if key.public.id in signed and key.valid(home.now())}
    return Proposal(envelope, change, tuple(sorted(good)), root.threshold)


def countersign(home: Home, envelope: Envelope, key: PrivateKey) -> Proposal:
    """Return the proposal with one more signature."""
    proposal(home, envelope)  # nobody signs what could not be submitted
    if key.public not in home.root().public("root"):
        raise Refused(
            f"the key {key.public.id} holds no root role in version {home.root().version} of the trusted root"
        )
    return proposal(home, dsse.countersigned(envelope, key))


def submit(home: Home, proposed: Proposal) -> Receipt:
    """Log a change that enough operators have signed; from its leaf on it is in force."""
    return publish(home.writer(), proposed.envelope.encode())


def _statement(change: Change) -> Statement:
    match change:
        case TrustedRoot():
            return root_predicate.statement(change)
        case Redacted(entry, order, kept):
            return redaction_predicate.statement(entry, order, Residue.parse(kept.encode()))


def _change(home: Home, root: TrustedRoot, envelope: Envelope) -> Change:
    """Return what an envelope would change, if it could be logged now but for its signatures."""
    statement = Statement.parse(envelope.payload)
    facts = predicates.facts(statement, envelope.entry)
    following = authority.rooted(facts)
    if following is not None:
        succession.check(root, following, home.now())
        return following
    match facts:
        case (Redacted() as redacted,):
            with home.store.reading() as connection:
                redaction.check(connection, facts)
            return redacted
        case _:
            raise Malformed(
                f"{statement.predicate_type} is no version of a trusted root, {root_predicate.URI}, and no redaction,"
                f" {redaction_predicate.URI}"
            )
