"""Folders as others leave them: links, pipes, twins and pickles (threats T3, T5 and T6)."""

import json
import os
import pickle
import re

import pytest
from making import floats, safetensors, write_model

from merger import folder as module
from merger.folder import SMALL_LIMIT, describe, digests, files, opened, size, small
from signing.digest import artifact_id, sha256_hex
from signing.errors import Malformed, Untrusted

ONE = {"a": ("F32", (1,), floats([1]))}


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "model", ONE)


def test_a_description_is_of_all_the_files_and_only_of_them(model):
    (model / "sub").mkdir()
    (model / "sub" / "notes.txt").write_bytes(b"x" * 3_000_000)
    before = describe(model)
    for name in ("model.sig", ".gitattributes", "sub/model.sig"):
        (model / name).write_bytes(b"ignored")
    for name in (".git", ".cache"):
        (model / name).mkdir()
        (model / name / "loop").symlink_to("/")
    told = []
    after = describe(model, threads=1, progress=told.append)
    assert after == before
    assert [f.name for f in after.manifest.files] == files(model)
    assert files(model) == ["config.json", "model.safetensors", "sub/notes.txt", "tokenizer.json"]
    assert digests(model) == {f.name: f.sha256 for f in after.manifest.files}
    assert after.artifact == artifact_id(digests(model))
    assert sum(told) == size(model) - 8 - int.from_bytes(
        (model / "model.safetensors").read_bytes()[:8], "little"
    )
    assert after.manifest.blocks == sha256_hex(after.blocks)


def test_tensor_digests_do_not_depend_on_the_file_that_holds_them(tmp_path):
    both = {"a": ("U8", (1 << 20,), b"a" * (1 << 20)), "b": ("U8", ((1 << 20) + 1,), b"b" * ((1 << 20) + 1))}
    one = describe(write_model(tmp_path / "one", both))
    other = write_model(tmp_path / "other", ONE)
    (other / "model.safetensors").unlink()
    index = {"weight_map": {name: f"{name}.safetensors" for name in both}}
    (other / "model.safetensors.index.json").write_text(json.dumps(index))
    for name, tensor in both.items():
        (other / f"{name}.safetensors").write_bytes(safetensors({name: tensor}))
    split = describe(other)
    assert [t.digest for t in split.manifest.tensors] == [t.digest for t in one.manifest.tensors]
    assert (split.blocks, len(split.blocks)) == (one.blocks, 3 * 32)
    assert split.artifact != one.artifact


def test_t3_a_pickle_beside_the_weights_is_hashed_and_never_opened(model, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    raw = pickle.dumps(Bomb())
    for name in ("pytorch_model.bin", "model.pt", "weights.pkl"):
        (model / name).write_bytes(raw)
    found = describe(model)
    assert {f.name: f.sha256 for f in found.manifest.files}["pytorch_model.bin"] == sha256_hex(raw)
    assert [t.name for t in found.manifest.tensors] == ["a"]
    assert not (tmp_path / "exploded").exists()


def test_t3_an_index_that_points_at_a_pickle_is_refused(model):
    (model / "model.safetensors").unlink()
    (model / "model.safetensors.index.json").write_text('{"weight_map": {"a": "pytorch_model.bin"}}')
    (model / "pytorch_model.bin").write_bytes(pickle.dumps(list(range(100))))
    with pytest.raises(Malformed, match=r"pytorch_model\.bin: its header is said to be"):
        describe(model)


@pytest.mark.parametrize("target", ["config.json", "/etc/passwd", "nowhere"])
def test_t5_a_link_is_refused(model, target):
    (model / "linked").symlink_to(target)
    with pytest.raises(
        Malformed, match="linked is a link; an artifact holds files, so copy what it points to"
    ):
        describe(model)
    with pytest.raises(Malformed, match="cannot be opened"):
        opened(model, "linked")


def test_t5_a_link_to_a_folder_is_refused(model):
    (model / "sub").symlink_to("/etc")
    with pytest.raises(Malformed, match="sub is a link"):
        describe(model)


def test_t5_a_pipe_is_refused_and_waited_for_by_nobody(model):
    os.mkfifo(model / "pipe")
    with pytest.raises(Malformed, match="pipe is neither a file nor a folder"):
        describe(model)
    with pytest.raises(Malformed, match="pipe is no regular file"):
        opened(model, "pipe")


@pytest.mark.parametrize("name", ["CONFIG.JSON", "Tokenizer.json"])
def test_t5_twins_under_case_folding_are_refused(model, name):
    (model / name).write_text("{}")
    if len(list(model.iterdir())) < 4:
        pytest.skip("this disk folds case itself")
    with pytest.raises(Malformed, match="are equal under case folding"):
        describe(model)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("e\u0301.txt", "normalisation form C"),
        ("aux.json", "device on Windows"),
        ("a\nb", "control"),
        ("back\\slash", "backslash"),
        ("dot.", "ends in a dot"),
        (".gitmodules", "close to a name"),
        (b"\xff\xfe", "control, invisible"),
    ],
    ids=repr,
)
def test_t5_names_that_some_system_reads_otherwise_are_refused(model, name, sentence):
    with open(os.path.join(os.fsencode(model), os.fsencode(name)), "wb"):  # noqa: PTH118, PTH123 - no text
        pass
    with pytest.raises(Malformed, match=sentence):
        describe(model)


def test_t5_an_index_and_its_files_agree_both_ways(model):
    index = model / "model.safetensors.index.json"
    (model / "model.safetensors").rename(model / "one.safetensors")
    index.write_text('{"weight_map": {"a": "one.safetensors", "b": "one.safetensors"}}')
    with pytest.raises(Malformed, match=r"places b there, and it is not in it"):
        describe(model)
    (model / "more.safetensors").write_bytes(safetensors({"b": ONE["a"], "c": ONE["a"]}))
    index.write_text('{"weight_map": {"a": "one.safetensors", "b": "more.safetensors"}}')
    with pytest.raises(Malformed, match=r"more\.safetensors: c is in it, but .* does not place it there"):
        describe(model)


def test_t4_weights_that_programs_would_choose_differently_are_refused(model):
    # transformers loads model.safetensors and never looks at the index beside it.
    (model / "other.safetensors").write_bytes(safetensors(ONE))
    (model / "model.safetensors.index.json").write_text('{"weight_map": {"a": "other.safetensors"}}')
    with pytest.raises(Malformed, match="programs differ in which of them they load"):
        describe(model)


def test_t4_one_tensor_in_two_files_is_refused(model):
    (model / "model.safetensors").rename(model / "x.safetensors")
    (model / "y.safetensors").write_bytes(safetensors(ONE))
    with pytest.raises(Malformed, match=r"a is in x\.safetensors and in y\.safetensors"):
        describe(model)


def test_what_is_no_folder_of_files_is_refused(tmp_path, model):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Malformed, match="empty holds no files"):
        describe(tmp_path / "empty")
    with pytest.raises(Malformed, match=r"config\.json is not a folder"):
        describe(model / "config.json")


def test_a_small_file_is_small_and_what_was_signed(model):
    raw = (model / "config.json").read_bytes()
    assert small(model, "config.json", sha256_hex(raw)) == raw
    with pytest.raises(Untrusted, match=re.escape(f"its SHA-256 is {sha256_hex(raw)}, not {'0' * 64}")):
        small(model, "config.json", "0" * 64)
    with (model / "tokenizer.json").open("wb") as file:
        file.truncate(SMALL_LIMIT + 1)
    with pytest.raises(Malformed, match=f"larger than {SMALL_LIMIT} bytes"):
        small(model, "tokenizer.json")


def test_t6_a_file_that_shrinks_while_it_is_read_is_refused(model, monkeypatch):
    preadv = os.preadv
    monkeypatch.setattr(module.os, "preadv", lambda d, pieces, at: preadv(d, [pieces[0][:-1]], at))
    with pytest.raises(Malformed, match=r"a file ended at byte .* 1 bytes early"):
        describe(model)


def test_t6_an_index_that_changes_while_the_folder_is_read_is_refused(model, monkeypatch):
    index = model / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "model.safetensors"}}')

    def swapped(*_):
        index.write_text('{"weight_map": {"a": "other.safetensors"}}')
        return {"model.safetensors": {"a"}}

    monkeypatch.setattr(module, "weight_files", swapped)
    with pytest.raises(Malformed, match=r"index\.json changed while the folder was read"):
        describe(model)
