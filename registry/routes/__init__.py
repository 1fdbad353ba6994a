"""Routes: one file per resource, found by being here.

A module defines `router`; its handlers are plain `def`, one straight line from the request to the answer, and its
docstring's first line describes the resource in the API description. What a handler may need stands in `registry.deps`,
what a refusal looks like in `registry.problems`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Protocol, cast

from fastapi import APIRouter


class Resource(Protocol):
    """What a module of this folder offers to the application."""

    router: APIRouter
    __doc__: str | None


def discovered() -> Mapping[str, Resource]:
    """Return every resource of this folder by its name: paths are tried in turn, and no other is asked for as often as entries."""
    names = sorted(
        (one.name for one in pkgutil.iter_modules(__path__)), key=lambda name: (name != "entries", name)
    )
    return {name: cast("Resource", importlib.import_module(f"{__name__}.{name}")) for name in names}
