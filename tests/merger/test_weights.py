"""What is merged is what was checked: files swapped between signing and merging (threat T6)."""

import json
import os
import re
from pathlib import Path

import pytest
from making import floats, make, safetensors, write_model

from merger.folder import Changed, describe
from merger.manifest import block_digests
from merger.recipe import Recipe
from merger.weights import Shard, Weights, header_bytes, opened_weights
from signing.errors import Malformed, Untrusted

MIB = 1 << 20
TENSORS = {
    "a": ("U8", (2 * MIB + 5,), bytes(range(256)) * (8 * 1024) + b"tail!"),
    "b": ("F32", (), floats(1.0)),
}


@pytest.fixture
def model(tmp_path):
    folder = write_model(tmp_path / "model", TENSORS)
    return folder, describe(folder)


def weights(model):
    folder, found = model
    return Weights(folder, found.manifest, found.blocks)


def read(opened, name, first, count=1):
    return opened.read(name, first, count, bytearray(opened.length(name, first, count)))


def held():
    return len(list(Path("/proc/self/fd").iterdir()))


def data_start(file):
    return 8 + int.from_bytes(file.read_bytes()[:8], "little")


def flip(file, at):
    raw = bytearray(file.read_bytes())
    raw[at] ^= 1
    file.write_bytes(raw)


def test_blocks_are_read_in_any_order_and_number(model):
    opened = weights(model)
    buffer = bytearray(4 * MIB)
    whole = TENSORS["a"][2]
    for first, count in [(2, 1), (0, 1), (1, 2), (0, 3), (0, 9)]:
        assert opened.read("a", first, count, buffer) == whole[first * MIB : (first + count) * MIB]
    assert read(opened, "b", 0) == TENSORS["b"][2]
    opened.close()


@pytest.mark.parametrize(("at", "block"), [(0, 0), (MIB, 1), (2 * MIB + 4, 2)])
def test_t6_one_flipped_bit_is_found_in_its_block_and_only_there(model, at, block):
    file = model[0] / "model.safetensors"
    flip(file, data_start(file) + at)
    opened = weights(model)
    for number in range(3):
        if number != block:
            read(opened, "a", number, 1)
    end = min((block + 1) * MIB, 2 * MIB + 5) - 1
    with pytest.raises(
        Changed, match=rf"a differs from what was signed in block {block} \(bytes {block * MIB} to {end}\)"
    ):
        read(opened, "a", 0, 3)
    opened.close()


def test_t6_a_file_that_shrinks_under_an_open_merge_is_found(model):
    opened = weights(model)
    os.truncate(model[0] / "model.safetensors", 1000)
    with pytest.raises(Changed, match=r"a ends [0-9]+ bytes early"):
        read(opened, "a", 0, 1)
    opened.close()


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        (TENSORS | {"b": ("I32", (), bytes(4))}, r"b is ('I32', ()), signed as ('F32', ())"),
        (TENSORS | {"b": ("F32", (1,), bytes(4))}, r"b is ('F32', (1,)), signed as ('F32', ())"),
        ({"a": TENSORS["a"]}, r"b is not there, signed as ('F32', ())"),
        (TENSORS | {"c": TENSORS["b"]}, r"c is ('F32', ()), signed as not there"),
    ],
)
def test_t6_a_swapped_header_is_refused(model, tensors, sentence):
    (model[0] / "model.safetensors").write_bytes(safetensors(tensors))
    before = held()
    with pytest.raises(Changed, match=re.escape(sentence)):
        weights(model)
    assert held() == before


def test_t6_a_reordered_file_is_read_by_name(model):
    # Offsets are not signed and need not be: every block is checked wherever it stands.
    (model[0] / "model.safetensors").write_bytes(safetensors(dict(reversed(TENSORS.items()))))
    opened = weights(model)
    assert read(opened, "b", 0, 1) == TENSORS["b"][2]
    assert read(opened, "a", 2, 1) == b"tail!"
    opened.close()


def test_t6_a_file_swapped_for_a_link_a_pipe_or_nothing_is_refused(model):
    file = model[0] / "model.safetensors"
    file.rename(model[0].parent / "elsewhere")
    with pytest.raises(Malformed, match="cannot be opened: No such file"):
        weights(model)
    file.symlink_to(model[0].parent / "elsewhere")
    with pytest.raises(Malformed, match=r"model\.safetensors cannot be opened"):
        weights(model)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(Malformed, match="is no regular file"):
        weights(model)


def test_t6_block_digests_that_are_not_the_manifests_are_refused(model):
    folder, found = model
    with pytest.raises(
        Changed, match=f"the block digests kept for .* hash to .*, not {found.manifest.blocks}"
    ):
        Weights(folder, found.manifest, found.blocks[:-1] + b"\0")
    odd = found.manifest.tensors[0].model_copy(update={"digest": "0" * 64})
    manifest = found.manifest.model_copy(update={"tensors": (odd, *found.manifest.tensors[1:])})
    with pytest.raises(Malformed, match="a: its digest in the manifest is not that of its block digests"):
        Weights(folder, manifest, found.blocks)


def test_files_are_closed_whatever_happens(pair):
    described = {artifact: describe(folder) for artifact, folder in pair.items()}
    known = {artifact: (d.manifest, d.blocks) for artifact, d in described.items()}
    before = held()
    with pytest.raises(KeyError), opened_weights(pair, dict([next(iter(known.items()))])):
        pass
    with opened_weights(pair, known) as opened:
        assert [w.small("config.json") for w in opened.values()]
        assert [w.small("nothing") for w in opened.values()] == [None, None]
    assert held() == before


def swap_tensor(folder):
    file = folder / "model.safetensors"
    flip(file, len(file.read_bytes()) - 1)


def swap_header(folder):
    tensors = {"a": ("F32", (4,), bytes(16)), "b": ("F32", (3,), bytes(12))}
    (folder / "model.safetensors").write_bytes(safetensors(tensors))


def swap_config(folder):
    (folder / "config.json").write_text(json.dumps({"architectures": ["Evil"], "auto_map": {}}))


def swap_tokenizer(folder):
    (folder / "tokenizer.json").write_text("{}")


@pytest.mark.parametrize("swap", [swap_tensor, swap_header, swap_config, swap_tokenizer])
def test_t6_whatever_is_swapped_between_signing_and_merging_nothing_appears(
    tmp_path, pair, linear, swap, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "work"))
    (tmp_path / "work").mkdir()
    described = {artifact: describe(folder) for artifact, folder in pair.items()}
    swap(next(iter(pair.values())))
    with pytest.raises(Untrusted, match="signed"):
        make(Recipe.of(linear), pair, described=described)
    assert not list((tmp_path / "work").rglob("out"))


def test_a_shard_is_what_its_record_says(tmp_path):
    tensors = [("a", "U8", (2 * MIB + 1,)), ("e", "F32", (0, 4)), ("z", "I16", ())]
    shard = Shard(tmp_path / "model.safetensors", tensors)
    raw = bytes(2 * MIB + 1)
    shard.write("a", raw[:MIB])
    shard.write("a", memoryview(raw)[MIB:], block_digests(raw[MIB:]))
    shard.write("z", b"\1\2")
    file, found, blocks = shard.finish()
    (tmp_path / "config.json").write_text("{}")
    told = describe(tmp_path)
    assert told.manifest.tensors == tuple(found)
    assert file in told.manifest.files
    assert told.blocks == blocks
    with (tmp_path / "model.safetensors").open("rb") as opened:
        head = header_bytes(
            [(n, d, s, len(raw) if n == "a" else 2 if n == "z" else 0) for n, d, s in tensors]
        )
        assert opened.read(len(head)) == head
    assert len(head) % 8 == 0
