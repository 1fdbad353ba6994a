"""Readers of what others wrote: one module a kind of source, found by being here.

A module defines `ABOUT` (what it reads, in one line), `wants(name)` (is a file of this name one of its documents?), `tells(name)`
(do such documents say themselves what they are about?) and `read(document, target)`, which yields one record for everything that the document says of one artifact, and never raises: bytes
of any kind come to records or to reasons. `target` is the stub that a document is about, where not the document but its place or
whoever imports it says so. Readers know bytes and values alone; `registry.work.importing` does the rest.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import Protocol, cast

from registry.records import Document, Record


class Kind(Protocol):
    """What a module of this folder offers."""

    ABOUT: str

    def wants(self, name: str) -> bool:
        """Tell whether a file of a folder, by its name below it, is a document of this kind."""

    def tells(self, name: str) -> bool:
        """Tell whether a document of this name says itself which artifacts it is about, so that nobody else may."""

    def read(self, document: Document, target: str | None) -> Iterator[Record]:
        """Yield what the document says, record by record."""


@cache
def kinds() -> dict[str, Kind]:
    """Return every kind of source by its name, which is its module's."""
    found = sorted(one.name for one in pkgutil.iter_modules(__path__))
    return {name: cast("Kind", importlib.import_module(f"{__name__}.{name}")) for name in found}
