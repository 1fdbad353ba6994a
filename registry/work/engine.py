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
from typing import Any

from merger.execute import Backend
from merger.kernels import Kernels, Wide
from merger.kernels.blocks import NumpyKernels
from signing.digest import artifact_id
from signing.errors import Malformed

_PACKAGES = ("lineage", "merger", "registry", "signing")
_LIBRARIES = ("numpy", "blake3", "mpmath", "rfc8785", "cryptography")


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine's version, and what it consists of."""

    version: str
    components: Mapping[str, str]

    def computing(self, computer: Computer) -> Engine:
        """Return this engine with what computes for it."""
        return Engine(self.version, {**self.components, **computer.components})


@dataclass(frozen=True, slots=True)
class Computer:
    """What computes: a backend's kernels, and what to call them in a provenance."""

    kernels: Backend
    components: Mapping[str, str]


NUMPY = Computer(NumpyKernels, {"backend": "numpy"})


def compiling() -> Computer:
    """Return the compiling backend; the compiler is loaded here and not before."""
    from merger.kernels.compiled import CompiledKernels  # noqa: PLC0415 - only a merge needs a compiler

    return Computer(CompiledKernels, {"backend": "compiled", "llvmlite": metadata.version("llvmlite")})


def torch_on(device: str) -> Computer:
    """Return the torch backend on a device such as `cpu` or `cuda:0`; torch is loaded here and not before."""
    try:
        from merger.kernels.device import TorchKernels  # noqa: PLC0415 - torch takes seconds to load
    except ModuleNotFoundError:
        raise Malformed("the torch backend needs torch: pip install 'studbook[torch]'") from None

    def kernels(wide: Wide) -> Kernels[Any]:
        return TorchKernels(wide, device)

    try:
        k = kernels("F32")
        k.narrow(k.widen(memoryview(bytes(4)), "F32", None), "F32")
    except (RuntimeError, NotImplementedError, AssertionError) as error:
        raise Malformed(f"torch has no device {device!r} here: {str(error).splitlines()[0]}") from None
    return Computer(kernels, {"backend": "torch", "device": device, "torch": metadata.version("torch")})


@cache
def engine() -> Engine:
    """Return what is running here; the digest covers every Python file of the four packages."""
    root = Path(__file__).parents[2]
    version = metadata.version("studbook")
    components = {
        "engine": _digest(root),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        **{name: metadata.version(name) for name in _LIBRARIES},
    }
    commit = _git(root, "rev-parse", "HEAD") if (root / ".git").exists() else None
    if commit is not None:
        changes = _git(root, "status", "--porcelain", "--", *_PACKAGES)
        # What git cannot tell is not clean.
        dirty = "unknown" if changes is None else "yes" if changes else "no"
        components |= {"commit": commit, "dirty": dirty}
        version = version if dirty == "no" else f"{version}+development"
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
