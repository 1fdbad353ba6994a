"""Predicates: one file per statement type, found by being here; its docstring is the type's specification.

A module defines `URI` (the predicateType), `ROLES` (who may say it), `facts(statement, entry)` (what it establishes)
and a builder `statement(...)`. Dropping the file in registers it. A type that no file here reads is refused by its
URI: the log never holds a statement whose meaning would change when a reader is added later.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Protocol, cast

from lineage.facts import Fact, Role
from signing.errors import Refused
from signing.statement import Statement


class Predicate(Protocol):
    """What a module of this folder offers to this one."""

    URI: str
    ROLES: tuple[Role, ...]

    def facts(self, statement: Statement, entry: str) -> tuple[Fact, ...]:
        """Return what `statement`, logged as `entry`, establishes."""


@cache
def discovered() -> dict[str, Predicate]:
    """Return every predicate of this folder by its URI."""
    modules = [importlib.import_module(f"{__name__}.{one.name}") for one in pkgutil.iter_modules(__path__)]
    return {one.URI: one for one in (cast("Predicate", module) for module in modules)}


def facts(statement: Statement, entry: str) -> tuple[Fact, ...]:
    """Return what `statement`, logged as `entry` (64 hex digits), establishes."""
    return _of(statement.predicate_type).facts(statement, entry)


def roles(uri: str) -> tuple[Role, ...]:
    """Return the roles of which a key needs one to say statements of this type."""
    return _of(uri).ROLES


def _of(uri: str) -> Predicate:
    known = discovered()
    if uri not in known:
        raise Refused(
            f"statements of type {uri!r} are not understood here; known are {', '.join(sorted(known))}"
        )
    return known[uri]
