"""A log over HTTP: bounded, from the host that was asked, and the same whether a registry or a folder of files is behind it."""

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from auditing import Files, Held, copied, look
from growing import grow
from world import World

from registry import site
from registry.store import Absent
from registry.tlog import RemoteLog
from signing import tiles
from signing.errors import Malformed, Refused
from signing.tiles import Tile

# Servers and mirrors of their own take half a minute: `make system` waits for them.
pytestmark = pytest.mark.system


@contextmanager
def answering(handler) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    """What `python -m http.server` serves, without its lines on the screen."""

    def log_message(self, *_: object) -> None:
        pass


def says(status: int, body: bytes, headers: dict[str, str] | None = None, pause: float = 0):
    """Return a server that answers every question alike, byte by byte if it pauses."""

    class Handler(BaseHTTPRequestHandler):
        asked: ClassVar[list[str]] = []

        def do_GET(self) -> None:
            self.asked.append(self.path)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            for byte in (body,) if not pause else (body[at : at + 1] for at in range(len(body))):
                try:
                    self.wfile.write(byte)
                except OSError:
                    return
                time.sleep(pause)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def test_files_behind_any_web_server_are_audited_and_mirrored_like_a_registry(
    world: World, tmp_path: Path
) -> None:
    grow(world, 300)
    root, copy = world.home.root(), tmp_path / "copy"
    copied(Held(world), root, copy)

    with answering(partial(Quiet, directory=tmp_path)) as url, RemoteLog(f"{url}/copy/") as remote:
        audit, found = look(remote, root, tmp_path / "state")
        assert (audit.memory.size, len(found)) == (300, 300)
        copied(remote, root, tmp_path / "again")
        assert remote.root() == root.encode()

    assert look(Files(tmp_path / "again"), root, tmp_path / "second")[0].memory.size == 300


def test_a_full_tile_stands_in_for_the_partial_one_that_it_became(world: World, tmp_path: Path) -> None:
    grow(world, 300)
    copied(Held(world), world.home.root(), tmp_path / "copy")
    with answering(partial(Quiet, directory=tmp_path / "copy")) as url, RemoteLog(url) as remote:
        for level in (0, "entries"):
            partial_one = Tile(level, 0, 17)
            assert not (tmp_path / "copy" / partial_one.path).exists()
            assert remote.tile(partial_one) == Held(world).tile(partial_one)
        with pytest.raises(Absent, match=r"/tile/0/001 is not there"):
            remote.tile(Tile(0, 1, 45))
        with pytest.raises(Absent, match=r"/tile/3/000 is not there"):
            remote.tile(Tile(3, 0))


@pytest.mark.parametrize(
    ("ask", "most"),
    [
        (lambda log: log.checkpoint(), 1 << 20),
        (lambda log: log.tile(Tile(0, 0)), 8192),
        (lambda log: log.tile(Tile(1, 0, 3)), 96),
        (lambda log: log.tile(Tile("entries", 0)), tiles.MAX_BYTES),
        (lambda log: next(log.envelopes("ab" * 32, 0)), 16 << 20),
        (lambda log: log.root(), 16 << 20),
    ],
)
def test_an_answer_is_as_long_as_it_may_be(ask, most: int) -> None:
    with (
        answering(says(200, b"x" * (most + 1))) as url,
        RemoteLog(url) as remote,
        pytest.raises(Malformed, match=f"is longer than {most} bytes"),
    ):
        ask(remote)
    with answering(says(200, b"x" * most)) as url, RemoteLog(url) as remote:
        assert len(ask(remote)) == most


def test_what_is_sent_compressed_is_as_long_as_it_is_unpacked() -> None:
    packed = gzip.compress(b"x" * (64 << 20))
    with (
        answering(says(200, packed, {"Content-Encoding": "gzip"})) as url,
        RemoteLog(url) as remote,
        pytest.raises(Malformed, match="is longer than 8192 bytes"),
    ):
        remote.tile(Tile(0, 0))
    packed = gzip.compress(b"y" * 8192)
    with answering(says(200, packed, {"Content-Encoding": "gzip"})) as url, RemoteLog(url) as remote:
        assert remote.tile(Tile(0, 0)) == b"y" * 8192


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirection_is_not_followed(status: int) -> None:
    elsewhere = says(200, b"secret")
    with answering(elsewhere) as other:
        sending = says(status, b"", {"Location": f"{other}/checkpoint"})
        with (
            answering(sending) as url,
            RemoteLog(url) as remote,
            pytest.raises(Refused, match=f"answered with status {status} and no reason"),
        ):
            remote.checkpoint()
    assert sending.asked == ["/checkpoint"]
    assert elsewhere.asked == []


def test_who_answers_a_byte_now_and_then_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "PATIENCE", 0.3)
    with (
        answering(says(200, b"x" * 100, pause=0.05)) as url,
        RemoteLog(url, timeout=5) as remote,
        pytest.raises(Refused, match="came too slowly: "),
    ):
        remote.checkpoint()


def test_every_leaf_of_an_entry_is_asked_for_by_its_index() -> None:
    one = says(200, b"an envelope")
    with answering(one) as url, RemoteLog(url) as remote:
        assert list(remote.envelopes("ab" * 32, 7)) == [b"an envelope"] * 2
    assert one.asked == [f"/entries/{'ab' * 32}?index=7", f"/entries/{'ab' * 32}.7"]


@pytest.mark.parametrize("url", ["", "kennel", "ftp://kennel", "http://"])
def test_an_address_is_a_url(url: str) -> None:
    with pytest.raises(Malformed):
        RemoteLog(url)
