"""One world, served in this process."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from growing import SIZE, grow
from world import World

from registry.app import create


@pytest.fixture
def api(world: World) -> Iterator[TestClient]:
    with TestClient(create(world.home), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A log over several tiles, to which nothing is added."""
    world = World(tmp_path_factory.mktemp("grown"))
    grow(world, SIZE)
    return world


@pytest.fixture(scope="session")
def long(grown: World) -> Iterator[TestClient]:
    with TestClient(create(grown.home), raise_server_exceptions=False) as client:
        yield client
