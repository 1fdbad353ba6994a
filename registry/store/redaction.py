"""Entries whose payload an order had removed: what they still say, and which artifacts are unknown because of it.

The words go from every table in the transaction that logs the redaction; ids, kinds and edges stay, so that what came after
still fits. A fold of the log without the payload gives the same rows: it reads what is left from the redaction's own leaf.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, text

from lineage import predicates
from lineage.facts import Fact, Named
from lineage.removals import Redacted
from lineage.residue import REMOVED, Residue, artifacts, residue
from registry.store import Absent, falling, log, unbound
from registry.store.lists import asking, parts
from registry.store.log import Logged
from registry.store.reflagging import reflag
from registry.store.tenure import standing
from signing.dsse import Envelope
from signing.errors import Malformed, Refused, Untrusted
from signing.statement import Statement

_KEPT = text("SELECT kept FROM redaction WHERE id = :id")
_ORDER = text("SELECT reason FROM redaction WHERE id = :id")
_ORDERS = text("SELECT entry, id, reason FROM redaction ORDER BY entry")
_BY = asking(
    'SELECT redaction.entry FROM entry JOIN redaction ON redaction.id = entry.id WHERE entry."index" IN :some'
)
# What a check of the log was told beforehand stands there already.
_KEEP = text("""
    INSERT INTO redaction (entry, id, reason, kept) VALUES (:entry, :id, :reason, :kept)
    ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, kept = excluded.kept
""")
_TELL = text("INSERT INTO redaction (entry, id, reason, kept) VALUES (:entry, :id, :reason, :kept)")
_ALL = text("SELECT entry, id, reason, kept FROM redaction")
_UNKNOWN = asking(
    "INSERT INTO unknown (artifact, entry) SELECT number, :entry FROM node WHERE id IN :some ON CONFLICT DO NOTHING",
    words="some",
)
_WAIVED_BEFORE = asking(
    f"""
    SELECT min(older.entry) FROM waiver JOIN waiver AS older ON older.artifact = waiver.artifact AND older.rule = waiver.rule
    AND older.license = waiver.license AND older.origin = waiver.origin AND older.namespace = waiver.namespace
    AND older.entry < waiver.entry
    WHERE waiver.entry IN :leaves AND older.entry NOT IN :leaves AND {standing("older")}
    """,
    "leaves",
)
_FORGET = tuple(
    asking(sql, "leaves")
    for sql in (
        'DELETE FROM payload WHERE "index" IN :leaves',
        """
        DELETE FROM file WHERE artifact IN (SELECT artifact FROM registration WHERE entry IN :leaves)
        AND artifact NOT IN (SELECT artifact FROM registration JOIN payload ON payload."index" = registration.entry)
        """,
        "DELETE FROM name WHERE entry IN :leaves",
        "DELETE FROM waiver WHERE entry IN :leaves",
        "DELETE FROM evaluation WHERE entry IN :leaves",
        "DELETE FROM attestation WHERE entry IN :leaves",
        "DELETE FROM mention WHERE entry IN :leaves",
        "UPDATE edge SET part = '{}' WHERE entry IN :leaves",
        "UPDATE rebuild SET differs = '[]' WHERE entry IN :leaves",
        f"UPDATE build SET builder = '{REMOVED}' WHERE entry IN :leaves",
        f"UPDATE incident SET summary = '{REMOVED}', contact = '{REMOVED}' WHERE entry IN :leaves",
        f"UPDATE amendment SET reason = '{REMOVED}' WHERE entry IN :leaves",
        f"UPDATE amendment SET summary = '{REMOVED}' WHERE entry IN :leaves AND summary IS NOT NULL",
        f"UPDATE amendment SET contact = '{REMOVED}' WHERE entry IN :leaves AND contact IS NOT NULL",
        f"UPDATE embargo SET contact = '{REMOVED}' WHERE entry IN :leaves",
        f"UPDATE dispute SET text = '{REMOVED}' WHERE entry IN :leaves",
        f"UPDATE stage SET reason = '{REMOVED}' WHERE entry IN :leaves",
        f"UPDATE assessment SET note = '{REMOVED}' WHERE entry IN :leaves",
        f"UPDATE gate SET reason = '{REMOVED}' WHERE entry IN :leaves",
    )
)


def redact(connection: Connection, index: int, fact: Redacted) -> None:
    """Remove what leaf `index` has removed: the payload of every leaf of the entry, and its words from every table."""
    leaves, kept = log.indexes(connection, fact.entry), Residue.parse(fact.kept.encode())
    unbound.keep(connection, fact.entry, kept)
    unselected = falling.fall(connection, fact.entry, leaves, kept)
    for statement in _FORGET:
        connection.execute(statement, {"leaves": leaves})
    said = {"entry": index, "id": fact.entry, "reason": fact.order, "kept": fact.kept}
    connection.execute(_KEEP, said)
    for incident, what in unselected:
        reflag(connection, incident, what)
    connection.execute(_UNKNOWN, {"entry": index, "some": artifacts(kept.facts)})


def said(connection: Connection, logged: Logged) -> tuple[Statement, tuple[Fact, ...]]:
    """Return the statement of an entry and its facts; once its payload is removed, what was left of both."""
    if logged.envelope is not None:
        statement = Statement.parse(Envelope.parse(logged.envelope).payload)
        return statement, predicates.facts(statement, logged.entry)
    kept: str | None = connection.scalar(_KEPT, {"id": logged.entry})
    if kept is None:
        raise Untrusted("its payload is gone, and no redaction in this log names it")
    found = Residue.parse(kept.encode())
    return Statement((), found.predicate_type, {}), found.facts


def orders(connection: Connection) -> dict[str, tuple[int, str]]:
    """Return every redaction by the id of the entry it removed: its own leaf, and the order."""
    return {row.id: (row.entry, row.reason) for row in connection.execute(_ORDERS)}


def by(connection: Connection, removed: Iterable[int]) -> tuple[int, ...]:
    """Return the redactions that removed any of these entries, in the order of the log."""
    return tuple(
        sorted({index for some in parts(removed) for index in connection.scalars(_BY, {"some": some})})
    )


def foretell(live: Connection, fresh: Connection) -> None:
    """Tell a fold beforehand what is left of the entries that it will find without payload; their redactions come later."""
    rows = [row._asdict() for row in live.execute(_ALL)]
    if rows:
        fresh.execute(_TELL, rows)


def left(connection: Connection, index: int) -> Residue:
    """Return what a redaction of entry `index` would keep."""
    logged = log.read(connection, index)
    if logged.envelope is None:
        raise Absent(f"the payload of entry {index} is gone already; its leaf and proof remain")
    statement, facts = said(connection, logged)
    found = residue(statement.predicate_type, facts)
    for fact in facts:
        if isinstance(fact, Named):
            found = unbound.linked(connection, logged.entry, fact, found)
    return found


def check_removed(connection: Connection, entry: str) -> None:
    """Refuse what was removed before."""
    order: str | None = connection.scalar(_ORDER, {"id": entry})
    if order is not None:
        raise Refused(f"entry {entry} was removed under an order, and is not taken again: {order}")


def check(connection: Connection, facts: Sequence[Fact]) -> None:
    """Refuse a redaction of what is not logged, that would keep something else of it, or by which an earlier waiver would count again."""
    for fact in facts:
        if isinstance(fact, Redacted):
            leaves = log.indexes(connection, fact.entry)
            if not leaves:
                raise Absent(f"no entry {fact.entry} is in this log, so it cannot be redacted")
            due = left(connection, leaves[0]).encode()
            if due != fact.kept.encode():
                raise Malformed(
                    f"the redaction of entry {fact.entry} keeps {fact.kept[:200]}, and the entry leaves {due[:200].decode()}"
                )
            # The newest waiver counts: without this one an earlier one, which it may have taken back, would count again.
            older: int | None = connection.scalar(_WAIVED_BEFORE, {"leaves": leaves})
            if older is not None:
                raise Refused(
                    f"entry {fact.entry} is the newer word on what entry {older} accepts, which would count again: redact entry {older} first"
                )
