"""Where a webhook may go, and what whoever is there can make of it."""

import socket
import ssl
import threading
import time
from contextlib import contextmanager

import pytest
from receiving import receiving

from registry.work.posting import checked, place, post
from signing.errors import Malformed, Refused


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/x",
        "http://10.0.0.1/x",
        "http://127.0.0.1.example/x",
        "ftp://hooks.example/x",
        "file:///etc/passwd",
        "hooks.example/x",
        "https:///x",
        "https://user:word@hooks.example/x",
        "https://hooks.example/x#y",
        "https://hooks.example:99999/x",
        "https://hooks.example/a b",
        "https://hooks.example/\r\nx-other: 1",
        "https://hooks.example/é",
        "https://[::1/x",
        "https://hooks.example/" + "x" * 2000,
        "",
    ],
)
def test_a_url_that_is_none_of_a_hook_is_refused(url) -> None:
    with pytest.raises(Malformed):
        place(url)


def test_a_url_leads_where_it_says() -> None:
    assert place("https://hooks.example/x?y=1") == (True, "hooks.example", 443, "/x?y=1")
    assert place("https://[2001:db8::1]:8443") == (True, "2001:db8::1", 8443, "/")
    for host in ("localhost", "127.0.0.1", "[::1]"):
        assert not place(f"http://{host}:8/x").tls


PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "2002:0a00:0001::",
    "64:ff9b::a00:1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_means_a_private_address_is_refused_unless_that_is_allowed(address) -> None:
    to = place("https://hooks.example/x")
    for found in ([address], ["93.184.215.14", address]):
        with pytest.raises(Refused, match="no public address; STUDBOOK_HOOK_PRIVATE=true"):
            checked(to, private=False, resolve=lambda *_, found=found: found)
    assert checked(to, private=True, resolve=lambda *_: [address]) == address


def test_public_addresses_are_taken_and_a_name_that_means_none_is_refused() -> None:
    to = place("https://hooks.example/x")
    for address in ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"):
        assert checked(to, private=False, resolve=lambda *_, found=address: [found]) == address
    with pytest.raises(Refused, match=r"hooks\.example means no address"):
        checked(to, private=False, resolve=lambda *_: [])
    with pytest.raises(Refused, match=r"local.*no public address"):
        checked(place("http://localhost/x"), private=True, resolve=lambda *_: ["10.0.0.1"])


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    # Not where this machine's own resolver leads.
    with receiving("127.0.0.2") as receiver:
        url = f"http://localhost:{receiver.port}/x"
        assert post(url, {"webhook-id": "1"}, b"{}", private=False, resolve=resolve) == 204

    assert asked == [("localhost", receiver.port)]
    assert receiver.got[0].headers["host"] == f"localhost:{receiver.port}"


@contextmanager
def talking(*pieces: bytes, pause: float = 0.05):
    """Answer one connection with these pieces, again and again, one at a time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def talk() -> None:
            one, _ = server.accept()
            with one:
                for piece in pieces:
                    if over.wait(pause):
                        return
                    try:
                        one.sendall(piece)
                    except OSError:
                        return
                over.wait(5)

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"H", b"T", b"T", b"P") * 100,
        (b"HTTP/1.1 100 Continue\r\n\r\n",) * 400,
    ],
)
def test_whoever_dawdles_is_left_in_time(pieces) -> None:
    with talking(*pieces) as port:
        started = time.monotonic()
        with pytest.raises(Refused, match=r"127\.0\.0\.1 did not answer"):
            post(f"http://127.0.0.1:{port}/x", {}, b"{}", private=False, seconds=0.5)
        assert time.monotonic() - started < 3


def test_a_body_without_an_end_is_not_read() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n"
    with talking(head, *[b"x" * 1000] * 100) as port:
        started = time.monotonic()
        assert post(f"http://127.0.0.1:{port}/x", {}, b"{}", private=False) == 200
        assert time.monotonic() - started < 2


def test_what_is_no_answer_and_headers_without_an_end_are_refused() -> None:
    for said in (
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200,
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000,
    ):
        with talking(said) as port, pytest.raises(Refused, match="did not answer"):
            post(f"http://127.0.0.1:{port}/x", {}, b"{}", private=False, seconds=2)


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    with talking(b"no tls") as port, pytest.raises(Refused, match="did not answer"):
        post(f"https://localhost:{port}/x", {}, b"{}", private=True, seconds=2)
    context = ssl.create_default_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
