"""Change who may say what: which keys the next version of the trusted root names, and what falls with it."""

from __future__ import annotations

from lineage import succession
from lineage.authority import TrustedRoot
from lineage.facts import Role
from lineage.predicates.root import Period
from registry.home import Home
from registry.store import keys, log, tenure
from registry.store.log import Logged, Receipt
from signing.errors import Refused
from signing.keys import PublicKey


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
        return max(home.now(), log.end(connection)[1])


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
