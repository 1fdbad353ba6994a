"""Fold the whole log again, in place, into tables that a migration has emptied (1-architecture, "The log is the truth")."""

from __future__ import annotations

from sqlalchemy import Connection

from lineage import authority
from registry.store import judge, log, tenure
from registry.store.fold import fold
from signing.dsse import Envelope
from signing.log import Leaf


def refold(connection: Connection) -> None:
    """Write every table that is folded, from all entries; those tables are empty."""
    for logged in log.scan(connection):
        if logged.envelope is None:
            continue
        leaf = Leaf.parse(logged.leaf)
        judged = judge.read(log.root(connection), Envelope.parse(logged.envelope))
        operators = authority.check(judged.root, judged.statement, judged.facts, leaf.keys, leaf.time)
        # As when it was written: a statement that counts already says nothing new under other keys.
        facts = () if tenure.leaves(connection, leaf.pae, logged.index) else judged.facts
        fold(connection, logged.index, leaf.pae, facts, operators)
