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
from lineage.facts import Removed, Unbound
from lineage.predicates import name
from lineage.residue import Residue
from registry.store import log
from registry.store.lists import asking, parts
from registry.store.tenure import counting
from signing.digest import sha256_hex

_SELECTORS = text(f"""
    SELECT selector.incident, selector.value FROM selector WHERE selector.attribute = 'name' AND {counting("selector")}
""")
_REMOVED = text(f"""
    SELECT redaction.id, redaction.kept, leaf.entry FROM redaction
    JOIN (SELECT "index" AS entry, id FROM entry) AS leaf ON leaf.id = redaction.id
    WHERE {counting("leaf")}
""")
# A namespace that is left out of these is one of which nothing is known: its bindings are counted.
_NAMES = text("SELECT DISTINCT name FROM name LIMIT 10000")
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
    rows = connection.execute(_REMOVED, {"size": size}).all()
    if not rows:
        return {}
    bound: dict[str, list[tuple[str, int]]] = defaultdict(list)
    found: dict[str, Lost] = {}
    for row in rows:
        kept = Residue.parse(row.kept.encode())
        gone = [fact for fact in kept.facts if isinstance(fact, Removed | Unbound)]
        for fact in gone:
            if kept.predicate_type == name.URI:
                bound[fact.namespace].append((row.id, row.entry))
            elif not fact.namespace and any(fact.kind == "reported" for fact in kept.facts):
                # What a pattern that is gone would mean may be bound at any time.
                found[row.id] = Lost(len(gone), size)
    elsewhere = _elsewhere(connection, size) if bound else {}
    meant: dict[str, dict[str, int]] = defaultdict(dict)
    for incident, value in connection.execute(_SELECTORS, {"size": size}):
        namespace = value.partition("/")[0]
        for digest, some in bound.items():
            if not patterns.upstream(value) and elsewhere.get(digest, namespace) == namespace:
                meant[incident] |= dict(some)
    for incident, entries in meant.items():
        gone_too = found.get(incident, Lost(0, 0))
        newest = max(gone_too.before, *entries.values())
        found[incident] = Lost(gone_too.count + len(entries), newest)
    return found


def among(connection: Connection, numbers: Collection[int], before: int) -> bool:
    """Tell whether any of the artifacts with these numbers was known before entry `before`, and so may have been bound."""
    return any(
        connection.execute(_OLDER, {"some": some, "before": before}).first() is not None
        for some in parts(numbers)
    )


def _elsewhere(connection: Connection, size: int) -> Mapping[str, str]:
    """Return the namespaces that are known, folded, each by its hash as it is spelled."""
    root = log.root(connection, size)
    spelled = {one for key in (root.keys if root else ()) for one in key.namespaces}
    spelled |= {one.partition("/")[0] for one in connection.scalars(_NAMES)}
    return _hashed(spelled)


def _hashed(spelled: Iterable[str]) -> Mapping[str, str]:
    return {sha256_hex(one.encode()): one.casefold() for one in spelled}
