"""Documents whose models are adapters: what they compile to, and what a base, filters and gradients mean there."""

import pytest
from dialects import artifact, at, compiled

from signing.errors import Malformed


def cat(models: str = "[{model: a, parameters: {weight: 0.5}}, {model: b}]", rest: str = "") -> str:
    return f"merge_method: cat\nparameters: {{weight: 1}}\nmodels: {models}\n{rest}"


def test_adapters_are_parents_by_themselves() -> None:
    found = compiled(cat(rest="dtype: bfloat16\n"))
    assert found.recipe.json_value() == {
        "arithmetic": "1",
        "method": "cat",
        "parents": [
            {"model": artifact("a"), "parameters": {"weight": "0.5"}},
            {"model": artifact("b"), "parameters": {"weight": "1"}},
        ],
        "parameters": {},
        "dtype": "bfloat16",
        "shard_bytes": "5000000000",
        "allow_nonfinite": False,
    }
    assert found.notes == ("tokenizer files, where there are any, come from a, the first adapter",)


def test_a_base_is_named_and_gives_neither_types_nor_a_tokenizer_unless_asked() -> None:
    found = compiled(cat(rest="base_model: m\n"))
    assert (found.recipe.base, found.recipe.tokenizer) == (artifact("m"), None)
    assert "dtype is not given, so every tensor is written in the type it has in a" in found.notes
    assert compiled(cat(rest="base_model: m\ntokenizer_source: base\n")).recipe.tokenizer == artifact("m")


def test_a_gradient_follows_the_layers_of_the_base() -> None:
    graded = "[{model: a, parameters: {weight: [0, 1]}}]"
    found = compiled(cat(graded, "base_model: m\n"), layers=3)
    names = [f"model.layers.{i}.q.weight" for i in range(3)]
    assert [at(found, 0, "weight", name) for name in names] == ["0", "0.5", "1"]
    with pytest.raises(Malformed, match=r"name the base_model that cat's adapters are for"):
        compiled(cat(graded))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            cat("[{model: m+a}]"),
            r"models.0.model is m\+a; cat merges adapters with each other: write a, and base_model: m",
        ),
        (
            cat("[{model: a}, {model: m}]", "base_model: m\n"),
            "models.1.model is m, the base model; cat merges adapters",
        ),
        (
            "merge_method: cat\nparameters: {weight: 1}\nslices: [{sources: [{model: a, layer_range: [0, 1]}]}]",
            "slices are cut from models, and cat merges adapters whole; list them under models",
        ),
        ("merge_method: cat\nmodels: [{model: a}]", "models.0: weight is missing, and cat needs it"),
        (cat(rest="seed: 1\n"), "seed is 1, but cat draws no random masks"),
        (cat(rest="base_model: m+a\n"), r"base_model is m\+a; a base takes no adapter"),
    ],
)
def test_what_only_models_have_is_refused_by_its_place(text: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        compiled(text)
