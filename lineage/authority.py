"""Authority: may these keys say this about that, by what the log said before this leaf?

The trusted root in force at a leaf decides (3-trust, "Keys and trust root"), so whoever replays the log decides the same.
A key speaks if it holds the role its statement needs, is good at the leaf's time, and covers what the facts touch; a
change of the root itself needs as many distinct operators as the version in force asks for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lineage import predicates
from lineage.facts import Fact, Named, Rebuilt, Role, Rooted
from lineage.predicates.rebuild import verifier
from lineage.predicates.root import Key, TrustedRoot
from signing.errors import Forbidden
from signing.keys import PublicKey
from signing.statement import Statement

__all__ = ["SPEAKERS", "TrustedRoot", "candidates", "check", "rooted"]

SPEAKERS: tuple[Role, ...] = ("root", "publisher", "builder", "rebuilder", "security")


def candidates(root: TrustedRoot | None, statement: Statement) -> tuple[PublicKey, ...]:
    """Return the keys whose signatures count: those of the root in force, or of the first root in itself."""
    if root is None:
        root = rooted(predicates.facts(statement, ""))
    return () if root is None else root.public(*SPEAKERS)


def rooted(facts: Sequence[Fact]) -> TrustedRoot | None:
    """Return the trusted root that `facts` bring into force, if they do."""
    return next((TrustedRoot.parse(one.document.encode()) for one in facts if isinstance(one, Rooted)), None)


def check(
    root: TrustedRoot | None,
    statement: Statement,
    facts: Sequence[Fact],
    keys: Collection[str],
    time: int,
) -> tuple[str, ...]:
    """Return the operators that say `facts`, or refuse with what every signing key lacks.

    `root` is the version in force, None before the first; `keys` are the ids of the keys whose signatures over the
    statement hold; `time` is the leaf's, in unix seconds.
    """
    judge = _judge(root, rooted(facts))
    role = predicates.role(statement.predicate_type)
    known = {key.public.id: key for key in judge.keys}
    operators: set[str] = set()
    objections: list[str] = []
    for one in sorted(keys):
        objection = _objection(known.get(one), role, facts, time)
        if objection is None:
            operators.add(known[one].operator)
        else:
            objections.append(f"the key {one} {objection}")
    needed = judge.threshold if role == "root" else 1
    if len(operators) < needed:
        reasons = "; ".join(objections) or "no other key signed"
        raise Forbidden(
            f"{statement.predicate_type} needs {needed} operators with the role {role} under version {judge.version} of"
            f" the trusted root, and {len(operators)} signed it: {reasons}"
        )
    return tuple(sorted(operators))


def _judge(root: TrustedRoot | None, following: TrustedRoot | None) -> TrustedRoot:
    """Return the version that decides: the one in force, or the first about itself."""
    if following is not None:
        due = 1 if root is None else root.version + 1
        if following.version != due:
            raise Forbidden(f"version {following.version} of the trusted root, where version {due} is due")
    if root is not None:
        return root
    if following is None:
        raise Forbidden("no trusted root is in force: the first entry of a log is version 1 of one")
    return following


def _objection(key: Key | None, role: Role, facts: Sequence[Fact], time: int) -> str | None:
    """Say why this key may not say this, if so."""
    if key is None:
        return "is not in the trusted root"
    if role not in key.roles:
        return f"of {key.operator} holds {', '.join(key.roles)}, not {role}"
    if not key.valid(time):
        period = key.valid_for
        return (
            f"of {key.operator} is good from {period.start} to {period.end or 'now'}, and the time is {time}"
        )
    for fact in facts:
        match fact:
            case Named(name=name) if {"*", name.partition("/")[0]}.isdisjoint(key.namespaces):
                return f"of {key.operator} covers the namespaces {', '.join(key.namespaces) or 'none'}, not {name}"
            case Rebuilt(verifier=found) if found != verifier(key.operator):
                return f"of {key.operator} signs as {verifier(key.operator)}, not {found}"
            case _:
                pass
    return None
