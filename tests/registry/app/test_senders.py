"""Senders that leave, fall silent, or read what breaks off: driven message by message, as a server would."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import structlog
from world import World

from lineage.predicates import signature
from registry.app import create
from registry.deps import Limits
from signing import canonical
from signing.digest import artifact_id, sha256_hex

Receive = Callable[[], Awaitable[dict]]


def asked(
    app, method: str, path: str, receive: Receive, on_body: Callable[[], None] = lambda: None
) -> list[dict]:
    """Send one request to the application; return the messages of its answer."""
    sent = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "scheme": "http",
        "server": ("127.0.0.1", 8420),
        "http_version": "1.1",
    }

    async def send(message: dict) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            on_body()

    asyncio.run(app(scope, receive, send))
    return sent


def test_a_sender_that_leaves_gets_no_answer_and_is_no_error(world: World) -> None:
    messages = [{"type": "http.disconnect"}, {"type": "http.request", "body": b"{", "more_body": True}]
    before = world.size()

    async def receive() -> dict:
        return messages.pop()

    with structlog.testing.capture_logs() as lines:
        assert asked(create(world.home), "POST", "/entries", receive) == []

    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("the sender left", "info"),
        ("answered", "info"),
    ]
    assert world.size() == before


def test_a_sender_that_falls_silent_is_told_so(world: World) -> None:
    messages = [{"type": "http.request", "body": b'{"pay', "more_body": True}]

    async def receive() -> dict:
        if not messages:
            await asyncio.sleep(60)
        return messages.pop()

    start, body = asked(create(world.home, limits=Limits(stall_seconds=0.05)), "POST", "/entries", receive)

    assert start["status"] == 408
    said = canonical.decode(body["body"])
    assert said["type"] == "https://studbook.dev/problems/stalled"
    assert said["detail"] == "after 5 bytes nothing came for 0.05 seconds"


def test_an_answer_that_breaks_off_does_not_look_whole(world: World) -> None:
    data = bytes(3 << 20)
    files = {"a.bin": sha256_hex(data)}
    world.publish("publisher", signature.statement("a", files))
    world.home.blobs.put(files["a.bin"], [data])
    path = world.home.blobs.path(files["a.bin"])
    path.chmod(0o644)
    rest = asyncio.Event()

    async def receive() -> dict:
        await rest.wait()
        return {"type": "http.disconnect"}

    with structlog.testing.capture_logs() as lines, pytest.raises(RuntimeError):
        asked(
            create(world.home),
            "GET",
            f"/artifacts/{artifact_id(files)}/files/a.bin",
            receive,
            lambda: path.write_bytes(b""),
        )

    assert [line["event"] for line in lines] == ["unexpected", "answered"]
