"""Fold the facts of one leaf into the tables: the only code that writes them, for the writer and for `fsck`.

Facts are folded in log order and nothing here looks at a clock or refuses: what may not become a leaf was refused
before (`judge`). The same statement may come again under other keys, as a new leaf: that leaf says who else signed and
folds no facts. Otherwise anybody could take one of two signatures off an old envelope, post it again, and so move a
name or a license back to what it was. `once` is asked by the writer and by `fsck` alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from sqlalchemy import Connection, insert

from lineage import patterns
from lineage.assessed import Assessed
from lineage.authority import TrustedRoot
from lineage.checks import Compared
from lineage.facts import Built, Contained, Corrected, Derived, Fact, Gated, Registered, Rooted
from lineage.incidents import Amended, Embargoed, Reported, Restaged, Selecting
from lineage.removals import Redacted, Removed, Unbound
from registry.store import bounds, sameness, trust
from registry.store.reach import Link, flag, grow
from registry.store.redaction import redact
from registry.store.registering import Registering, assign_numbers, register
from registry.store.revoke import revoke
from registry.store.rows import Values, row
from registry.store.selecting import called, select, selected
from registry.store.tail import Tail, only_registers
from registry.tables import Edge, Incident, Root, Target
from signing.log import Leaf

# Written out once: building it anew for every statement costs the writer more than running it.
_INSERT_EDGE = insert(Edge)


def once(tail: Tail, entry: str, facts: Sequence[Fact]) -> Sequence[Fact]:
    """Return what the next leaf folds: `facts`, unless a leaf of the same statement counts already."""
    return () if tail.stands(entry) else facts


def enter(
    connection: Connection,
    tail: Tail,
    leaf: Leaf,
    envelope: bytes | None,
    facts: Sequence[Fact],
    operators: Sequence[str],
) -> int:
    """Append `leaf` and fold what it says; return its index."""
    index = tail.append(leaf, envelope)
    for fact in facts:
        if isinstance(fact, Selecting):
            tail.suspect(fact.value)
    suspects = tail.suspects(leaf.keys)
    if only_registers(facts) and not suspects:
        tail.register(_registered(index, facts, operators))
    else:
        tail.settle(facts)
        fold(connection, index, leaf, facts, operators, suspects)
    return index


def fold(  # noqa: C901 - one case a fact, so that mypy finds the one forgotten
    connection: Connection,
    index: int,
    leaf: Leaf,
    facts: Sequence[Fact],
    operators: Sequence[str],
    suspects: Sequence[str],
) -> None:
    """Write what the statement of `leaf`, at `index` and said by `operators`, establishes.

    `suspects` are those of its keys by which an incident may select.
    """
    numbers = assign_numbers(connection, dict.fromkeys(_artifacts(facts), index))
    registered = list(_registered(index, facts, operators))
    if registered:
        register(connection, numbers, registered)
    for seq, fact in enumerate(facts):
        at: Values = {"entry": index, "seq": seq}
        match fact:
            case Registered(artifact):
                selected(connection, index, numbers[artifact], "key", suspects)
            case Derived() | Removed():
                # All of a statement's edges at once, below; what was removed says nothing.
                continue
            case Redacted():
                redact(connection, index, fact)
            case Reported():
                _report(connection, index, numbers, fact)
            case Selecting(incident, attribute, value):
                select(connection, index, seq, incident, attribute, value)
            case Rooted(version, document):
                before, following = trust.root(connection), TrustedRoot.parse(document.encode())
                connection.execute(insert(Root), {"version": version, "document": document, "entry": index})
                revoke(connection, index, before, following, _carry)
            case _:
                table, values = row(fact, numbers, leaf.pae)
                connection.execute(insert(table), at | values)
                if isinstance(fact, Built):
                    selected(connection, index, numbers[fact.artifact], "key", suspects)
                elif isinstance(fact, Contained):
                    selected(connection, index, numbers[fact.artifact], "tensor", [fact.tensor])
    called(connection, index, {name: numbers[one] for name, one in patterns.called(facts).items()})
    edges = [(seq, fact) for seq, fact in enumerate(facts) if isinstance(fact, Derived)]
    if edges:
        _derive(connection, index, numbers, edges)


def _carry(
    connection: Connection, index: int, leaf: Leaf, facts: Sequence[Fact], operators: Sequence[str]
) -> None:
    fold(connection, index, leaf, facts, operators, leaf.keys)


def _artifacts(facts: Iterable[Fact]) -> list[str]:
    """Return the ids of all artifacts that `facts` name, each once, in their order."""
    found: dict[str, None] = {}
    for fact in facts:
        match fact:
            case Derived(child, parent):
                found |= {child: None, parent: None}
            case Reported(artifacts=artifacts):
                found |= dict.fromkeys(artifacts)
            case Corrected(artifact, earlier):
                found |= {artifact: None, earlier: None}
            case Assessed(artifact=artifact, corrected=corrected):
                found |= {artifact: None} if corrected is None else {artifact: None, corrected: None}
            case Compared(artifact, parent):
                found |= {artifact: None, parent: None}
            case Selecting() | Restaged() | Amended() | Embargoed() | Gated():
                continue
            case Rooted() | Removed() | Unbound() | Redacted():
                continue
            case _:
                found[fact.artifact] = None
    return list(found)


def _registered(index: int, facts: Iterable[Fact], operators: Sequence[str]) -> Iterator[Registering]:
    for seq, fact in enumerate(facts):
        if isinstance(fact, Registered):
            yield Registering(index, seq, fact.artifact, fact.files, operators)


def _derive(
    connection: Connection, index: int, numbers: Mapping[str, int], edges: Sequence[tuple[int, Derived]]
) -> None:
    links = [Link(numbers[edge.child], numbers[edge.parent], edge.relation) for _, edge in edges]
    rows = [
        {
            "entry": index,
            "seq": seq,
            "child": link.child,
            "parent": link.parent,
            "relation": link.relation,
            "part": edge.part,
            "evidence": int(edge.evidence),
        }
        for (seq, edge), link in zip(edges, links, strict=True)
    ]
    # One child after the other: where a statement names parents first, nothing below a child is counted twice.
    for child, some in groupby(rows, key=lambda row: row["child"]):
        connection.execute(_INSERT_EDGE, list(some))
        bounds.grow(connection, [child])
    grow(connection, index, links)
    sameness.identified(connection, index, numbers, (edge for _, edge in edges))


def _report(connection: Connection, index: int, numbers: Mapping[str, int], fact: Reported) -> None:
    said = {"id": fact.incident, "what": fact.what, "severity": fact.severity, "stage": fact.stage}
    words = {"summary": fact.summary, "contact": fact.contact}
    connection.execute(insert(Incident), {"entry": index} | said | words)
    for number in sorted({numbers[artifact] for artifact in fact.artifacts}):
        connection.execute(insert(Target), {"incident": index, "artifact": number})
        flag(connection, index, number, index, fact.what)
    sameness.reported(connection, index, index)
