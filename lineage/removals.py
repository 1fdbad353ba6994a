"""Removals: the facts that an order had the payload of an entry removed, and what is in its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Removed:
    """Something was established in this place, and an order had it removed: it establishes nothing.

    Of a name or a waiver, `namespace` is the SHA-256 (hex) of its namespace, by which keys are judged; empty otherwise.
    """

    namespace: str = ""
    kind: Literal["removed"] = field(default="removed", init=False)


@dataclass(frozen=True, slots=True)
class Unbound:
    """A binding of a name was removed under an order, and other entries bind that name, which means nothing until it is bound anew.

    `name` is the id of one of those entries, `revision` that of one which binds the same revision of it, empty where none
    does; `namespace` is as in `Removed`.
    """

    namespace: str
    name: str
    revision: str
    kind: Literal["unbound"] = field(default="unbound", init=False)


@dataclass(frozen=True, slots=True)
class Redacted:
    """The payload of `entry` was removed under `order`; `kept` is canonical JSON of what it still says (`lineage.residue`)."""

    entry: str
    order: str
    kept: str
    kind: Literal["redacted"] = field(default="redacted", init=False)
