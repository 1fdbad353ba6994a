"""Is this installation what was shipped? The package names are generic, so another wheel may overwrite or shadow them."""

from __future__ import annotations

import base64
import hashlib
import importlib
import platform
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

from registry.home import Home
from signing.errors import Refused

_PACKAGES = ("signing", "merger", "lineage", "registry")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, whether it is sound, and what was seen."""

    about: str
    sound: bool
    said: str


def examine(home: Path) -> list[Finding]:
    """Look at the loaded packages, the wheel's record, the interpreter and the home."""
    distribution = metadata.distribution("studbook")
    found = [_loaded(name, distribution) for name in _PACKAGES]
    found.append(_record(distribution))
    found += _claimed()
    version = sqlite3.sqlite_version_info
    found.append(_good("python", f"{platform.python_version()} on {platform.machine()}"))
    found.append(
        Finding("sqlite", sound=version >= (3, 35), said=f"{sqlite3.sqlite_version}, at least 3.35 is needed")
    )
    found.append(_home(home))
    return found


def _good(about: str, said: str) -> Finding:
    return Finding(about, sound=True, said=said)


def _bad(about: str, said: str) -> Finding:
    return Finding(about, sound=False, said=said)


def _loaded(name: str, distribution: metadata.Distribution) -> Finding:
    """Compare where a package was loaded from with where the wheel put it."""
    where = Path(str(importlib.import_module(name).__file__)).resolve()
    shipped = [
        file for file in distribution.files or () if file.name == "__init__.py" and file.parts[0] == name
    ]
    if not shipped:
        return _good(name, f"loaded from {where.parent}, an editable install")
    own = Path(str(distribution.locate_file(shipped[0]))).resolve()
    said = f"loaded from {where.parent}" + ("" if own == where else f", which shadows {own.parent}")
    return Finding(name, sound=own == where, said=said)


def _record(distribution: metadata.Distribution) -> Finding:
    """Compare every installed file of ours with the digest in the wheel's RECORD."""
    files = [f for f in distribution.files or () if f.hash is not None and f.parts[0] in _PACKAGES]
    if not files:
        return _good("record", "an editable install has no record to compare with")
    odd = [str(file) for file in files if not _as_recorded(file, distribution)]
    if odd:
        return _bad("record", f"{len(odd)} files are not as shipped, such as {odd[0]}")
    # Methods, predicates and routes are found by lying in their folder: what was dropped there runs. What another
    # distribution ships is named as that neighbour's.
    known = {
        Path(str(one.locate_file(file))).resolve()
        for one in metadata.distributions()
        for file in one.files or ()
        if file.parts[0] in _PACKAGES
    }
    there = {path.resolve() for package in _PACKAGES for path in _python_files(package, distribution)}
    added = sorted(map(str, there - known))
    if added:
        return _bad("record", f"{len(added)} files were added to what was shipped, such as {added[0]}")
    return _good("record", f"{len(files)} files are as shipped")


def _python_files(package: str, distribution: metadata.Distribution) -> Iterator[Path]:
    yield from Path(str(distribution.locate_file(package))).rglob("*.py")


def _as_recorded(file: metadata.PackagePath, distribution: metadata.Distribution) -> bool:
    path = Path(str(distribution.locate_file(file)))
    if file.hash is None or not path.is_file():
        return False
    digest = hashlib.new(file.hash.mode, path.read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == file.hash.value


def _claimed() -> list[Finding]:
    """Name every other installed distribution that ships a package under one of our names."""
    found = []
    for other in metadata.distributions():
        # A removal that was cut short leaves a distribution that does not say its name.
        name = str(other.metadata["Name"])
        if name.lower() == "studbook":
            continue
        names = {PurePosixPath(str(file)).parts[0] for file in other.files or ()}
        shared = sorted(names.intersection(_PACKAGES))
        if shared:
            what = f"{name} {other.version} ships the package {', '.join(shared)} too"
            said = f"{what}; whichever is installed last wins, so give studbook an environment of its own"
            found.append(_bad("neighbours", said))
    return found


def _home(path: Path) -> Finding:
    if not path.exists():
        return _good("home", f"{path} does not exist yet; `studbook init` makes it")
    try:
        home = Home.open(path)
        home.check_keys()
    except Refused as error:
        return _bad("home", str(error))
    return _good("home", f"{path}, its keys readable by you alone")
