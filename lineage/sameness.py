"""Sameness: which artifacts are what stubs name, by the word of whoever speaks for the stubs' owners.

`same_as` is an edge like any other, from stub to artifact where the artifact's publisher alone says so, and from artifact to stub in the
owner's name. Edges form no cycle, so the second kind leads nothing from the stub to the artifact: instead an incident that names the stub
names what the stub is, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from lineage.facts import Relation, is_stub


class Link(Protocol):
    """An edge, as far as it says what is the same."""

    @property
    def child(self) -> str:
        """What was made."""

    @property
    def parent(self) -> str:
        """What it was made from."""

    @property
    def relation(self) -> Relation:
        """How."""


def owned(edge: Link) -> bool:
    """Tell whether an edge says, in the name of a stub's owner, which artifact the stub is."""
    return edge.relation == "same_as" and is_stub(edge.child)


def named(stubs: Collection[str], edges: Iterable[Link]) -> frozenset[str]:
    """Return the artifacts that an incident on `stubs` names besides: what these are in their owners' name."""
    return frozenset(edge.parent for edge in edges if owned(edge) and edge.child in stubs)


def namespace(stub: str) -> str:
    """Return the namespace that a key covers which speaks for a stub's owner: `hf:` and the owner, in the hub's spelling."""
    return stub.partition("/")[0]


def speaks(namespaces: Collection[str], stub: str, *, keeps: bool) -> bool:
    """Tell whether a key of these namespaces may say in the owner's name what a stub is; `keeps`: its operator keeps the log.

    A registry hands `*` to others so that they bind names in it, and names in it are no names of the hub's.
    """
    return namespace(stub) in namespaces or (keeps and "*" in namespaces)
