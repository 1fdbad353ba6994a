"""Fold the whole log again, in place, into tables that a migration has emptied (1-architecture, "The log is the truth").

The table of redactions is never emptied: what those removed cannot be read again.
"""

from __future__ import annotations

from sqlalchemy import Connection

from lineage import authority
from registry.store import log, redaction, tenure, trust
from registry.store.fold import fold
from registry.store.log import Logged
from signing.errors import Refused
from signing.log import Leaf


def refold(connection: Connection) -> None:
    """Write every table that is folded, from all entries; those tables are empty."""
    for logged in log.scan(connection):
        try:
            _fold(connection, logged)
        except Refused as error:
            # What an earlier version took may be refused by this one.
            raise Refused(f"entry {logged.index}: {error}") from error


def _fold(connection: Connection, logged: Logged) -> None:
    leaf = Leaf.parse(logged.leaf)
    statement, facts = redaction.said(connection, logged)
    operators = authority.check(trust.root(connection), statement, facts, leaf.keys, leaf.time)
    # As when it was written: a statement that counts already says nothing new under other keys.
    stands = tenure.leaves(connection, leaf.pae, logged.index)
    fold(connection, logged.index, leaf, () if stands else facts, operators, leaf.keys)
