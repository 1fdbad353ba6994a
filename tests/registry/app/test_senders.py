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


def scope(method: str, path: str) -> dict:
    return {
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


def asked(
    app, method: str, path: str, receive: Receive, on_body: Callable[[], None] = lambda: None
) -> list[dict]:
    """Send one request to the application; return the messages of its answer."""
    sent = []

    async def send(message: dict) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            on_body()

    asyncio.run(app(scope(method, path), receive, send))
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


def test_a_sender_that_sends_a_byte_now_and_then_is_not_waited_for(world: World) -> None:
    sent = 0

    async def receive() -> dict:
        nonlocal sent
        await asyncio.sleep(0.02)
        sent += 1
        return {"type": "http.request", "body": b"x", "more_body": sent < 500}

    limits = Limits(stall_seconds=0.1, bytes_per_second=1000)
    start, body = asked(create(world.home, limits=limits), "POST", "/entries", receive)

    assert start["status"] == 408
    assert (
        "a sender is given 0.2 seconds and one for every 1000 bytes"
        in canonical.decode(body["body"])["detail"]
    )
    assert sent < 100


def test_more_statements_than_have_a_place_are_asked_to_come_again(world: World) -> None:
    app = create(world.home, limits=Limits(entries=2))
    held, answered = asyncio.Barrier(3), asyncio.Event()

    async def slow() -> dict:
        await held.wait()
        await answered.wait()
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def ready() -> dict:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def post(receive: Receive, found: list[dict]) -> None:
        async def send(message: dict) -> None:
            if message["type"] == "http.response.start":
                found.append(message)

        await app(scope("POST", "/entries"), receive, send)

    async def story() -> tuple[list[dict], list[dict]]:
        first: list[dict] = []
        later: list[dict] = []
        async with asyncio.timeout(10), asyncio.TaskGroup() as waiting:
            for _ in range(2):
                waiting.create_task(post(slow, later))
            await held.wait()
            await post(ready, first)
            answered.set()
        await post(ready, later)
        return first, later

    (turned_away,), later = asyncio.run(story())

    assert turned_away["status"] == 503
    assert b"retry-after" in dict(turned_away["headers"])
    assert [one["status"] for one in later] == [422, 422, 422]  # each place was given back


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
