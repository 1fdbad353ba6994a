"""Key files are their owner's alone."""

import os
import stat
from pathlib import Path

import pytest

from registry.store import Absent, keys
from signing.errors import Malformed, Refused
from signing.keys import PrivateKey

KEY = PrivateKey.generate("ed25519")


def test_a_key_is_kept_with_mode_0600_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keys.keep(tmp_path / "log.pem", KEY)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "log.pem").stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["log.pem"]
    assert keys.load(tmp_path / "log.pem").public == KEY.public


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    keys.keep(tmp_path / "log.pem", KEY)
    with pytest.raises(FileExistsError):
        keys.keep(tmp_path / "log.pem", PrivateKey.generate("ed25519"))
    assert keys.load(tmp_path / "log.pem").public == KEY.public
    assert [one.name for one in tmp_path.iterdir()] == ["log.pem"]


@pytest.mark.parametrize("mode", [0o610, 0o620, 0o640, 0o601, 0o602, 0o604, 0o777])
def test_a_key_that_others_can_reach_says_its_mode(tmp_path: Path, mode: int) -> None:
    keys.keep(tmp_path / "log.pem", KEY)
    (tmp_path / "log.pem").chmod(mode)
    with pytest.raises(Refused, match=f"has mode {mode:04o}"):
        keys.load(tmp_path / "log.pem")


def test_a_link_a_folder_and_nothing_are_no_keys(tmp_path: Path) -> None:
    keys.keep(tmp_path / "log.pem", KEY)
    (tmp_path / "link.pem").symlink_to(tmp_path / "log.pem")
    (tmp_path / "folder.pem").mkdir(mode=0o700)
    with pytest.raises(Refused, match="cannot be opened"):
        keys.load(tmp_path / "link.pem")
    with pytest.raises(Refused, match="no regular file"):
        keys.load(tmp_path / "folder.pem")
    with pytest.raises(Absent, match="no such key"):
        keys.load(tmp_path / "nothing.pem")


def test_a_file_that_holds_no_key_is_malformed(tmp_path: Path) -> None:
    (tmp_path / "log.pem").touch(mode=0o600)
    with pytest.raises(Malformed):
        keys.load(tmp_path / "log.pem")
