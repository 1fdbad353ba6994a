"""Independent rebuilders for tests: a world that is served in this process, verdicts by others, and what they fetch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fastapi.testclient import TestClient
from world import World

from lineage.predicates import provenance, rebuild
from merger.folder import Description
from merger.header import HEADER_LIMIT
from registry.app import create
from registry.client import Remote
from registry.store import artifacts
from registry.store.log import Receipt
from registry.supply import Supply
from registry.work.add import Declared, add
from registry.work.logged import find
from registry.work.shelf import shelved
from signing.keys import PrivateKey
from signing.statement import Statement

URL = "http://kennel.example"


def store(world: World, *artifacts: str) -> None:
    """Store the files of registered folders, so that others can fetch them."""
    for artifact, one in shelved(world.home, artifacts).items():
        for file in one.manifest.files:
            world.home.blobs.add(file.sha256, one.folder / file.name)
        assert shelved(world.home, [artifact])[artifact].folder.parent.name == "artifacts"


def build_of(world: World, artifact: str) -> str:
    return find(world.home, artifact).entry


def judge(
    world: World, key: PrivateKey, operator: str, artifact: str, differs: Sequence[str] = (), build: str = ""
) -> Receipt:
    """Log what an operator says came of executing the provenance of an artifact again, true or not."""
    said = rebuild.statement(artifact, build or build_of(world, artifact), operator, world.time, differs)
    return world.say(said, key)


def manifest_of(world: World, artifact: str) -> str:
    with world.home.store.reading() as connection:
        return artifacts.manifests(connection, artifact)[0]


def said_again(world: World, artifact: str, manifest: str = "") -> Statement:
    """Return the provenance of an artifact as another run of the same recipe would say it."""
    recipe, named = find(world.home, artifact).recipe, manifest or manifest_of(world, artifact)
    return provenance.statement(artifact, recipe, named, "ab" * 32, "0.2.0", {}, by_rows=False)


@contextmanager
def supply(world: World) -> Iterator[Supply]:
    """The world as a rebuilder sees it over HTTP."""
    with Remote(URL) as remote, TestClient(create(world.home), base_url=URL) as api:
        remote.close()
        remote.site._client = api
        yield Supply(remote)


def folder(world: World, number: int) -> Path:
    return world.folder / f"model-{number}"


def flip(path: Path, element: int) -> None:
    """Move one fp32 element of the first tensor by one unit in the last place."""
    raw = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(raw[:8], "little")
    assert start < HEADER_LIMIT
    raw[start + 4 * element] ^= 1
    path.write_bytes(raw)


def forged(world: World, truth: str, doctored: Path) -> Description:
    """Register a doctored folder, and swear that the recipe of `truth` made it."""
    added = add(world.home, doctored, Declared()).description
    said = find(world.home, truth).recipe
    manifest = added.manifest.digest
    lie = provenance.statement(
        added.artifact, said, manifest, "ab" * 32, "0.1.0", {"engine": "honest"}, by_rows=False
    )
    world.publish("builder", lie)
    return added
