"""Merge methods: one file each, found by being here.

A module defines `METHOD`, a `Method`: its parameters with their ranges and defaults, what it needs (a base, masks, sums
over the whole tensor), how it turns a tensor's parameters into scalars, and how it merges one block. Everything else
(recipe schema, dialect, laws, `studbook methods`) follows from that value.
"""

import importlib
import pkgutil
from collections.abc import Mapping

from merger.method import Method


def _discover() -> dict[str, Method]:
    found: dict[str, Method] = {}
    for module in pkgutil.iter_modules(__path__):
        method: Method = importlib.import_module(f"{__name__}.{module.name}").METHOD
        found[method.id] = method
    return found


METHODS: Mapping[str, Method] = _discover()
