"""What two models must agree on is a table: each mismatch is refused in a sentence before a byte of weights is read.

Every byte of every tensor is spoiled after it was registered, so that a merge that read one would say so instead.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from filling import filled
from making import safetensors
from world import World

from merger.folder import Changed
from registry.work.add import Declared, add
from registry.work.make import make
from registry.work.prepared import prepare
from signing.errors import Malformed

# What `LlamaForCausalLM.save_pretrained` writes, in the sizes of a toy.
CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 12,
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "hidden_act": "silu",
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-05,
    "rope_theta": 10000.0,
    "rope_scaling": None,
    "tie_word_embeddings": False,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "torch_dtype": "float32",
    "transformers_version": "4.53.0",
}
TOKENIZER: dict[str, Any] = {
    "version": "1.0",
    "added_tokens": [{"id": 11, "content": "<|im_end|>", "special": True}],
    "model": {"type": "BPE", "vocab": {chr(97 + i): i for i in range(11)}, "merges": []},
}
SETTINGS: dict[str, Any] = {
    "tokenizer_class": "LlamaTokenizerFast",
    "chat_template": "{{ messages }}",
    "model_max_length": 1e30,
}
Files = dict[str, Any]


def shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The tensors of a Llama of that config."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    rows = (config["vocab_size"], width)
    found = {"model.embed_tokens.weight": rows, "model.norm.weight": (width,)}
    for layer in range(config["num_hidden_layers"]):
        found[f"model.layers.{layer}.mlp.up_proj.weight"] = (inner, width)
        found[f"model.layers.{layer}.input_layernorm.weight"] = (width,)
    return found if config["tie_word_embeddings"] else found | {"lm_head.weight": rows}


def model(world: World, name: str, change: Callable[[Files], None] = lambda _: None) -> str:
    """Register a Llama whose files are changed before, and spoil every byte of its weights after."""
    files: Files = json.loads(
        json.dumps({"config.json": CONFIG, "tokenizer.json": TOKENIZER, "tokenizer_config.json": SETTINGS})
    )
    files["chat_template.jinja"] = "{{ messages }}"
    change(files)
    tensors = {n: filled(len(name), "F32", shape) for n, shape in shapes(files["config.json"]).items()}
    folder = world.folder / name
    folder.mkdir()
    weights = safetensors(tensors)
    (folder / "model.safetensors").write_bytes(weights)
    for file, value in files.items():
        (folder / file).write_text(value if isinstance(value, str) else json.dumps(value))
    add(world.home, folder, Declared(f"kennel/{name}"))
    start = 8 + int.from_bytes(weights[:8], "little")
    spoiled = bytes(byte ^ 0xFF for byte in weights[start:])
    (folder / "model.safetensors").write_bytes(weights[:start] + spoiled)
    return f"kennel/{name}"


def merge(world: World, *models: str) -> None:
    listed = ", ".join(f"{{model: {one}, parameters: {{weight: 0.5}}}}" for one in models)
    text = f"merge_method: linear\nmodels: [{listed}]\n"
    make(world.home, prepare(world.home, text.encode()), world.folder / "out")


def config(**members: Any) -> Callable[[Files], None]:
    return lambda files: files["config.json"].update(members)


def settings(**members: Any) -> Callable[[Files], None]:
    return lambda files: files["tokenizer_config.json"].update(members)


def added(files: Files) -> None:
    files["tokenizer.json"]["added_tokens"][0]["content"] = "<|eot_id|>"


def swapped(files: Files) -> None:
    files["tokenizer.json"]["model"]["vocab"] |= {"a": 1, "b": 0}


def template(files: Files) -> None:
    files["chat_template.jinja"] = "{{ other }}"


DIFFERS = r" differs, {0} in sha256:\w+ and {1} in sha256:\w+"
TABLE: dict[str, tuple[Callable[[Files], None], str]] = {
    "vocabulary": (swapped, r"tokenizer\.json differs between sha256:\w+ and sha256:\w+: .* `studbook tokenizer sha256:"),
    "vocabulary size": (config(vocab_size=13), "vocab_size" + DIFFERS.format(12, 13)),
    "added tokens": (added, r"tokenizer\.json differs between sha256:\w+ and sha256:\w+"),
    "chat template in a file": (template, r"chat_template\.jinja differs between sha256:\w+ and sha256:\w+"),
    "chat template in settings": (
        settings(chat_template="{{ other }}"),
        r"chat_template in tokenizer_config\.json differs between sha256:\w+ and sha256:\w+",
    ),
    "rope base": (config(rope_theta=500000.0), "rope_theta" + DIFFERS.format(r"10000\.0", r"500000\.0")),
    "rope scaling": (
        config(rope_scaling={"rope_type": "linear", "factor": 2.0}),
        "rope_scaling" + DIFFERS.format("None", r"\{.*\}"),
    ),
    "rope parameters": (
        config(rope_parameters={"rope_theta": 1.0}),
        "rope_parameters" + DIFFERS.format("None", r"\{.*\}"),
    ),
    "norm epsilon": (config(rms_norm_eps=1e-06), "rms_norm_eps" + DIFFERS.format("1e-05", "1e-06")),
    "tied embeddings": (config(tie_word_embeddings=True), "tie_word_embeddings" + DIFFERS.format("False", "True")),
    "architecture": (
        config(architectures=["MistralForCausalLM"]),
        "architectures" + DIFFERS.format(r"\['LlamaForCausalLM'\]", r"\['MistralForCausalLM'\]"),
    ),
    "model type": (config(model_type="mistral"), "model_type" + DIFFERS.format("'llama'", "'mistral'")),
    "depth": (config(num_hidden_layers=3), "num_hidden_layers" + DIFFERS.format(2, 3)),
    "width": (config(hidden_size=16), "hidden_size" + DIFFERS.format(8, 16)),
    "inner width": (config(intermediate_size=24), "intermediate_size" + DIFFERS.format(16, 24)),
    "heads": (config(num_attention_heads=4), "num_attention_heads" + DIFFERS.format(2, 4)),
    "grouped heads": (config(num_key_value_heads=1), "num_key_value_heads" + DIFFERS.format(2, 1)),
    "head size": (config(head_dim=2), "head_dim" + DIFFERS.format(4, 2)),
    "activation": (config(hidden_act="gelu"), "hidden_act" + DIFFERS.format("'silu'", "'gelu'")),
    "context": (config(max_position_embeddings=4096), "max_position_embeddings" + DIFFERS.format(2048, 4096)),
}  # fmt: skip


@pytest.mark.parametrize(("change", "why"), TABLE.values(), ids=TABLE)
def test_a_mismatch_is_refused_before_a_byte_of_weights_is_read(
    world: World, change: Callable[[Files], None], why: str
) -> None:
    one, two = model(world, "one"), model(world, "two", change)

    with pytest.raises(Malformed, match=why):
        merge(world, one, two)

    assert not (world.folder / "out").exists()


def test_two_parents_that_differ_are_refused_whatever_the_first_has(world: World) -> None:
    def none(files: Files) -> None:
        del files["chat_template.jinja"]
        del files["tokenizer_config.json"]

    first, one, two = model(world, "none", none), model(world, "one"), model(world, "two", template)
    with pytest.raises(Malformed, match=r"chat_template\.jinja differs between"):
        merge(world, first, one, two)


def test_models_that_agree_are_read_and_what_was_spoiled_is_found(world: World) -> None:
    with pytest.raises(Changed, match=r"differs from what was signed in block 0"):
        merge(world, model(world, "one"), model(world, "three"))
