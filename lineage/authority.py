"""Authority: may these keys say this about that, by what the log said before this leaf?

The trusted root in force at a leaf decides (3-trust, "Keys and trust root"), so whoever replays the log decides the same.
A key speaks if it holds a role its statement needs, is good at the leaf's time, and covers what the facts touch; a
change of the root itself needs as many distinct operators as the version in force asks for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lineage import predicates, sameness, succession
from lineage.checks import Agreed, Rebuilt
from lineage.facts import (
    Derived,
    Fact,
    Gated,
    Named,
    Role,
    Rooted,
    Waived,
)
from lineage.predicates.rebuild import registry, verifier
from lineage.predicates.root import Key, TrustedRoot
from lineage.removals import Removed, Unbound
from signing.digest import sha256_hex
from signing.errors import Forbidden
from signing.keys import PublicKey
from signing.statement import Statement

__all__ = [
    "SPEAKERS",
    "TrustedRoot",
    "candidates",
    "check",
    "contacts",
    "holders",
    "owners",
    "rooted",
    "speaks",
]

SPEAKERS: tuple[Role, ...] = ("root", "publisher", "builder", "rebuilder", "security")


def candidates(root: TrustedRoot | None, payload: bytes) -> tuple[PublicKey, ...]:
    """Return the keys whose signatures over `payload` count: those of the root in force, or of the first in itself."""
    if root is None:  # the one payload that is read before a signature over it held
        root = rooted(predicates.facts(Statement.parse(payload), ""))
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
    judge = _judge(root, rooted(facts), time)
    roles = predicates.roles(statement.predicate_type)
    known = {key.public.id: key for key in judge.keys}
    operators: set[str] = set()
    objections: list[str] = []
    for one in sorted(keys):
        objection = _objection(known.get(one), roles, facts, time, judge.log().operator)
        if objection is None:
            operators.add(known[one].operator)
        else:
            objections.append(f"the key {one} {objection}")
    needed = judge.threshold if roles == ("root",) else 1
    if len(operators) < needed:
        reasons = "; ".join(objections) or "no other key signed"
        raise Forbidden(
            f"{statement.predicate_type} needs {needed} operators with the role {' or '.join(roles)} under version {judge.version} of"
            f" the trusted root, and {len(operators)} signed it: {reasons}"
        )
    return tuple(sorted(operators))


def check_earlier(root: TrustedRoot, earlier: TrustedRoot, keys: Collection[str]) -> tuple[str, ...]:
    """Return the operators that signed a version that came before `root`, or is `root`; refuse one that did not.

    Ends that were set since change nothing: a version is followed by its successors, and none is taken back. The first
    version asks for as many operators as it says itself; how many a later one needed is for its predecessor to say.
    """
    succession.check_leads(earlier, root)
    holders = {key.operator for key in root.keys if key.public.id in keys and "root" in key.roles}
    needed = earlier.threshold if earlier.version == 1 else 1
    if len(holders) < needed:
        raise Forbidden(
            f"version {earlier.version} of the trusted root needs {needed} operators with the role root, and"
            f" {len(holders)} signed it"
        )
    return tuple(sorted(holders))


def owners(
    root: TrustedRoot | None, keys: Collection[str], names: Collection[str], time: int
) -> dict[str, tuple[str, ...]]:
    """Return those of `names` that none of `keys` may bind at `time`, each with the operators that may.

    Keys count and not their operators: a key that was named for one namespace speaks for no other one of its operator.
    """
    publishers = [key for key in (root.keys if root else ()) if "publisher" in key.roles and key.valid(time)]
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        able = {key.public.id: key.operator for key in publishers if _may_bind(key, name)}
        if able.keys().isdisjoint(keys):
            found[name] = tuple(sorted(set(able.values())))
    return found


def holders(root: TrustedRoot, role: Role, time: int, keys: Collection[str] | None = None) -> tuple[str, ...]:
    """Return the operators that hold a key which is good for `role` at `time`: any key, or one of these ids."""
    held = {
        key.operator
        for key in root.keys
        if role in key.roles and key.valid(time) and (keys is None or key.public.id in keys)
    }
    return tuple(sorted(held))


def contacts(root: TrustedRoot, operator: str, time: int) -> tuple[str, ...]:
    """Return how to reach an operator by its publisher's keys: those that are good at `time`, or all if none is.

    Whoever holds no key any longer is still responsible for what it registered.
    """
    keys = [key for key in root.keys if key.operator == operator and "publisher" in key.roles]
    good = [key for key in keys if key.valid(time)]
    return tuple(dict.fromkeys(key.contact for key in good or keys))


def _judge(root: TrustedRoot | None, following: TrustedRoot | None, time: int) -> TrustedRoot:
    """Return the version that decides: the one in force, or the first about itself."""
    if following is not None:
        succession.check(root, following, time)
    judge = root or following
    if judge is None:
        raise Forbidden("no trusted root is in force: the first entry of a log is version 1 of one")
    return judge


def _objection(
    key: Key | None, roles: Collection[Role], facts: Sequence[Fact], time: int, keeper: str
) -> str | None:
    """Say why this key may not say this, if so."""
    if key is None:
        return "is not in the trusted root"
    if set(roles).isdisjoint(key.roles):
        return f"of {key.operator} holds {', '.join(key.roles)}, not {' or '.join(roles)}"
    if not key.valid(time):
        period = key.valid_for
        return (
            f"of {key.operator} is good from {period.start} to {period.end or 'now'}, and the time is {time}"
        )
    said = (_overreach(key, fact, keeper) for fact in facts)
    return next((one for one in said if one is not None), None)


def speaks(root: TrustedRoot, key: str, stub: str, time: int) -> bool:
    """Tell whether the key with this id may say at `time`, in the name of a stub's owner, which artifact the stub is."""
    held = (one for one in root.keys if one.public.id == key and "publisher" in one.roles and one.valid(time))
    return any(_speaks(one, stub, root.log().operator) for one in held)


def _speaks(key: Key, stub: str, keeper: str) -> bool:
    return sameness.speaks(key.namespaces, stub, keeps=key.operator == keeper)


def _may_bind(key: Key, name: str) -> bool:
    return not {"*", name.partition("/")[0]}.isdisjoint(key.namespaces)


def _covers(key: Key, namespace: str) -> bool:
    return "*" in key.namespaces or namespace in {sha256_hex(one.encode()) for one in key.namespaces}


def _overreach(key: Key, fact: Fact, keeper: str) -> str | None:  # noqa: PLR0911 - one return a kind
    """Say what a fact touches that this key does not cover, if so; `keeper` is the operator of the log."""
    match fact:
        case Named(name=name) if not _may_bind(key, name):
            return (
                f"of {key.operator} covers the namespaces {', '.join(key.namespaces) or 'none'}, not {name}"
            )
        case Waived(namespace=found) if {"*", found}.isdisjoint(key.namespaces):
            return (
                f"of {key.operator} covers the namespaces {', '.join(key.namespaces) or 'none'}, not {found}"
            )
        case Gated() if key.operator != keeper:
            return (
                f"of {key.operator} decides nothing about the license gate; {keeper}, who keeps the log, does"
            )
        case Derived(child) if sameness.owned(fact) and not _speaks(key, child, keeper):
            return (
                f"of {key.operator} does not speak for {sameness.namespace(child)}, which it would have to name among its"
                f" namespaces, {', '.join(key.namespaces) or 'none'}"
            )
        case Removed(namespace=found) | Unbound(namespace=found) if found and not _covers(key, found):
            return (
                f"of {key.operator} covers other namespaces than the one of a name or waiver that was removed"
            )
        case Rebuilt(verifier=found) if found != verifier(key.operator):
            return f"of {key.operator} signs as {verifier(key.operator)}, not {found}"
        case Agreed(verifier=found) if (key.operator, found) != (keeper, registry(keeper)):
            return f"of {key.operator} states a quorum as {found}; {registry(keeper)}, who keeps the log, does that"
        case _:
            return None
