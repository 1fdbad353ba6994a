"""Which engine ran: its digest, version and commit, the libraries and the processor, for the provenance it signs.

A stranger who rebuilds needs to know what to install; a build from a changed checkout calls itself `development`.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from signing.digest import artifact_id

_PACKAGES = ("lineage", "merger", "registry", "signing")
_LIBRARIES = ("numpy", "blake3", "mpmath", "rfc8785", "cryptography")


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine's version, and what it consists of."""

    version: str
    components: Mapping[str, str]


@cache
def engine() -> Engine:
    """Return what is running here; the digest covers every Python file of the four packages."""
    root = Path(__file__).parents[2]
    version = metadata.version("studbook")
    components = {
        "engine": _digest(root),
        "python": platform.python_version(),
        "processor": platform.machine(),
        "system": platform.system(),
        **{name: metadata.version(name) for name in _LIBRARIES},
    }
    commit = _git(root, "rev-parse", "HEAD") if (root / ".git").exists() else None
    if commit is not None:
        dirty = bool(_git(root, "status", "--porcelain", "--", *_PACKAGES))
        components |= {"commit": commit, "dirty": "yes" if dirty else "no"}
        version = f"{version}+development" if dirty else version
    return Engine(version, components)


def _digest(root: Path) -> str:
    files = {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for package in _PACKAGES
        for path in sorted((root / package).rglob("*.py"))
    }
    return artifact_id(files)


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            ["git", "-C", str(root), *words],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
