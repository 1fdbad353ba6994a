"""Blobs are what they are called, whole, once."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.settings import now
from registry.store import Absent
from registry.store.blobs import Blobs
from signing.errors import Malformed

DATA = bytes(range(256)) * 10_000
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def everything(blobs: Blobs) -> list[Path]:
    return [one for one in blobs.path(DIGEST).parents[2].rglob("*") if one.is_file()]


def test_what_is_put_is_read_back(blobs: Blobs) -> None:
    assert blobs.put(DIGEST, [DATA[:100], b"", DATA[100:]])
    assert b"".join(blobs.read(DIGEST)) == DATA
    assert blobs.size(DIGEST) == len(DATA)
    assert DIGEST in blobs
    assert everything(blobs) == [blobs.path(DIGEST)]
    assert blobs.path(DIGEST).stat().st_mode & 0o777 == 0o444


def test_a_second_put_changes_nothing(blobs: Blobs) -> None:
    blobs.put(DIGEST, [DATA])
    before = blobs.path(DIGEST).stat()

    assert not blobs.put(DIGEST, [b"something else"])

    assert blobs.path(DIGEST).stat() == before


def test_bytes_under_another_name_are_refused_and_leave_nothing(blobs: Blobs) -> None:
    with pytest.raises(Malformed, match=f"sent as sha256:{DIGEST} are sha256:"):
        blobs.put(DIGEST, [DATA, b"x"])
    assert everything(blobs) == []
    assert DIGEST not in blobs


def test_a_sender_that_breaks_off_leaves_nothing(blobs: Blobs) -> None:
    def broken() -> object:
        yield DATA[:100]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        blobs.put(DIGEST, broken())
    assert everything(blobs) == []


def test_of_two_writers_the_first_wins_and_both_are_content(blobs: Blobs) -> None:
    def during() -> object:
        yield DATA
        assert blobs.put(DIGEST, [DATA])

    assert not blobs.put(DIGEST, during())
    assert everything(blobs) == [blobs.path(DIGEST)]


def test_a_file_is_stored_as_its_bytes(blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(DATA)
    assert blobs.add(DIGEST, tmp_path / "file")
    assert b"".join(blobs.read(DIGEST)) == DATA


@given(st.integers(0, len(DATA)), st.integers(0, len(DATA)))
def test_a_range_is_that_slice(tmp_path_factory: pytest.TempPathFactory, one: int, other: int) -> None:
    blobs = Blobs(tmp_path_factory.getbasetemp() / "ranges")
    blobs.put(DIGEST, [DATA])
    start, end = sorted((one, other))
    assert b"".join(blobs.read(DIGEST, start, end)) == DATA[start:end]


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 4), (0, len(DATA) + 1), (len(DATA) + 1, None)])
def test_a_range_that_is_not_there_is_refused(blobs: Blobs, start: int, end: int | None) -> None:
    blobs.put(DIGEST, [DATA])
    with pytest.raises(Malformed, match=f"{len(DATA)} bytes, asked for {start}"):
        blobs.read(DIGEST, start, end)


def test_a_blob_that_was_cut_on_disk_is_not_read_as_whole(blobs: Blobs) -> None:
    blobs.put(DIGEST, [DATA])
    reading = blobs.read(DIGEST)
    next(reading)
    blobs.path(DIGEST).chmod(0o644)
    os.truncate(blobs.path(DIGEST), 1 << 20)
    with pytest.raises(Malformed, match="it was cut"):
        list(reading)


@pytest.mark.parametrize(
    "digest", ["", "../../keys/root.pem", "AB" * 32, "ab" * 31, "ab" * 32 + "\n", "/etc/passwd"]
)
def test_t5_a_digest_that_is_a_path_is_refused(blobs: Blobs, digest: str) -> None:
    with pytest.raises(Malformed):
        blobs.put(digest, [DATA])
    with pytest.raises(Malformed):
        blobs.read(digest)


def test_what_is_not_stored_is_absent(blobs: Blobs) -> None:
    with pytest.raises(Absent, match=DIGEST):
        blobs.read(DIGEST)


def test_a_stage_that_a_crash_left_is_swept_a_day_later(blobs: Blobs) -> None:
    blobs.put(DIGEST, [DATA])
    staged = blobs.path(DIGEST).parents[2] / "staged"
    (staged / "old").write_bytes(b"")
    (staged / "new").write_bytes(b"")
    (staged / "just linked into place").symlink_to("gone")
    os.utime(staged / "old", (now() - 90_000,) * 2)

    blobs.put(hashlib.sha256(b"more").hexdigest(), [b"more"])

    assert {one.name for one in staged.iterdir()} == {"new", "just linked into place"}
