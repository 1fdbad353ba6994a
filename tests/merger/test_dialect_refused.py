"""The mergekit dialect: what is refused, at which place and in which words."""

import pytest
from dialects import artifact, compiled, merge, slerp, sliced

from merger.dialect import parse
from signing.errors import Malformed, Refused

MODULES = "merge_method: linear\nparameters: {weight: 1}\nmodules:\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # Keys
        (
            merge("ties", "{lamda: 0.85}"),
            r"parameters: ties has no parameter 'lamda' \(did you mean 'lambda'\?\)",
        ),
        (merge("ties", rest="dtypes: float16\n"), r"the key 'dtypes' is unknown \(did you mean 'dtype'\?\)"),
        (merge("ties", rest="t: 0.5\n"), r"'t' stands at the top level; indent it under 'parameters'"),
        (merge("ties", rest="modules: {default: {}}\n"), r"write either modules or models, and not both"),
        (merge("ties", rest="modules: {}\n"), r"modules is empty; write keys and values"),
        (
            f"{MODULES}  text_decoder: {{models: [{{model: a}}]}}\n  vision_tower: {{models: [{{model: c}}]}}\n",
            r"modules.vision_tower is merged in another way than modules.text_decoder, and which tensors",
        ),
        (
            f"{MODULES}  one: {{models: [{{model: a}}]}}\n  other: {{models: [{{model: a}}, {{model: b}}]}}\n",
            r"modules.other is merged in another way than modules.one",
        ),
        (
            f"{MODULES}  one: {{models: [{{model: a}}]}}\n  other: {{models: [{{model: a}}], parameters: {{normalize: false}}}}\n",
            r"modules.other is merged in another way than modules.one",
        ),
        (
            MODULES + "".join(f"  m{i}: {{models: [{{model: a}}]}}\n" for i in range(17)),
            r"modules names 17 parts; a model has at most 16",
        ),
        (f"{MODULES}  one: {{parameters: 3, models: [{{model: a}}]}}\n", r"modules.one.parameters is 3"),
        ("merge_method: ties\nmodules: {a: {x: 1}}\n", r"modules.a: the key 'x' is unknown"),
        (merge("ties", rest="tokenizer: base\n"), r"tokenizer is 'base'; write keys and values"),
        (
            merge("ties", rest="tokenizer: {tokens: {x: {source: you/a}}}\n"),
            r"tokenizer\.tokens is not supported in a recipe: .* --tokens FILE",
        ),
        (
            merge("ties", rest="tokenizer: {pad_to_multiple_of: 8}\n"),
            r"tokenizer\.pad_to_multiple_of is 8, but no rows are added .*: `studbook tokenizer MODEL\.\.\. --pad-to 8 --out DIR`",
        ),
        (
            merge("ties", rest="tokenizer: {source: you/tok, pad_to_multiple_of: 0}\n"),
            r"tokenizer\.pad_to_multiple_of is 0; write a whole number of 1",
        ),
        (merge("ties", rest="tokenizer: {sauce: base}\n"), r"tokenizer: the key 'sauce' is unknown"),
        (
            merge("ties", rest="tokenizer: {source: base}\ntokenizer_source: base\n"),
            r"either tokenizer or tokenizer_source",
        ),
        (merge("ties", rest="chat_template: auto\n"), r"chat_template is not supported"),
        (merge("ties").replace("model: you/a", "modle: you/a"), r"models.0: the key 'modle' is unknown"),
        (merge("ties", rest="slices: []\n"), r"either models or slices"),
        ("merge_method: ties\n", r"either models or slices"),
        ("- 1\n", r"the document is a list; write keys and values"),
        ("", r"holds no document"),
        ("--- \n---\n", r"document 1: the document is empty"),
        (
            "merge_method: dare_ties@mergekit-0.2\n",
            r"merge_method is 'dare_ties@mergekit-0.2', and of engines only mergekit-0.1 is known; write dare_ties@",
        ),
        (
            "merge_method: magmax@mergekit-0.1\n",
            r"merge_method is 'magmax@mergekit-0.1', but mergekit 0.1.5 has no 'magmax'; write it without @",
        ),
        ("merge_method: iso_c\n", r"merge_method is 'iso_c', which neither this version nor mergekit"),
        (
            "merge_method: adamerging\n",
            r"'adamerging', which is not merged: it trains its coefficients on data",
        ),
        ("merge_method: evolutionary\n", r"'evolutionary', which is not merged: it searches for a recipe"),
        ("merge_method: moe\n", r"'moe', which is not merged: it puts experts side by side behind a router"),
        ("base_model: a\nexperts: []\n", r"'experts' belongs to mergekit-moe, which puts experts"),
        ("genome: {}\n", r"'genome' belongs to mergekit-evolve, which searches for a recipe"),
        ("merge_method: linear\nmodels: 3\n", r"models is 3; write a list"),
        ("merge_method: linear\nmodels: []\n", r"models is an empty list"),
        ("merge_method: linear\nmodels: [3]\n", r"models.0 is 3; write keys and values"),
        # Numbers
        (slerp("2"), r"parameters.t is 2; it must be at least 0 and at most 1"),
        (slerp(".nan"), r"parameters.t is '.nan'; write a number"),
        (slerp("1e999"), r"parameters.t: inf is not a finite number"),
        (slerp("1e-999"), "line 5: 1e-999 is too small a number: it would count as 0"),
        # Below what Python's decimals can hold, too.
        (slerp("-.1e-99999999999999999999"), "line 5: -.1e-99999999999999999999 is too small a number"),
        (slerp("'0.5'"), r"parameters.t is '0.5'; write a number"),
        (slerp("1:30"), r"parameters.t is '1:30'; write a number"),
        (slerp("0x1"), r"parameters.t is '0x1'; write a number"),
        (slerp("true"), r"parameters.t is true; write a number"),
        (slerp("[]"), r"parameters.t is an empty list"),
        (slerp("[0, yes]"), r"parameters.t.1 is 'yes'; write a number"),
        (slerp("2024-01-01"), r"parameters.t is '2024-01-01'; write a number"),
        (slerp(""), r"parameters: t is missing, and slerp needs it"),
        (
            merge("ties", first="{weight: 1, density: 0}"),
            r"models.0.parameters.density is 0; it must be above 0",
        ),
        # Rules
        (slerp("{filter: mlp, value: 0.5}"), r"parameters.t is a single rule"),
        (slerp("[{filter: mlp, value: 0.5}]"), r"t has no value for tensors that no filter matches"),
        (slerp("[{value: 0.5}, {filter: mlp, value: 1}]"), r"parameters.t.0 holds for every tensor"),
        (slerp("[{filter: mlp}, {value: 1}]"), r"parameters.t.0: 'value' is missing"),
        (slerp("[{filter: '', value: 1}, {value: 1}]"), r"parameters.t.0.filter is ''"),
        (
            slerp("[{filtre: mlp, value: 1}]"),
            r"parameters.t.0: the key 'filtre' is unknown \(did you mean 'filter'",
        ),
        (slerp("[0.5, {value: 1}]"), r"parameters.t.0 is 0.5; write keys and values"),
        # Places of parameters
        (
            merge("ties", first="{weight: 1, normalize: true}"),
            r"models.0.parameters.normalize holds for the whole merge",
        ),
        (
            merge("ties", first="{weight: 1, lambda: 2}"),
            r"models.0.parameters.lambda holds for the whole merge",
        ),
        (merge("ties", first="{density: 1}"), r"models.0: weight is missing, and ties needs it"),
        (merge("ties", first="3"), r"models.0.parameters is 3; write keys and values"),
        (merge("ties", "3"), r"parameters is 3; write keys and values"),
        # Flags and words
        (merge("ties", "{normalize: 1.0}"), r"parameters.normalize is 1.0; write true or false"),
        (merge("ties", "{vote: loudest}"), r"parameters.vote is 'loudest'; choose weighted or unweighted"),
        (merge("ties", "{vote: 1}"), r"parameters.vote is 1; write a word"),
        (
            merge("ties", "{consensus_method: loudest}"),
            r"parameters.consensus_method is 'loudest'; write sum \(vote: weighted\) or count",
        ),
        (
            merge("ties", "{normalize: true, divide: none}"),
            r"parameters.divide is 'none', but mergekit's name for it says 'weights'",
        ),
        # Models
        (merge("ties").replace("base_model: you/base\n", ""), r"base_model is missing, and ties needs one"),
        (slerp("0.5").replace("base_model: a\n", ""), r"base_model is missing, and slerp needs one"),
        (slerp("0.5").replace("base_model: a", "base_model: c"), r"base_model c is not among the models"),
        (
            slerp("0.5").replace("{model: b}", "{model: b}, {model: c}"),
            r"slerp merges exactly 2 parents, not 3",
        ),
        (
            merge("ties").replace("you/a", "you/base").replace("you/b,", "you/base,"),
            r"only the base model you/base is listed",
        ),
        (merge("ties").replace("you/a", "you/a+you/lora+x"), r"a model takes one adapter"),
        (merge("ties").replace("you/a", "you/a+"), r"models.0.model is ''; write a model as text"),
        (merge("ties").replace("you/a", "you/a+hf://x"), r"models are not fetched by address"),
        (merge("ties").replace("base_model: you/base", "base_model: you/base+x"), r"a base takes no adapter"),
        (merge("ties").replace("you/a", "{model: x}"), r"models.0.model is a mapping"),
        (merge("ties").replace("you/a", "''"), r"models.0.model is ''; write a model as text"),
        (merge("ties").replace("you/a", '" you/a"'), r"models.0.model is ' you/a'; write a model as text"),
        # The rest
        (merge("dare_ties"), r"dare_ties draws random masks and needs a seed"),
        (merge("ties", rest="seed: 1\n"), r"seed is 1, but ties draws no random masks"),
        (merge("ties", rest="seed: -1\n"), r"seed is -1; write a whole number"),
        (merge("ties", rest="seed: true\n"), r"seed is true; write a whole number"),
        (merge("ties", rest="shard_bytes: 0\n"), r"shard_bytes is 0"),
        (merge("ties", rest="arithmetic: 2\n"), r"arithmetic is 2; this version computes arithmetic 1"),
        (
            merge("ties", rest="dtype: bf16\n"),
            r"dtype is 'bf16'; choose float64",
        ),
        (merge("ties", rest="dtype: 16\n"), r"dtype is 16; write a word"),
        (
            merge("ties", rest="tokenizer_source: a+b\n"),
            r"tokenizer_source is a\+b; name the model or the adapter",
        ),
        (
            "merge_method: model_stock\nbase_model: a\nmodels: [{model: b}, {model: c}]\nparameters: {filter_wise: true, by: tensor}\n",
            r"parameters.by is 'tensor', but mergekit's name for it says 'row'; write one",
        ),
        (merge("magmax", "{rescale: true}", "{}"), r"magmax has no parameter 'rescale'"),
        (
            merge("linear", "{}", rest="tokenizer_source: base\n").replace("base_model: you/base\n", ""),
            r"there is no base_model",
        ),
        (merge("ties", rest="license: 'a b'\n"), r"license"),
        (merge("ties", rest="name: ''\n"), r"name is ''"),
        (merge("ties", rest="name: {a: 1}\n"), r"name is a mapping; write a word"),
        # Slices
        (
            sliced("sources: [{model: a, layer_range: [0, 5]}]"),
            r"slices.0.sources.0 takes layers 0 to 4 of a, which has 4",
        ),
        (
            sliced("sources: [{model: a, layer_range: [0, 2]}, {model: b, layer_range: [1, 4]}]"),
            r"slices.0.sources.1 takes the 3 layers \[1, 4\] and its first source \[0, 2\]",
        ),
        (sliced("sources: [{model: a, layer_range: [0, x]}]"), r"slices.0.sources.0.layer_range is"),
        (sliced("sources: [{model: a, layer_range: [0, true]}]"), r"slices.0.sources.0.layer_range is"),
        (sliced("sources: [{model: a}]"), r"slices.0.sources.0.layer_range is None"),
        (sliced("sources: [a]"), r"slices.0.sources.0.layer_range is None"),
        (sliced("sources: []"), r"slices.0.sources is an empty list"),
        (
            sliced(
                "sources: [{model: a, layer_range: [0, 2]}], base_model: a",
                "sources: [{model: a, layer_range: [2, 4]}], base_model: b",
            ),
            r"slices have different base models, a and b",
        ),
        (
            sliced(
                "sources: [{model: a, layer_range: [0, 2]}], parameters: {weight: [{filter: mlp, value: 1}]}",
                "sources: [{model: a, layer_range: [2, 4]}], parameters: {weight: [{filter: attn, value: 2}]}",
            ),
            r"slices filter by different texts",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        compiled(text)


def test_models_that_are_not_known_or_not_alike_are_refused() -> None:
    (document,) = parse(slerp("[0, 1]"))
    ids = {"a": artifact("a"), "b": artifact("b")}

    with pytest.raises(Malformed, match="a is not resolved"):
        document.compile({}, {})
    with pytest.raises(Malformed, match="b: its number of layers is not known"):
        document.compile(ids, {artifact("a"): 2})
    with pytest.raises(Malformed, match="a has 2 layers and b has 3"):
        document.compile(ids, {artifact("a"): 2, artifact("b"): 3})
    with pytest.raises(Malformed, match="1 to 1000 are supported"):
        document.compile(ids, dict.fromkeys(ids.values(), 1001))
