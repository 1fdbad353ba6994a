"""A file is there whole or not at all."""

from pathlib import Path

import pytest

from registry.store.disk import replace


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
