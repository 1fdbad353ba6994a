"""A key that was ended in the past takes its word back (3-trust, "Keys and trust root", and T8).

A version of the trusted root that sets `validFor.end` of a key before its own leaf voids every entry that only this key
vouched for after that end: the entry stays in the log, and counts no longer. Where the same statement stands under other
keys, the oldest such leaf carries it from then on. Everything in here follows from the log alone, so a fold of it comes to
the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from lineage import authority, predicates
from lineage.authority import TrustedRoot
from lineage.facts import Fact
from lineage.succession import ended
from registry.store import bounds, log, reach, redaction, tenure
from signing.errors import Forbidden, Refused
from signing.log import Leaf

Carry = Callable[[Connection, int, Leaf, Sequence[Fact], Sequence[str]], None]

_TIME = text('SELECT time FROM entry WHERE "index" = :index')
_SIGNED = text("""
    SELECT "index" FROM entry WHERE "index" >= :start AND "index" < :at AND keys LIKE '%' || :key || '%'
    AND NOT EXISTS (SELECT 1 FROM tenure WHERE tenure.entry = entry."index" AND tenure.until IS NOT NULL)
    ORDER BY "index"
""")
_PUBLISHERS = text("UPDATE registration SET publishers = :operators WHERE entry = :entry")


@dataclass(frozen=True, slots=True)
class _Said:
    """What an entry says, and the operators that still say it once keys are ended."""

    index: int
    leaf: Leaf
    facts: tuple[Fact, ...]
    operators: tuple[str, ...]


def revoke(
    connection: Connection, at: int, before: TrustedRoot | None, following: TrustedRoot, carry: Carry
) -> None:
    """Void what the keys that `following`, in force after leaf `at`, ends in the past have signed since.

    `before` was in force until now; `carry` folds a statement at another leaf than its first.
    """
    backdated = ended(before, following, _time(connection, at))
    void: dict[int, _Said] = {}
    for index in _signed(connection, at, backdated):
        said = _said(connection, index, following)
        if said is None:
            continue
        if said.operators:
            operators = " ".join(sorted(said.operators))
            connection.execute(_PUBLISHERS, {"entry": index, "operators": operators})
        else:
            void[index] = said
    if not void:
        return
    carried = {said.leaf.pae: tenure.leaves(connection, said.leaf.pae)[0] for said in void.values()}
    tenure.end(connection, void, at)
    for entry in (entry for entry, index in carried.items() if index in void):
        _carry(connection, at, entry, following, carry)
    reach.trim(connection, at)
    bounds.shrink(connection, at)


def _carry(connection: Connection, at: int, entry: str, root: TrustedRoot, carry: Carry) -> None:
    """Let the oldest leaf of a statement that still counts say what a voided one said."""
    for index in tenure.leaves(connection, entry, at)[:1]:
        said = _said(connection, index, root)
        if said is not None:
            tenure.begin(connection, index, at)
            carry(connection, index, said.leaf, said.facts, said.operators)


def _said(connection: Connection, index: int, root: TrustedRoot) -> _Said | None:
    """Return what an entry says by the keys as `root` ends them; None for what is never taken back."""
    logged = log.read(connection, index)
    leaf = Leaf.parse(logged.leaf)
    try:
        statement, facts = redaction.said(connection, logged)
    except Refused:
        # What nobody can read says nothing, and must not keep a stolen key from being ended.
        return _Said(index, leaf, (), ())
    # A version of the trusted root is followed by the next one, which its own holders decide on.
    if predicates.roles(statement.predicate_type) == ("root",):
        return None
    try:
        operators = authority.check(root, statement, facts, leaf.keys, leaf.time)
    except Forbidden:
        operators = ()
    return _Said(index, leaf, facts, operators)


def _signed(connection: Connection, at: int, backdated: Mapping[str, int]) -> Iterator[int]:
    """Return the entries before leaf `at` that count and that any of these keys signed after its end."""
    found = set[int]()
    for key, end in backdated.items():
        start = _first_after(connection, end, at)
        found |= set(connection.scalars(_SIGNED, {"start": start, "at": at, "key": key}))
    return iter(sorted(found))


def _first_after(connection: Connection, time: int, at: int) -> int:
    """Return the first leaf, at most `at`, that was logged later than `time`; times never decrease."""
    low, high = 0, at
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _time(connection, middle) > time else (middle + 1, high)
    return low


def _time(connection: Connection, index: int) -> int:
    time: int = connection.execute(_TIME, {"index": index}).scalar_one()
    return time
