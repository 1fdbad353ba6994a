"""Which artifacts hold a tensor that an incident names: read from their manifests, and stated in the log, which holds none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from lineage.facts import Role
from lineage.predicates import containment
from merger.manifest import Manifest
from registry.home import Home
from registry.store import artifacts, selecting
from registry.work.shelf import blob
from signing.digest import artifact_id
from signing.errors import Malformed, Untrusted
from signing.statement import Statement


@dataclass(frozen=True, slots=True)
class Found:
    """The artifacts that hold each tensor, beyond those of which the log says so; in how many manifests that was looked for.

    Of the `unread` no manifest can be read here: whether they hold a tensor is unknown.
    """

    holders: Mapping[str, tuple[str, ...]]
    read: int
    unread: tuple[str, ...]

    @property
    def statements(self) -> list[tuple[Role, Statement]]:
        """What is to be said of it."""
        return [
            ("security", containment.statement(tensor, ids)) for tensor, ids in self.holders.items() if ids
        ]


def look(home: Home, tensors: Collection[str], step: Callable[[int], object] = lambda _: None) -> Found:
    """Look for tensors, by their digests, in every manifest that is stored here; `step` is told of each."""
    with home.store.reading() as connection:
        named: dict[str, list[str]] = defaultdict(list)
        for artifact, digest in artifacts.described(connection):
            named[artifact].append(digest)
        known = {tensor: selecting.holders(connection, tensor) for tensor in tensors}
    found: dict[str, set[str]] = {tensor: set() for tensor in sorted(tensors)}
    unread, read = list[str](), 0
    for artifact, digests in sorted(named.items()):
        own = [one for digest in digests if (one := _manifest(home, artifact, digest)) is not None]
        read += len(own)
        for one in own:
            for tensor in {tensor.digest for tensor in one.tensors} & found.keys():
                found[tensor].add(artifact)
        if not own:
            unread.append(artifact)
        step(1)
    fresh = {tensor: tuple(sorted(ids - known[tensor])) for tensor, ids in found.items()}
    return Found(fresh, read, tuple(unread))


def said(connection: Connection, artifact: str, manifest: Manifest) -> Sequence[tuple[Role, Statement]]:
    """Return the statements that an artifact, about to be described, holds tensors that incidents name."""
    suspected = selecting.suspected(connection, "tensor", (one.digest for one in manifest.tensors))
    return [("security", containment.statement(tensor, [artifact])) for tensor in suspected]


def _manifest(home: Home, artifact: str, digest: str) -> Manifest | None:
    """Return the manifest with this SHA-256 (hex) if it is stored here, can be read, and is of this artifact.

    Whoever signs a manifest may name another artifact's, or what is none, and must not keep the others from being looked at.
    """
    if digest not in home.blobs:
        return None
    try:
        found = Manifest.parse(blob(home, digest))
    except (Malformed, Untrusted):
        return None
    return found if artifact_id({file.name: file.sha256 for file in found.files}) == artifact else None
