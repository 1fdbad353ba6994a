"""The trusted root by which somebody else's log is judged: pinned beforehand, and never replaced by an older one.

Whoever audits, mirrors or rebuilds keeps what was pinned in a file of their own: `rebuilder/trusted_root.json` below a home,
`trusted_root.json` beside what an auditor remembers. A home's own `trusted_root.json` serves where the log is this very home's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lineage.authority import TrustedRoot
from registry.store import Absent
from registry.store.disk import replace
from signing import checkpoint
from signing.digest import sha256_hex
from signing.errors import Malformed, Untrusted

_MODE = 0o644


class Source(Protocol):
    """Whoever shows a log."""

    @property
    def name(self) -> str:
        """What it is called in a sentence."""

    def checkpoint(self) -> bytes:
        """Return the newest signed checkpoint."""

    def root(self) -> bytes:
        """Return the trusted root that it says is in force."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """The trusted root to judge by; `taken` if it is the word of whoever is judged, `new` until it is kept."""

    root: TrustedRoot
    taken: bool
    new: bool


def pin(kept: Path, own: Path, source: Source, given: Path | None, *, first_use: bool) -> Pinned:
    """Return the trusted root by which to judge the log that `source` shows, or refuse to judge by none.

    `kept` is where one may be pinned. `given` is a file that reached its owner another way; `own` is that of a home, and
    serves if the log is the home's; `first_use` takes the word of `source` where nothing is pinned yet. Nothing is written:
    whoever accepts the log by this root then has it pinned with `keep`.
    """
    before = read(kept) if kept.is_file() else None
    taken = False
    if given is not None:
        root = read(given)
        if before is not None:
            _check_follows(before, root, kept)
    elif before is not None:
        root = before
    elif own.is_file() and _signs(read(own), source):
        root = read(own)
    elif first_use:
        root, taken = TrustedRoot.parse(source.root()), True
    else:
        raise Malformed(
            f"no trusted root is pinned for {source.name}: name the file that you got from somebody you trust with --root, or"
            " take the one it shows with --insecure-first-use"
        )
    if not _signs(root, source):
        raise Untrusted(
            f"{source.name} does not sign its log as the pinned trusted root says: {root.origin}, with the key"
            f" {root.log().public.id}"
        )
    return Pinned(root, taken, new=(given is not None or taken) and root != before)


def keep(kept: Path, found: Pinned) -> None:
    """Pin in `kept` the root by which a log was accepted: one that was refused pins nothing, or it would shut out the next."""
    if not found.new:
        return
    if kept.is_file():
        _check_follows(read(kept), found.root, kept)  # what somebody else pinned meanwhile
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace(kept, found.root.encode() + b"\n", _MODE)


def newer(root: TrustedRoot, source: Source) -> int | None:
    """Return the version that `source` says is in force, where it is a newer one than `root`."""
    said = TrustedRoot.parse(source.root()).version
    return said if said > root.version else None


def read(path: Path) -> TrustedRoot:
    """Return the trusted root in a file."""
    if not path.is_file():
        raise Absent(f"no trusted root at {path}: name the one you pinned with --root")
    try:
        return TrustedRoot.parse(path.read_bytes().strip())
    except Malformed as error:
        raise Malformed(f"{path}: {error}") from error


def _check_follows(before: TrustedRoot, root: TrustedRoot, kept: Path) -> None:
    """Refuse a root of another log, another one of the same version, or an older one, which brings back lost keys (T16)."""
    if (root.origin, root.log().public) != (before.origin, before.log().public):
        raise Untrusted(
            f"{kept} pins the log {before.origin}, and this trusted root is for {root.origin}: judge another log from another"
            " folder"
        )
    if root.version < before.version:
        raise Untrusted(
            f"version {before.version} of the trusted root is pinned, and this is version {root.version}"
        )
    hashes = [sha256_hex(one.encode()) for one in (before, root)]
    if root.version == before.version and hashes[0] != hashes[1]:
        raise Untrusted(
            f"version {root.version} of the trusted root is pinned in {kept} as {hashes[0]}, and this one is {hashes[1]}: a"
            " log has one of each version"
        )


def _signs(root: TrustedRoot, source: Source) -> bool:
    try:
        checkpoint.open_note(source.checkpoint(), root.origin, root.log().public)
    except Untrusted:
        return False
    except Malformed as error:
        raise Untrusted(f"{source.name} has no checkpoint that could be read: {error}") from error
    return True
