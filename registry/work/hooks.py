"""Tell subscribers of incidents by signed webhooks: one message for each hook and change, sent until it is taken.

What a message holds depends on the log up to that change alone, so a retry and a replay send the same words under the
same id, and whoever receives them can tell (Standard Webhooks, "Idempotency").
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection

from lineage.status import Policy
from registry import export
from registry.home import Home
from registry.incidents import IncidentOut
from registry.notices import AffectedOut, OwnersOut
from registry.settings import variable
from registry.store import Absent, changes, hooks, keys, refs, trust
from registry.store.hooks import Delivery, Hook
from registry.work import posting
from registry.work.owners import reached
from signing import canonical, webhook
from signing.errors import Malformed, Refused

# The specification's example of a schedule: seconds before each further attempt.
WAITS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
# Who claims a delivery and dies leaves it to the next one after this long; no attempt takes longer.
_LEASE = 60
_LISTED = 100
_GONE = 410
_REFERENCE = "env://"

Post = Callable[[str, Mapping[str, str], bytes], int]
"""Sends a body with headers to a URL and returns the status of the answer, or refuses with what went wrong."""


def add(home: Home, url: str, scope: str, about: str, secret: str | None = None) -> tuple[Hook, str | None]:
    """Add a hook; return it with its new secret, or with None where `secret` is a reference env://NAME.

    Raises `Malformed` for a URL or a reference that cannot be one, `Absent` for an operator or artifact nobody knows.
    """
    posting.place(url)
    made = secret is None
    identity = f"hook_{secrets.token_hex(8)}"
    with home.store.reading() as connection:
        known = _known(connection, scope, about)
    if secret is None:
        written = webhook.secret(secrets.token_bytes(32))
        folder = home.path / "keys" / "hooks"
        folder.mkdir(mode=0o700, exist_ok=True)
        keys.write(folder / identity, written.encode())
        secret = f"hooks/{identity}"
    elif secret.startswith(_REFERENCE):
        written = _secret(home, secret)
    else:
        raise Malformed("a secret is named as env://NAME, and never written into a command")
    hook = Hook(identity, url, scope, known, secret)
    with home.store.writing() as connection:
        hooks.add(connection, hook)
    return hook, written if made else None


def remove(home: Home, which: str) -> None:
    """Forget a hook, and its secret."""
    with home.store.writing() as connection:
        hook = hooks.hook(connection, which)
        hooks.remove(connection, which)
    if not hook.secret.startswith(_REFERENCE):
        (home.path / "keys" / hook.secret).unlink(missing_ok=True)


def replay(home: Home, which: str, since: int | None) -> None:
    """Let a hook be sent again what it was told, or everything since entry `since`, whether it was there then or not."""
    with home.store.writing() as connection:
        hook = hooks.hook(connection, which)
        if hook.ended is not None:
            raise Refused(f"hook {which} has ended, {hook.ended}: add a new one")
        hooks.replay(connection, which, since, home.now())


def deliver(home: Home, post: Post | None = None, most: int = 1000) -> tuple[Delivery, ...]:
    """Send what is due, at most `most` messages; return each as it stands after that."""
    send = post or _posting(home)
    with home.store.reading() as connection:
        if not hooks.pending(connection, home.now()):
            return ()  # the writer's turn is not taken only to look
    with home.store.writing() as connection:
        hooks.plan(connection, home.now())
    settled = list[Delivery]()
    while len(settled) < most:
        with home.store.writing() as connection:
            claimed = hooks.claim(connection, home.now(), home.now() + _LEASE)
        if claimed is None:
            break
        settled.append(_attempt(home, claimed, send))
    return tuple(settled)


def _attempt(home: Home, claimed: Delivery, send: Post) -> Delivery:
    """Send one message and write down what came of it."""
    status, said = 0, ""
    with home.store.reading() as connection:
        hook = hooks.hook(connection, claimed.hook)
        found = message(connection, hook, claimed.entry)
    if found is not None:
        identity, body = found
        try:
            signed = webhook.headers(_secret(home, hook.secret), identity, home.now(), body)
            status = send(hook.url, signed, body)
            said = f"answered with status {status}"
        except Refused as error:
            said = str(error)
    due: int | None = None
    if found is None:
        state = "not concerned"
    elif 200 <= status < 300:
        state = "delivered"
    elif status == _GONE or claimed.attempts > len(WAITS):
        state = "given up"
    else:
        state, due = "waiting", home.now() + WAITS[claimed.attempts - 1]
    with home.store.writing() as connection:
        hooks.settle(connection, claimed, due, state, said[:500])
        if status == _GONE:
            hooks.end(connection, hook.id, "its address answered 410 Gone")
    return replace(claimed, due=due, state=state, said=said[:500])


def message(connection: Connection, hook: Hook, entry: int) -> tuple[str, bytes] | None:
    """Return the id and the body of what a hook is told of the change in leaf `entry`; None if it does not concern it."""
    change = changes.at(connection, entry)
    if change is None:
        return None
    # As of the change, or a retry would find that a status has expired or that more is selected, and say something else.
    found = reached(connection, change.incident, Policy(change.time), size=entry + 1)
    affected = _of(hook, found)
    if not affected:
        return None
    identity = f"msg_{uuid5(NAMESPACE_URL, export.address('messages', f'{hook.id}/{change.entry}')).hex}"
    return identity, canonical.encode(
        {
            "type": f"incident.{change.event}",
            "timestamp": export.moment(change.time),
            "data": {
                "log": found.log,
                "index": entry,
                "entry": change.entry,
                "reason": change.reason,
                "incident": canonical.decode(IncidentOut.of(change.incident).model_dump_json().encode()),
                "affected": [
                    {
                        "artifact": one.artifact,
                        "names": list(one.names),
                        "via": list(one.via),
                        "status": None
                        if one.status is None
                        else canonical.decode(one.status.model_dump_json().encode()),
                    }
                    for one in affected[:_LISTED]
                ],
                "total": len(affected),
            },
        }
    )


def _of(hook: Hook, found: OwnersOut) -> tuple[AffectedOut, ...]:
    """Return what of the subscriber's is affected, each artifact once."""
    every = tuple({one.artifact: one for one in found.affected()}.values())
    match hook.scope:
        case "operator":
            own = [owner.artifacts for owner in found.owners if owner.operator == hook.about]
            return own[0] if own else ()
        case "artifact":
            return tuple(one for one in every if one.artifact == hook.about)
        case _:
            return every


def _known(connection: Connection, scope: str, about: str) -> str:
    if scope == "artifact":
        return refs.resolve(connection, about)
    root = trust.root(connection)
    operators = sorted({key.operator for key in root.keys}) if root else []
    if scope == "operator" and about not in operators:
        raise Absent(
            f"the trusted root names no operator {about!r:.100}; it names {', '.join(operators) or 'nobody'}"
        )
    return about


def _secret(home: Home, where: str) -> str:
    name = where.removeprefix(_REFERENCE)
    if name == where:
        return keys.read(home.path / "keys" / where).decode()
    found = variable(name)
    if found is None:
        raise Absent(f"{where}: the environment has no {name}")
    webhook.key(found)
    return found


def _posting(home: Home) -> Post:
    private = home.settings.hook_private
    return lambda url, headers, body: posting.post(url, headers, body, private=private)
