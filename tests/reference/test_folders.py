"""The second implementation's folders: adapters laid on, layers stacked, shards and configs written."""

import json
import struct

import pytest
from reference.examples import ONE, TWO, floats, model, recipe, tensor
from reference.second import files, read_file


def test_an_adapter(tmp_path):
    held = {"l.0.q.weight": tensor([[1.0, 2.0], [3.0, 4.0]]), "head.weight": tensor([1.0])}
    factors = {
        "l.0.q.lora_A.weight": tensor([[1.0, -1.0]]),
        "l.0.q.lora_B.weight": tensor([[2.0], [1.0]]),
        "head.weight": tensor([7.0]),
    }
    folder = model(tmp_path / "adapter", {f"base_model.model.{n}": t for n, t in factors.items()})
    said = {
        "peft_type": "LORA",
        "r": 8,
        "lora_alpha": 3,
        "rank_pattern": {"q": 1},
        "modules_to_save": ["head"],
    }
    one = model(tmp_path / "plain", held)

    def run(scale, **config):
        (folder / "adapter_config.json").write_text(json.dumps(said | config))
        made = recipe("linear", (ONE, {"weight": "1"}))
        made["parents"][0] |= {"adapter": TWO, "scale": scale}
        (tmp_path / "out").write_bytes(files(made, {ONE: one, TWO: folder})["model.safetensors"])
        return {name: floats(found) for name, found in read_file(tmp_path / "out").items()}

    assert run("1") == {"l.0.q.weight": [7, -4, 6, 1], "head.weight": [7]}
    assert run("0") == {"l.0.q.weight": [1, 2, 3, 4], "head.weight": [1]}
    assert run("1", alpha_pattern={"^l..\\.q": 1})["l.0.q.weight"] == [3, 0, 4, 3]
    assert run("1", fan_in_fan_out=True)["l.0.q.weight"] == [7, 5, -3, 1]
    for bad in ({"use_dora": True}, {"bias": "all"}, {"rank_pattern": {}}, {"init_lora_weights": "pissa"}):
        with pytest.raises(ValueError, match=r"."):
            run("1", **bad)


def test_slices(tmp_path):
    def stack(name, values, **config):
        held = {f"l.{layer}.w": tensor([value]) for layer, value in enumerate(values)}
        held |= {"embed": tensor([values[0] + 100]), "norm": tensor([values[0] + 200])}
        return model(tmp_path / name, held, json.dumps({"n_layer": len(values)} | config))

    folders = {ONE: stack("a", [1.0, 2.0], layer_types=["x", "y"])}
    folders[TWO] = stack("b", [3.0, 4.0, 5.0], layer_types=["x", "z", "y"])
    made = recipe(
        "passthrough", (ONE, {"scale": "1"}), (TWO, {"scale": [{"by_layer": ["0"] * 4, "value": "1"}]})
    )
    pieces = [("2", "1", "0"), ("1", "0", "1")]
    made["slices"] = [{"count": c, "sources": [{"parent": p, "first": f}]} for c, p, f in pieces]
    out = files(made, folders)
    (tmp_path / "out").write_bytes(out["model.safetensors"])
    got = {name: floats(found) for name, found in read_file(tmp_path / "out").items()}
    assert got == {"embed": [103], "l.0.w": [0], "l.1.w": [0], "l.2.w": [2], "norm": [201]}
    assert json.loads(out["config.json"]) == {"layer_types": ["x", "z", "y"], "n_layer": 3}
    for change in ({"count": "3"}, {"base_first": "0"}, {"count": 1}, {"sources": []}):
        with pytest.raises(ValueError, match=r"."):
            files(made | {"slices": [made["slices"][0], made["slices"][1] | change]}, folders)


def test_files(tmp_path):
    held = {"é": tensor([1.0]), "b": tensor([1.0, 2.0]), "a": tensor([1.0])}
    folder = model(tmp_path / "one", held, '{"dtype": "x", "n": 3, "e": 1.50, "f": 30.0}')
    (folder / "tokenizer.json").write_bytes(b"\xff")
    made = recipe("linear", (ONE, {"weight": "1"}), out_dtype="float16", shard_bytes="4")
    out = files(made, {ONE: folder})
    assert sorted(out) == [
        "config.json",
        *[f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)],
        "model.safetensors.index.json",
        "tokenizer.json",
    ]
    assert out["config.json"] == b'{"dtype":"float16","e":1.5,"f":30.0,"n":3}\n'
    head = '{"__metadata__":{"format":"pt"},"a":{"data_offsets":[0,2],"dtype":"F16","shape":[1]}}'
    head += " " * (-len(head) % 8)
    assert (
        out["model-00001-of-00003.safetensors"] == struct.pack("<Q", len(head)) + head.encode() + b"\x00\x3c"
    )
    index = '{"metadata":{"total_size":8},"weight_map":{' + ",".join(
        f'"{name}":"model-0000{number}-of-00003.safetensors"' for number, name in enumerate("abé", 1)
    )
    assert out["model.safetensors.index.json"].decode() == index + "}}\n"
    for file in [name for name in out if "-of-" in name or "index" in name]:
        (folder / file).write_bytes(out[file])
    with pytest.raises(ValueError, match="both there"):
        files(made, {ONE: folder})
    (folder / "model.safetensors").unlink()
    assert set(files(made | {"shard_bytes": "6"}, {ONE: folder})) > {"model-00001-of-00002.safetensors"}
    assert "model.safetensors" in files(made | {"shard_bytes": "5000000000"}, {ONE: folder})
