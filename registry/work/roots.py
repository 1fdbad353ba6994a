"""Change who may say what: the next version of the trusted root, signed by as many operators as the one in force asks for."""

from __future__ import annotations

from dataclasses import dataclass

from lineage import authority, predicates, succession
from lineage.authority import TrustedRoot
from lineage.facts import Role
from lineage.predicates import root as root_predicate
from lineage.predicates.root import Period
from registry.home import Home
from registry.publish import publish
from registry.store import keys, log, tenure
from registry.store.log import Logged, Receipt
from signing import dsse
from signing.dsse import Envelope
from signing.errors import Malformed, Refused
from signing.keys import PrivateKey, PublicKey
from signing.statement import Statement


@dataclass(frozen=True, slots=True)
class Proposal:
    """A signed version of the trusted root, and who has signed it of the `needed` operators."""

    envelope: Envelope
    following: TrustedRoot
    operators: tuple[str, ...]
    needed: int


def propose(home: Home, following: TrustedRoot) -> Proposal:
    """Return `following`, signed by this home's root key."""
    statement = root_predicate.statement(following)
    return proposal(home, dsse.sign(statement.encode(), [home.keys("root")]))


def proposal(home: Home, envelope: Envelope) -> Proposal:
    """Return what an envelope proposes and who of the version in force has signed it; `submit` judges the rest."""
    root = home.root()
    statement = Statement.parse(envelope.payload)
    following = authority.rooted(predicates.facts(statement, envelope.entry))
    if following is None:
        raise Malformed(f"{statement.predicate_type} is no version of a trusted root, {root_predicate.URI}")
    succession.check(root, following, home.now())
    signed = {key.id for key in dsse.verified(envelope, root.public("root"))}
    good = {key.operator for key in root.keys if key.public.id in signed and key.valid(home.now())}
    return Proposal(envelope, following, tuple(sorted(good)), root.threshold)


def countersign(home: Home, envelope: Envelope, key: PrivateKey) -> Proposal:
    """Return the proposal with one more signature."""
    proposal(home, envelope)  # nobody signs what could not be submitted
    if key.public not in home.root().public("root"):
        raise Refused(
            f"the key {key.public.id} holds no root role in version {home.root().version} of the trusted root"
        )
    (signature,) = dsse.sign(envelope.payload, [key]).signatures
    others = tuple(one for one in envelope.signatures if one.sig != signature.sig)
    return proposal(home, Envelope(envelope.payload_type, envelope.payload, (*others, signature)))


def submit(home: Home, proposed: Proposal) -> Receipt:
    """Log a version that enough operators have signed; from its leaf on it is in force."""
    return publish(home.writer(), proposed.envelope.encode())


def fallen(home: Home, receipt: Receipt) -> tuple[Logged, ...]:
    """Return the entries that count no longer since the version with this receipt came into force."""
    with home.store.reading() as connection:
        return tuple(
            log.read(connection, index)
            for index, until in tenure.ended(connection).items()
            if until == receipt.index
        )


def moment(home: Home) -> int:
    """Return the time from which on a key may begin or end without changing what is logged, in unix seconds.

    The log's own time may be ahead of this machine's clock, and an end before it would void entries.
    """
    with home.store.reading() as connection:
        return max(home.now(), log.last_time(connection))


def rotated(home: Home, role: Role) -> TrustedRoot | None:
    """Make this home a new key to follow the one of `role`; return the version that names it, None if it is in force.

    The new key waits beside the old one until that version is in force; `adopt` then puts it in the old one's place.
    """
    if role == "log":
        raise Refused("a log keeps its key: checkpoints are judged by one name and one key")
    root, old = home.root(), home.keys(role).public
    held = next((key for key in root.keys if key.public == old), None)
    if held is None:
        raise Refused(
            f"the {role} key {old.id} of {home.path} is not in the trusted root in force, so none follows it"
        )
    new = keys.successor(home.key_file(role), home.ask).public
    if new in root.public():
        return None
    now = moment(home)
    end = now if held.valid_for.end is None else min(now, held.valid_for.end)
    added = held.model_copy(update={"public": new, "valid_for": Period(start=now, end=None)})
    return succession.following(root, add=[added], end={old.id: end})


def adopt(home: Home, role: Role) -> PublicKey:
    """Use the key that waits for `role` from now on."""
    keys.adopt(home.key_file(role), home.ask)
    return home.keys(role).public
