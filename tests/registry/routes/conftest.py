"""One world, served in this process."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from world import World

from registry.app import create


@pytest.fixture
def api(world: World) -> Iterator[TestClient]:
    with TestClient(create(world.home), raise_server_exceptions=False) as client:
        yield client
