"""The trusted root by which a rebuilder judges a registry: pinned beforehand, and never replaced by an older one.

`rebuilder/trusted_root.json` below a home is what it pinned for a registry that is not its own. A home's own
`trusted_root.json` serves where the registry is this very home's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lineage.authority import TrustedRoot
from registry.store.disk import replace
from registry.work.fetch import Source
from signing import checkpoint
from signing.errors import Malformed, Refused, Untrusted

_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Pinned:
    """The trusted root to judge by, and whether it is the registry's own word, taken just now."""

    root: TrustedRoot
    taken: bool
    newer: int | None
    """The version that the registry says is in force, where that is a newer one."""


def pin(home: Path, source: Source, given: Path | None, *, first_use: bool) -> Pinned:
    """Return the trusted root that is pinned for the registry `source`, or refuse to judge by none.

    `given` is a file that reached its owner another way, and is pinned from now on; `first_use` takes the registry's word
    where nothing is pinned yet.
    """
    kept, own = home / "rebuilder" / "trusted_root.json", home / "trusted_root.json"
    before = _read(kept) if kept.is_file() else None
    taken = False
    if given is not None:
        root = _read(given)
        if before is not None:
            _check_follows(before, root, kept)
    elif before is not None:
        root = before
    elif own.is_file() and _signs(_read(own), source):
        root = _read(own)
    elif first_use:
        root, taken = TrustedRoot.parse(source.root()), True
    else:
        raise Untrusted(
            f"no trusted root is pinned for {source.name}: name the file that you got from somebody you trust with --root"
        )
    if not _signs(root, source):
        raise Untrusted(
            f"{source.name} does not sign its log as the pinned trusted root says: {root.origin}, with the key"
            f" {root.log().public.id}"
        )
    if (given is not None or taken) and root != before:
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace(kept, root.encode() + b"\n", _MODE)
    said = TrustedRoot.parse(source.root()).version
    return Pinned(root, taken, said if said > root.version else None)


def _read(path: Path) -> TrustedRoot:
    try:
        return TrustedRoot.parse(path.read_bytes().strip())
    except Malformed as error:
        raise Malformed(f"{path}: {error}") from error


def _check_follows(before: TrustedRoot, root: TrustedRoot, kept: Path) -> None:
    """Refuse a root of another log, or an older one: whoever took a key back would be undone (3-trust, T16)."""
    if (root.origin, root.log().public) != (before.origin, before.log().public):
        raise Untrusted(
            f"{kept} pins the log {before.origin}, and this trusted root is for {root.origin}: give another registry"
            " another --home"
        )
    if root.version < before.version:
        raise Untrusted(
            f"version {before.version} of the trusted root is pinned, and this is version {root.version}"
        )


def _signs(root: TrustedRoot, source: Source) -> bool:
    try:
        checkpoint.open_note(source.checkpoint(), root.origin, root.log().public)
    except Untrusted:
        return False
    except Malformed as error:
        raise Refused(f"{source.name} has no checkpoint that could be read: {error}") from error
    return True
