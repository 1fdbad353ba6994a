"""What incidents on ranges of names may have selected, and nobody can tell any longer: bindings, and patterns, that orders removed.

Of a binding neither name nor artifact stays, but the hash of its namespace (ADR 0026). One whose namespace is known to be another
than a pattern's is left out; of every other one it is unknown whether the pattern meant it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from lineage import patterns
from lineage.predicates import incident, name
from lineage.removals import Removed, Unbound
from lineage.residue import Residue
from registry.store import trust
from registry.store.lists import asking, parts
from registry.store.tenure import counting
from signing.digest import sha256_hex

_SELECTORS = text(f"""
    SELECT selector.incident, selector.value FROM selector WHERE selector.attribute = 'name' AND {counting("selector")}
""")
_REDACTED = text("SELECT id, kept FROM redaction")
_LEAVES = asking(f"""
    SELECT leaf.id, leaf.entry FROM (SELECT "index" AS entry, id FROM entry) AS leaf WHERE leaf.id IN :some AND {counting("leaf")}
""")
# How a fact that is gone is written in what is left.
_GONE = ('"kind":"removed"', '"kind":"unbound"')
# A namespace that is left out of these is one of which nothing is known: its bindings are counted.
_NAMES = text(f"SELECT name FROM name WHERE {counting('name')} ORDER BY name.entry, name.seq LIMIT 10000")
_OLDER = asking("SELECT 1 FROM node WHERE number IN :some AND first < :before AND id NOT LIKE 'hf:%' LIMIT 1")


@dataclass(frozen=True, slots=True)
class Lost:
    """How many bindings and patterns are gone that an incident may have selected by; what they meant was logged before entry `before`."""

    count: int
    before: int


def lost(connection: Connection, size: int) -> Mapping[str, Lost]:
    """Return, by their ids, the incidents of which it is not known any longer what all they select, in the log of `size` entries.

    What was removed later was not gone then, and is gone now, whenever the question is about.
    """
    kept = {
        row.id: Residue.parse(row.kept.encode())
        for row in connection.execute(_REDACTED)
        if any(one in row.kept for one in _GONE)
    }
    if not kept:
        return {}
    bound: dict[str, list[tuple[str, int]]] = defaultdict(list)
    found: dict[str, Lost] = {}
    leaves = (
        row for some in parts(kept) for row in connection.execute(_LEAVES, {"some": some, "size": size})
    )
    for row in leaves:
        left = kept[row.id]
        gone = [fact for fact in left.facts if isinstance(fact, Removed | Unbound)]
        if left.predicate_type == name.URI:
            for fact in gone:
                bound[fact.namespace].append((row.id, row.entry))
        elif left.predicate_type == incident.URI:
            # What a range that is gone would mean may be bound at any time.
            found[row.id] = Lost(len(gone), size)
    rows = connection.execute(_SELECTORS, {"size": size})
    own = [(which, value) for which, value in rows if not patterns.upstream(value)]
    elsewhere = _elsewhere(connection, size) if bound and own else {}
    meant: dict[str, dict[str, int]] = defaultdict(dict)
    for which, value in own:
        namespace = value.partition("/")[0]
        for digest, some in bound.items():
            if elsewhere.get(digest, namespace) == namespace:
                meant[which] |= dict(some)
    for which, entries in meant.items():
        ranges = found.get(which, Lost(0, 0))
        newest = max(ranges.before, *entries.values())
        found[which] = Lost(ranges.count + len(entries), newest)
    return found


def among(connection: Connection, numbers: Collection[int], before: int) -> bool:
    """Tell whether any of the artifacts with these numbers was known before entry `before`, and so may have been bound."""
    return any(
        connection.execute(_OLDER, {"some": some, "before": before}).first() is not None
        for some in parts(numbers)
    )


def _elsewhere(connection: Connection, size: int) -> Mapping[str, str]:
    """Return the namespaces that are known, folded, each by its hash as it is spelled."""
    root = trust.root(connection, size)
    spelled = {one for key in (root.keys if root else ()) for one in key.namespaces}
    spelled |= {one.partition("/")[0] for one in connection.scalars(_NAMES, {"size": size})}
    return _hashed(spelled)


def _hashed(spelled: Iterable[str]) -> Mapping[str, str]:
    return {sha256_hex(one.encode()): one.casefold() for one in spelled}
