"""Ownership: of which artifacts may only their own publishers say this?

What is said in the role of publisher about an artifact itself, and not about a name, is for the operators that signed its
registration; `authority` says which keys hold that role.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from lineage import predicates, sameness
from lineage.facts import Corrected, Derived, Described, Fact, Licensed, Mentioned, is_stub
from lineage.incidents import Disputed
from signing.errors import Forbidden
from signing.statement import Statement


def owned(statement: Statement, facts: Sequence[Fact]) -> tuple[str, ...]:
    """Return the artifacts for which the statement speaks as only their own publishers may.

    Licenses, manifests, derivations and disputes, and of both, which supersedes which; names go by namespace, and what a builder or
    rebuilder saw is theirs to say. A stub has no publisher here, so what is claimed of one is anybody's word, and is told as that.
    """
    if predicates.roles(statement.predicate_type) != ("publisher",):
        return ()
    found: dict[str, None] = {}
    for fact in facts:
        match fact:
            case Derived(parent=parent) if sameness.owned(fact):
                found[parent] = None
            case Derived(child) if not is_stub(child):
                found[child] = None
            case Described(artifact) | Licensed(artifact) | Mentioned(artifact) | Disputed(artifact=artifact):
                found[artifact] = None
            case Corrected(artifact, earlier):
                found |= {artifact: None, earlier: None}
            case _:
                pass
    return tuple(found)


def check(
    statement: Statement,
    owned: Collection[str],
    operators: Collection[str],
    publishers: Mapping[str, Collection[str]],
) -> None:
    """Refuse a statement about artifacts that none of its operators registered.

    `publishers` are, for each of `owned`, the operators that signed its first registration. Whoever signs the same
    registration later is none of them: the statement is public, and anybody with a key could sign it again.
    """
    for artifact in owned:
        if set(publishers[artifact]).isdisjoint(operators):
            raise Forbidden(
                f"{statement.predicate_type} about {artifact} is for {' or '.join(publishers[artifact])}, who registered"
                f" it; it is signed by {', '.join(operators)}"
            )
