"""Predicates: one file per statement type, found by being here; its docstring is the type's specification.

A module defines `URI` (the predicateType), `ROLES` (who may say it), `facts(statement, entry)` (what it establishes)
and a builder `statement(...)`. Dropping the file in registers it. `URI` stands under one of the names that are reserved for
this (`lineage.foreign`): a type under them that no file here reads is refused, and what is said in any other type is admitted
and never read. So the log holds no statement whose meaning would change when a reader is added later.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Protocol, cast

from lineage import foreign
from lineage.facts import Fact, Role
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
    reader = discovered().get(statement.predicate_type)
    return foreign.facts(statement) if reader is None else reader.facts(statement, entry)


def roles(uri: str) -> tuple[Role, ...]:
    """Return the roles of which a key needs one to say statements of this type."""
    reader = discovered().get(uri)
    return foreign.ROLES if reader is None else reader.ROLES
