"""A file is there whole or not at all."""

import threading
import time
from pathlib import Path

import pytest

from registry.store.disk import alone, replace
from signing.errors import Refused


def test_what_is_replaced_is_there_whole(tmp_path: Path) -> None:
    replace(tmp_path / "file", b"old", 0o644)
    replace(tmp_path / "file", b"new", 0o644)
    assert (tmp_path / "file").read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_replacement_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        replace(tmp_path / "folder", b"new", 0o644)
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def test_a_folder_that_was_taken_away_while_one_waited_for_it_is_made_again(tmp_path: Path) -> None:
    folder, asked, stood = tmp_path / "folder", threading.Event(), []

    def make() -> None:
        folder.mkdir(exist_ok=True)
        asked.set()

    def wait() -> None:
        with alone(folder, make):
            stood.append(folder.is_dir())

    waiting = threading.Thread(target=wait)
    with alone(folder, folder.mkdir):
        waiting.start()
        asked.wait()
        time.sleep(0.1)  # it opens what is there, and waits for the lock
        folder.rmdir()
    waiting.join()
    assert stood == [True]


def test_a_folder_that_never_stands_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="could not be locked"), alone(tmp_path / "folder", lambda: None):
        pass
