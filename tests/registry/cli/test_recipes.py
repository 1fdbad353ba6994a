"""`studbook recipe explain`: what a merge would do, said before it does anything."""

import pytest
from applying import pair, write_adapter
from making import floats, write_model


@pytest.fixture
def kennel_of_layers(terminal):
    """Two registered models of four layers, and a third of two."""
    terminal("init")
    for at, (name, count) in enumerate((("one", 4), ("two", 4), ("small", 2))):
        held = {f"model.layers.{i}.mlp.weight": 1.0 + at for i in range(count)}
        held |= {"model.embed_tokens.weight": 2.0 + at, "model.norm.weight": 3.0}
        tensors = {tensor: ("F32", (2,), floats([value, at])) for tensor, value in held.items()}
        config = {"architectures": ["Tiny"], "model_type": "tiny", "num_hidden_layers": count}
        write_model(terminal.folder / name, tensors, config)
        assert terminal("add", name, "--name", f"kennel/{name}", "--license", "mit").code == 0
    return terminal


SLERP = """\
merge_method: slerp
base_model: kennel/one
models: [{model: kennel/one}, {model: kennel/two}]
parameters: {t: [0.25, 0.5]}
dtype: float32
"""


def test_explain_says_what_each_tensor_is_made_of_and_what_it_takes(kennel_of_layers) -> None:
    terminal = kennel_of_layers
    (terminal.folder / "recipe.yaml").write_text(SLERP)
    before = terminal.state()

    value = terminal.holds("recipe", "explain", "recipe.yaml")
    said = terminal("recipe", "explain", "recipe.yaml")

    assert terminal.state() == before
    assert set(value["references"]) == {"kennel/one", "kennel/two"}
    made = {group["tensors"]: group for group in value["tensors"]}
    layers = made["model.layers.{0-3}.mlp.weight"]
    assert (layers["operation"], layers["count"], layers["bytes"]) == ("slerp", 4, 32)
    assert layers["parameters"] == {"t": "0.25, 0.3333333333333333, …, 0.5"}
    assert [one["layers"] for one in layers["inputs"]] == ["0-3", "0-3"]
    assert (value["reads"], value["passes"], value["writes"]) == ([192, 192], [2, 2], 48)
    assert any(
        "embeddings, final norm and head take its first value, 0.25" in note for note in value["notes"]
    )
    for text in (
        "model.layers.{0-3}.mlp.weight",
        "every tensor from parent 1 kennel/one; parent 2 kennel/two",
        "reads 0.0 MB, an input at most 2 times; writes",
        "note: license mit, which every input declares",
        value["references"]["kennel/one"],
    ):
        assert text in said.out, said.out
    assert value["digest"] in terminal.holds("merge", "recipe.yaml", "--out", "made")["recipe"]


def test_explain_says_about_how_long_it_takes_and_of_what_that_is_made(kennel_of_layers) -> None:
    terminal = kennel_of_layers
    (terminal.folder / "recipe.yaml").write_text(SLERP)

    value = terminal.holds("recipe", "explain", "recipe.yaml", "--threads", "3", "--read", "2")
    said = terminal("recipe", "explain", "recipe.yaml", "--threads", "3", "--read", "2").out

    assert (value["threads"], value["read"]) == (3, 2)
    assert set(value["made_of"]) == {"read", "check", "compute", "hash", "write"}
    low, high = value["seconds"]
    assert 0 < low <= high <= sum(most for _, most in value["made_of"].values())
    checked = value["reads"][0] + value["writes"]
    assert value["made_of"]["check"][0] == pytest.approx(checked / value["rates"]["blake3"])
    assert value["process"] > value["memory"] > 0
    for text in ("takes about", "of processor time: read", "as measured just now", "SHA-256", "--read 2"):
        assert text in said


def test_explain_chooses_what_fits_as_a_merge_would(kennel_of_layers) -> None:
    terminal = kennel_of_layers
    (terminal.folder / "recipe.yaml").write_text(SLERP)
    free = terminal.holds("recipe", "explain", "recipe.yaml", "--threads", "200")
    assert (
        terminal.holds("recipe", "explain", "recipe.yaml", "--threads", "200", "--memory", "9G")["threads"]
        == 200
    )
    assert free["threads"] == 200
    few = terminal("recipe", "explain", "recipe.yaml", "--memory", "1M")
    assert few.code == 2
    assert "1 MB of memory are too little: with 1 thread and the smallest reads it takes" in few.err
    for size in ("much", "0M", "1.5G", "200", "-1G", "200MB"):
        refused = terminal("recipe", "explain", "recipe.yaml", "--memory", size)
        assert refused.code == 2
        assert f"--memory {size} is no size; write a whole number with M or G" in refused.err


def test_memory_bounds_a_merge_and_every_way_to_check_it(kennel_of_layers) -> None:
    terminal = kennel_of_layers
    (terminal.folder / "recipe.yaml").write_text(SLERP)
    made = terminal.holds("merge", "recipe.yaml", "--out", "made", "--memory", "9G")
    ways = (
        ("merge", "recipe.yaml", "--out", "other"),
        ("rebuild", made["artifact"]),
        ("rebuild", made["artifact"], "--sample", "2"),
        ("rebuild", "recipe.yaml", "--against", "made"),
    )
    for words in ways:
        terminal.refuses((*words, "--memory", "1M"), 2, ("1 MB of memory are too little",))
        assert terminal(*words, "--memory", "9G").code == 0


FRANKEN = """\
name: tall
merge_method: passthrough
slices:
  - sources: [{model: kennel/one, layer_range: [0, 3]}]
  - sources: [{model: kennel/small, layer_range: [0, 2]}]
dtype: float32
---
merge_method: passthrough
slices:
  - sources: [{model: tall, layer_range: [3, 5]}]
  - sources: [{model: tall, layer_range: [0, 2], parameters: {scale: 0.5}}]
out_dtype: bfloat16
"""


def test_a_chain_is_explained_document_by_document_as_far_as_it_is_made(kennel_of_layers) -> None:
    terminal = kennel_of_layers
    (terminal.folder / "chain.yaml").write_text(FRANKEN)

    first = terminal.holds("recipe", "explain", "chain.yaml", "--out", "made")
    merged = terminal.holds("merge", "chain.yaml", "--out", "made", "--name", "kennel/made")

    assert any("the first document that is not merged yet" in note for note in first["notes"])
    copied = [
        (group["tensors"], group["operation"], group["inputs"][0]["layers"]) for group in first["tensors"]
    ]
    assert copied == [
        ("model.embed_tokens.weight", "copy", ""),
        ("model.layers.{0-2}.mlp.weight", "copy", "0-2"),
        ("model.layers.{3-4}.mlp.weight", "copy", "0-1"),
        ("model.norm.weight", "copy", ""),
    ]
    assert merged["earlier"] == [
        {"folder": "made.tall", "artifact": terminal.holds("show", "made.tall")["artifact"]}
    ]
    last = terminal.holds("recipe", "explain", "chain.yaml", "--out", "made")
    made = {group["tensors"]: (group["operation"], group["dtype"]) for group in last["tensors"]}
    assert made["model.layers.{0-1}.mlp.weight"] == ("round", "BF16")
    assert made["model.layers.{2-3}.mlp.weight"] == ("passthrough", "BF16")
    assert last["references"] == {"tall": merged["earlier"][0]["artifact"]}
    assert "from tall layers 3-4" in terminal("recipe", "explain", "chain.yaml", "--out", "made").out
    said = terminal("merge", "chain.yaml", "--out", "other")
    assert "by way of other.tall" in said.out


def test_adapters_are_merged_with_each_other_or_with_their_model(kennel_of_layers) -> None:
    terminal = kennel_of_layers
    for name, alpha in (("left", 2), ("right", 4)):
        factors = pair("q", (2, 3), 1, alpha)
        write_adapter(terminal.folder / name, factors, r=1, lora_alpha=alpha, base_model_name_or_path=name)
        assert terminal("add", name, "--name", f"kennel/{name}").code == 0

    def refuses(method: str, *models: str, base: str = "", words: tuple[str, ...]) -> None:
        listed = "".join(f"  - model: kennel/{model}\n" for model in models)
        text = f"merge_method: {method}\nparameters: {{weight: 1}}\nmodels:\n{listed}{base}"
        (terminal.folder / "recipe.yaml").write_text(text)
        terminal.refuses(("recipe", "explain", "recipe.yaml"), 2, words)

    differs = "base_model_name_or_path differs, 'left' in sha256:"
    say = "say which (base in a recipe, base_model in a mergekit document)"
    refuses("cat", "left", "right", words=(differs, say))
    belongs = "one is a model where an adapter belongs: it has no adapter_config.json, and cat merges PEFT"
    refuses("cat", "left", "one", words=(belongs,))
    belongs = (
        "is an adapter where a model belongs: name it with its model, as model+adapter, or merge adapters"
    )
    refuses("linear", "left", "right", words=(belongs,))
    refuses("cat", "left", base="base_model: kennel/one", words=("q.weight: the adapter sha256:", "no such"))
    refuses("cat", "left", base="base_model: kennel/right", words=("is an adapter where a model belongs",))
    (terminal.folder / "left" / "adapter_config.json").unlink()
    assert terminal("add", "left", "--name", "kennel/bare").code == 0
    refuses("cat", "bare", words=("has no adapter_config.json, which says how its factors are scaled; cat",))


def test_what_cannot_be_merged_cannot_be_explained(kennel_of_layers) -> None:
    terminal = kennel_of_layers
    (terminal.folder / "recipe.yaml").write_text(SLERP.replace("kennel/two", "kennel/small"))

    terminal.refuses(
        ("recipe", "explain", "recipe.yaml"), 2, ("kennel/one has 4 layers and kennel/small has 2",)
    )
