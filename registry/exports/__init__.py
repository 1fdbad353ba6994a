"""Exports: what the log says about an artifact or an incident, in formats that other people's tools read.

One file a format, found by being here and called after its file. A module defines `SUBJECT`, `lineage.subjects.Pedigree` or
`lineage.subjects.Reach`; `MEDIA_TYPE`; and `text(subject)`, which is pure: values in, text out, no clock and no chance. Its
docstring names the specification. It says in the document as of how many entries and whether it is complete, wherever the
format has a place for that, and writes what is unknown as unknown. What all of them share stands in `registry.export`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Protocol, TypeVar, cast

from lineage.subjects import Pedigree, Reach

_Subject = TypeVar("_Subject", Pedigree, Reach)
_Told_contra = TypeVar("_Told_contra", contravariant=True)


class Format(Protocol[_Told_contra]):
    """What a module of this folder offers to whoever exports."""

    SUBJECT: type
    MEDIA_TYPE: str

    def text(self, subject: _Told_contra) -> str:
        """Return the document about `subject`."""


@cache
def discovered() -> Mapping[str, Format[Pedigree] | Format[Reach]]:
    """Return every format of this folder by its name."""
    names = sorted(one.name for one in pkgutil.iter_modules(__path__))
    return {name: cast("Format[Pedigree]", importlib.import_module(f"{__name__}.{name}")) for name in names}


def formats(subject: type[_Subject]) -> Mapping[str, Format[_Subject]]:
    """Return the formats that tell of this sort of subject, by their names."""
    return {
        name: cast("Format[_Subject]", one) for name, one in discovered().items() if one.SUBJECT is subject
    }
