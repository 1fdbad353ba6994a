"""Fetching: what has arrived is continued, and only what hashes to its name is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.store import Absent
from registry.work.fetch import Fetched
from signing.digest import sha256_hex
from signing.errors import Refused, Untrusted

DATA = bytes(range(256)) * 5
DIGEST = sha256_hex(DATA)


class Sender:
    """Sends one blob in chunks of 100 bytes, from wherever it is asked to; breaks off, or lies, as it is told."""

    name = "http://kennel.example"

    def __init__(
        self,
        data: bytes = DATA,
        *,
        breaks_at: int | None = None,
        ranges: bool = True,
        size: int | None = None,
    ) -> None:
        self.data, self.breaks_at, self.ranges = data, breaks_at, ranges
        self.said = len(data) if size is None else size
        self.sent = 0
        self.asked: list[int] = []

    def size(self, digest: str) -> int:
        if digest != DIGEST:
            raise Absent(f"{self.name} does not hold {digest}")
        return self.said

    @contextmanager
    def blob(self, digest: str, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        assert digest == DIGEST
        self.asked.append(start)
        at = start if self.ranges else 0
        yield at, self._chunks(at)

    def _chunks(self, at: int) -> Iterator[bytes]:
        while at < len(self.data):
            if self.breaks_at is not None and at >= self.breaks_at:
                raise Refused(f"{self.name} does not answer: broken")
            self.sent += len(self.data[at : at + 100])
            yield self.data[at : at + 100]
            at += 100


def kept(fetched: Fetched) -> bytes:
    return b"".join(fetched.blobs.read(DIGEST))


@pytest.mark.parametrize("ranges", [True, False])
def test_a_fetch_that_broke_off_is_continued_where_ranges_are_served(tmp_path: Path, ranges: bool) -> None:
    with pytest.raises(Refused, match="broken"):
        Fetched(Sender(breaks_at=500), tmp_path).fetch(DIGEST)
    assert DIGEST not in Fetched(Sender(), tmp_path).blobs
    sender, told = Sender(ranges=ranges), []
    store = Fetched(sender, tmp_path)
    assert store.missing(DIGEST) == len(DATA) - 500

    store.fetch(DIGEST, told.append)

    assert (sender.asked, sender.sent) == ([500], len(DATA) - (500 if ranges else 0))
    assert sum(told) == sender.sent
    assert kept(store) == DATA
    assert list((tmp_path / "parts").iterdir()) == []
    assert store.missing(DIGEST) == 0
    store.fetch(DIGEST)
    assert sender.asked == [500], "what is here is not asked for"


@pytest.mark.parametrize("left", [b"torn" * 10, b"x" * len(DATA), b"x" * (len(DATA) + 5), DATA, b""])
def test_what_a_crash_left_is_used_if_it_is_right_and_fetched_anew_otherwise(
    tmp_path: Path, left: bytes
) -> None:
    sender = Sender()
    store = Fetched(sender, tmp_path)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / DIGEST).write_bytes(left)

    store.fetch(DIGEST)

    assert kept(store) == DATA
    assert (sender.sent == 0) == (left == DATA)
    assert list((tmp_path / "parts").iterdir()) == []


@given(st.integers(0, len(DATA) - 1), st.booleans())
def test_one_wrong_bit_is_refused_and_nothing_of_it_is_kept(tmp_path_factory, at: int, begun: bool) -> None:
    folder = tmp_path_factory.mktemp("rebuilder")
    wrong = bytearray(DATA)
    wrong[at] ^= 1
    if begun:
        with pytest.raises(Refused):
            Fetched(Sender(breaks_at=600), folder).fetch(DIGEST)
    store = Fetched(Sender(bytes(wrong)), folder)

    # Half of it came from an honest sender: the rest may have been right.
    if not begun or at >= 600:
        with pytest.raises(
            Untrusted, match=f"http://kennel.example sent {len(DATA)} bytes as sha256:{DIGEST}"
        ):
            store.fetch(DIGEST)
        assert DIGEST not in store.blobs
        assert list((folder / "parts").iterdir()) == []
    Fetched(Sender(), folder).fetch(DIGEST)
    assert kept(store) == DATA


def test_more_bytes_than_were_announced_are_not_taken(tmp_path: Path) -> None:
    store = Fetched(Sender(DATA * 1000, size=len(DATA)), tmp_path)

    with pytest.raises(Untrusted, match=f"sends more than the {len(DATA)} bytes of sha256:{DIGEST}"):
        store.fetch(DIGEST)

    assert (tmp_path / "parts" / DIGEST).stat().st_size <= len(DATA)


def test_what_is_not_stored_is_absent_before_anything_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="does not hold"):
        Fetched(Sender(), tmp_path).missing("0" * 64)


def test_an_empty_file_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = sha256_hex(b"")
    monkeypatch.setitem(globals(), "DIGEST", digest)
    store = Fetched(Sender(b""), tmp_path)

    store.fetch(digest)

    assert store.blobs.size(digest) == 0
