"""Hooks and their deliveries: planned from the log, claimed by one sender at a time, and settled by what came of them.

A delivery that was claimed is due again after a while, so a sender that is killed loses nothing; whoever received it by
then is sent it twice, under one id, as the specification of webhooks allows.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from registry.store import Absent, log
from registry.store.changes import CHANGES


@dataclass(frozen=True, slots=True)
class Hook:
    """An address that is told what concerns an operator, an artifact, or all; `secret` says where its secret is."""

    id: str
    url: str
    scope: str
    about: str
    secret: str
    ended: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message to a hook about the change logged as `entry`, and what came of sending it so far."""

    hook: str
    entry: int
    attempts: int
    due: int | None
    state: str
    said: str


_ADD = text("""
    INSERT INTO hook (id, url, scope, about, secret, planned, ended)
    VALUES (:id, :url, :scope, :about, :secret, :planned, NULL)
""")
_HOOKS = text("SELECT id, url, scope, about, secret, ended FROM hook ORDER BY id")
_DELIVERIES = text("""
    SELECT hook, entry, attempts, due, state, said FROM delivery WHERE hook = :hook ORDER BY entry
""")
_PLAN = text(f"""
    INSERT INTO delivery (hook, entry, attempts, due, state, said)
    SELECT DISTINCT hook.id, change.entry, 0, CAST(:now AS BIGINT), 'waiting', '' FROM hook
    JOIN ({CHANGES}) AS change ON change.entry >= CASE WHEN hook.id = :hook THEN :since ELSE hook.planned END
    WHERE hook.ended IS NULL AND NOT EXISTS (
        SELECT 1 FROM delivery AS other WHERE other.hook = hook.id AND other.entry = change.entry)
""")
_PLANNED = text("UPDATE hook SET planned = :size WHERE planned < :size")
_DUE = text("""
    SELECT delivery.hook, delivery.entry, delivery.attempts, delivery.due, delivery.state, delivery.said
    FROM delivery JOIN hook ON hook.id = delivery.hook
    WHERE delivery.due <= :now AND hook.ended IS NULL ORDER BY delivery.due, delivery.entry, delivery.hook LIMIT 1
""")
_PENDING = text("""
    SELECT 1 FROM hook WHERE ended IS NULL AND (planned < :size OR EXISTS (
        SELECT 1 FROM delivery WHERE delivery.hook = hook.id AND delivery.due <= :now)) LIMIT 1
""")
_CLAIM = text(
    "UPDATE delivery SET due = :until, attempts = attempts + 1 WHERE hook = :hook AND entry = :entry"
)
_SETTLE = text("""
    UPDATE delivery SET due = :due, state = :state, said = :said
    WHERE hook = :hook AND entry = :entry AND attempts = :attempts
""")
_END = text("UPDATE hook SET ended = :why WHERE id = :hook")
_REPLAY = text("""
    UPDATE delivery SET due = :now, attempts = 0, state = 'waiting', said = '' WHERE hook = :hook AND entry >= :since
""")
_REMOVE = (text("DELETE FROM delivery WHERE hook = :hook"), text("DELETE FROM hook WHERE id = :hook"))


def add(connection: Connection, hook: Hook) -> None:
    """Keep a hook, which is told of what is logged from now on."""
    connection.execute(
        _ADD,
        {
            "id": hook.id,
            "url": hook.url,
            "scope": hook.scope,
            "about": hook.about,
            "secret": hook.secret,
            "planned": log.size(connection),
        },
    )


def hooks(connection: Connection) -> tuple[Hook, ...]:
    """Return every hook."""
    return tuple(
        Hook(row.id, row.url, row.scope, row.about, row.secret, row.ended)
        for row in connection.execute(_HOOKS)
    )


def hook(connection: Connection, which: str) -> Hook:
    """Return the hook with this id; `Absent` if there is none."""
    for one in hooks(connection):
        if one.id == which:
            return one
    raise Absent(f"there is no hook {which!r}; `studbook hooks list` lists them")


def deliveries(connection: Connection, which: str) -> tuple[Delivery, ...]:
    """Return what was and is to be sent to a hook, in the order of the log."""
    return tuple(Delivery(*row) for row in connection.execute(_DELIVERIES, {"hook": which}))


def remove(connection: Connection, which: str) -> None:
    """Forget a hook and what was sent to it."""
    for statement in _REMOVE:
        connection.execute(statement, {"hook": which})


def plan(connection: Connection, now: int, which: str = "", since: int = 0) -> None:
    """Plan a delivery of every change that hooks were not told of; to the hook `which`, of all since entry `since`."""
    connection.execute(_PLAN, {"now": now, "hook": which, "since": since})
    connection.execute(_PLANNED, {"size": log.size(connection)})


def claim(connection: Connection, now: int, until: int) -> Delivery | None:
    """Return what is to be sent next, for this sender alone until then; None if nothing is due."""
    row = connection.execute(_DUE, {"now": now}).one_or_none()
    if row is None:
        return None
    connection.execute(_CLAIM, {"hook": row.hook, "entry": row.entry, "until": until})
    return Delivery(row.hook, row.entry, row.attempts + 1, until, row.state, row.said)


def settle(connection: Connection, sent: Delivery, due: int | None, state: str, said: str) -> None:
    """Write down what came of a delivery, unless it was claimed or replayed since."""
    settled = {"hook": sent.hook, "entry": sent.entry, "attempts": sent.attempts}
    connection.execute(_SETTLE, settled | {"due": due, "state": state, "said": said})


def end(connection: Connection, which: str, why: str) -> None:
    """Send nothing to a hook any longer."""
    connection.execute(_END, {"hook": which, "why": why})


def replay(connection: Connection, which: str, since: int | None, now: int) -> None:
    """Send a hook once more what it was told, or everything since entry `since`, under the same ids."""
    plan(connection, now)
    if since is not None:
        plan(connection, now, which, since)
    connection.execute(_REPLAY, {"hook": which, "since": since or 0, "now": now})


def pending(connection: Connection, now: int) -> bool:
    """Tell whether there is anything to plan or to send."""
    asked = {"now": now, "size": log.size(connection)}
    return connection.execute(_PENDING, asked).first() is not None
