"""The small files of a merge: configs, cards, tokenizers and indexes."""

import json

import pytest
from making import make, safetensors

from merger.card import TOKENIZER, card
from merger.folder import describe
from merger.recipe import Recipe
from signing.errors import Malformed


def files(linear, pair, **members):
    return make(Recipe.of(linear | members), pair).files


@pytest.mark.parametrize(
    ("config", "members", "want"),
    [
        ({"b": 1e-05, "a": [1.0]}, {}, b'{"a":[1.0],"b":0.00001}\n'),
        ({"a": 1}, {"dtype": "bfloat16"}, b'{"a":1,"torch_dtype":"bfloat16"}\n'),
        ({"dtype": "x"}, {"dtype": "bfloat16", "out_dtype": "float16"}, b'{"dtype":"float16"}\n'),
        (
            {"torch_dtype": "x", "dtype": "y"},
            {"out_dtype": "float32"},
            b'{"dtype":"float32","torch_dtype":"float32"}\n',
        ),
    ],
)
def test_the_config_is_the_first_models_with_the_output_type(linear, pair, config, members, want):
    (first, folder), (second, other) = pair.items()
    for one in (folder, other):
        (one / "config.json").write_text(json.dumps(config))
    renamed = {describe(one).artifact: one for one in (folder, other)}
    linear["parents"] = [{"model": artifact, "parameters": {"weight": "1"}} for artifact in renamed]
    assert files(linear, renamed, **members)["config.json"] == want
    assert first != second


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (None, "has no config.json; a merge takes its architecture from there"),
        ("[]", "config.json is no JSON object"),
        ('{"a": 1, "a": 2}', "'a' occurs twice"),
    ],
)
def test_a_config_that_is_none_is_refused(linear, pair, config, sentence):
    folder = next(iter(pair.values()))
    (folder / "config.json").unlink()
    if config is not None:
        (folder / "config.json").write_text(config)
    renamed = {describe(one).artifact: one for one in pair.values()}
    linear["parents"] = [{"model": artifact, "parameters": {"weight": "1"}} for artifact in renamed]
    with pytest.raises(Malformed, match=sentence):
        files(linear, renamed)


def test_tokenizer_files_come_to_the_byte_from_where_the_recipe_says(linear, pair):
    other = list(pair.values())[1]
    for name in TOKENIZER:
        (other / name).write_bytes(f"{name}\r\n\xff".encode("latin-1"))
    (other / "modeling_custom.py").write_text("boom()")
    source = describe(other).artifact
    known = dict([next(iter(pair.items()))]) | {source: other}
    linear["parents"] = [{"model": artifact, "parameters": {"weight": "1"}} for artifact in known]
    made = files(linear, known, tokenizer=source)
    assert {name: made[name] for name in TOKENIZER} == {
        name: (other / name).read_bytes() for name in TOKENIZER
    }
    assert sorted(made) == sorted([*TOKENIZER, "README.md", "config.json", "model.safetensors"])
    with pytest.raises(Malformed, match=r"tokenizer\.json differs between .* say whose tokenizer"):
        files(linear, known)


def test_t4_a_config_that_names_other_weights_is_refused(linear, pair):
    first = next(iter(pair.values()))
    config = json.loads((first / "config.json").read_text())
    (first / "config.json").write_text(json.dumps(config | {"transformers_weights": "extra.safetensors"}))
    known = {describe(one).artifact: one for one in pair.values()}
    linear["parents"] = [{"model": artifact, "parameters": {"weight": "1"}} for artifact in known]
    with pytest.raises(Malformed, match="transformers_weights: some programs would load other weights"):
        files(linear, known)


def test_shards_have_an_index(linear, pair):
    made = files(linear, pair, shard_bytes="16")
    first, second = (f"model-0000{i}-of-00002.safetensors" for i in (1, 2))
    assert made["model.safetensors.index.json"] == (
        f'{{"metadata":{{"total_size":28}},"weight_map":{{"a":"{first}","b":"{second}"}}}}\n'.encode()
    )
    assert made[first][-16:] == safetensors({"a": ("F32", (2, 2), made[first][-16:])})[-16:]
    assert "model.safetensors.index.json" not in files(linear, pair)


def test_a_card_is_made_of_the_recipe_alone(linear, pair):
    recipe = Recipe.of(linear | {"license": "apache-2.0"})
    told = card(recipe).decode()
    assert told.startswith(
        "---\nlicense: apache-2.0\nlibrary_name: transformers\ntags:\n- merge\n- studbook\n---\n"
    )
    assert all(artifact in told for artifact in pair)
    assert recipe.digest in told
    assert recipe.encode().decode() in told
    assert files(linear | {"license": "apache-2.0"}, pair)["README.md"] == told.encode()
    assert "license" not in card(Recipe.of(linear)).decode().partition("# ")[0]
    ruled = [{"contains": "x", "value": "0.5"}, {"value": "1"}]
    linear["parents"][0]["parameters"]["weight"] = ruled
    assert "| weight by tensor |" in card(Recipe.of(linear)).decode()


def test_a_card_shows_the_notices_that_the_recipe_carries(linear):
    notices = ["Built with Llama", "Llama 3.1 is licensed under the Llama 3.1 Community License"]
    told = card(Recipe.of(linear | {"notices": notices})).decode()

    assert "\n\nBuilt with Llama\n\nLlama 3.1 is licensed" in told.partition("```json")[0]
    for odd in ([], [""], ["a\nb"], ["\u202e"], ["x" * 501]):
        with pytest.raises(Malformed, match="recipe: notices"):
            Recipe.of(linear | {"notices": odd})


def test_a_card_names_the_base(pair):
    base, parent = pair
    said = {"arithmetic": "1", "method": "task_arithmetic", "base": base, "allow_nonfinite": False}
    said |= {
        "parents": [{"model": parent, "parameters": {"weight": "1"}}],
        "parameters": {"lambda": "1", "normalize": False},
    }
    assert f"| base | `{base}` | |\n| parent 1 | `{parent}` | weight 1 |" in card(Recipe.of(said)).decode()
