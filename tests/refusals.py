"""What a refusal over HTTP looks like: its class, its status, one short sentence, and a log that is what it was."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi.testclient import TestClient
from world import World

from registry.problems import BASE, MEDIA_TYPE
from signing import dsse
from signing.keys import PrivateKey

STATUS = {
    "absent": 404,
    "forbidden": 403,
    "license-conflict": 409,
    "malformed": 422,
    "refused": 409,
    "too-large": 413,
    "untrusted": 403,
}


def problem(answer, kind: str, says: str, status: int | None = None) -> None:
    """See that `answer` is a problem of this class, and that its sentence holds these words."""
    assert (answer.status_code, answer.headers["content-type"]) == (status or STATUS[kind], MEDIA_TYPE)
    said = answer.json()
    assert said["type"] == BASE + kind
    assert said["status"] == answer.status_code
    assert says in said["detail"]
    assert "\n" not in said["detail"]
    assert len(answer.content) < 1000


@contextmanager
def unchanged(world: World, api: TestClient) -> Iterator[None]:
    """See that nothing in here adds to the log, and that its signed checkpoint is the same to the byte."""
    before = world.logged(), api.get("/checkpoint").content
    yield
    assert (world.logged(), api.get("/checkpoint").content) == before


def refused(
    world: World,
    api: TestClient,
    statement: bytes,
    *keys: PrivateKey,
    says: str,
    kind: str = "malformed",
    status: int | None = None,
) -> None:
    """Sign `statement`, with the publisher's key unless others are given, and see it refused."""
    signed = dsse.sign(statement, keys or [world.home.keys("publisher")]).encode()
    with unchanged(world, api):
        problem(api.post("/entries", content=signed), kind, says, status)
