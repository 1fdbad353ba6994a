"""Logs of some length, for tests of tiles: every entry is signed and holds."""

from fastapi.testclient import TestClient
from world import World

from lineage.predicates import license as license_predicate
from signing.checkpoint import Checkpoint

SIZE = 600
"""Entries of the log that tests of tiles share: more than two bundles."""


def grow(world: World, size: int) -> None:
    """Let the log of a world have `size` entries, under one more checkpoint."""
    artifact = world.artifact()
    issued = range(world.size(), size)
    world.publish("publisher", *(license_predicate.statement(artifact, "mit", one) for one in issued))
    assert world.size() == size


def signed(world: World, api: TestClient) -> Checkpoint:
    """Return what the checkpoint that is served says, once the world's log key has signed it."""
    root = world.home.root()
    return Checkpoint.opened(api.get("/checkpoint").content, root.origin, root.log().public)
