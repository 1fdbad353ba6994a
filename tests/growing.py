"""Logs of some length, for tests of tiles: every entry is signed and holds."""

from world import World

from lineage.predicates import license as license_predicate


def grow(world: World, size: int) -> None:
    """Let the log of a world have `size` entries, under one more checkpoint."""
    artifact = world.artifact()
    issued = range(world.size(), size)
    world.publish("publisher", *(license_predicate.statement(artifact, "mit", one) for one in issued))
    assert world.size() == size
