"""The mergekit dialect: what compiles, to which recipe, and what is refused in which words."""

import hashlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from merger.dialect import Compiled, Document, parse
from merger.dialect.text import DEEPEST, LONGEST_TEXT, documents
from merger.methods import METHODS
from merger.recipe import Recipe, value_at
from signing.errors import Malformed, Refused

CASES = Path(__file__).parents[1] / "cases" / "recipes"
# Of the 125 real documents; the others name methods, vocabularies or keys that arithmetic 1 does not have.
REAL_THAT_COMPILE = 86


def artifact(reference: str) -> str:
    return f"sha256:{hashlib.sha256(reference.encode()).hexdigest()}"


def compiled(document: Document | str, layers: int = 4, seed: str | None = None) -> Compiled:
    if isinstance(document, str):
        (document,) = parse(document)
    ids = {reference: artifact(reference) for reference in document.references()}
    return document.compile(ids, dict.fromkeys(ids.values(), layers), seed)


def case(name: str, layers: int = 4, seed: str | None = None) -> Compiled:
    return compiled((CASES / f"{name}.yaml").read_text(), layers, seed)


def at(found: Compiled, parent: int, parameter: str, tensor: str) -> str:
    return value_at(found.recipe.parents[parent].parameters[parameter], tensor)


def merge(method: str, parameters: str = "{}", first: str = "{weight: 1}", rest: str = "") -> str:
    return (
        f"merge_method: {method}\nbase_model: you/base\nmodels:\n  - {{model: you/a, parameters: {first}}}\n"
        f"  - {{model: you/b, parameters: {{weight: 1}}}}\nparameters: {parameters}\n{rest}"
    )


def slerp(t: str, rest: str = "") -> str:
    return f"merge_method: slerp\nbase_model: a\nmodels: [{{model: a}}, {{model: b}}]\nparameters:\n  t: {t}\n{rest}"


def sliced(*slices: str) -> str:
    listed = "".join(f"  - {{{s}}}\n" for s in slices)
    return f"merge_method: linear\nparameters: {{weight: 1}}\nslices:\n{listed}"


# What compiles


def test_a_soup_has_its_weights_as_decimals_and_its_defaults_written_out() -> None:
    found = case("linear")

    assert found.recipe.json_value() == {
        "arithmetic": "1",
        "method": "linear",
        "parents": [
            {"model": artifact("you/tuned-for-code"), "parameters": {"weight": "0.7"}},
            {"model": artifact("you/tuned-for-prose@2f1c9d0"), "parameters": {"weight": "0.3"}},
        ],
        "parameters": {"normalize": True},
        "dtype": "bfloat16",
        "license": "apache-2.0",
        "shard_bytes": "5000000000",
        "allow_nonfinite": False,
    }
    assert found.notes == (
        "there is no base_model, so tokenizer files come from you/tuned-for-code, the first model",
        "not given, so mergekit 0.1.5's defaults hold: normalize true",
    )


def test_slerp_walks_from_the_base_model_whatever_the_order() -> None:
    found = case("slerp_gradient", layers=5).recipe

    assert [parent.model for parent in found.parents] == [artifact("./calm"), artifact("./lively")]
    assert found.base is None
    assert found.tokenizer is None
    t = found.parameters["t"]
    assert not isinstance(t, bool)
    names = [f"model.layers.{i}.self_attn.q_proj.weight" for i in range(5)]
    assert [value_at(t, name) for name in names] == ["0", "0.25", "0.5", "0.75", "1"]
    assert value_at(t, "model.layers.1.mlp.up_proj.weight") == "0.75"
    assert value_at(t, "model.norm.weight") == "0.5"
    assert (found.dtype, found.out_dtype) == ("float32", "bfloat16")


def test_parameters_fall_through_to_the_top_level_and_the_base_is_no_parent() -> None:
    found = case("ties_filters")

    assert [parent.model for parent in found.recipe.parents] == [artifact("you/math"), artifact("you/code")]
    assert at(found, 0, "weight", "model.layers.3.mlp.up_proj.weight") == "0.5"
    assert at(found, 0, "weight", "model.layers.3.self_attn.q_proj.weight") == "1"
    assert at(found, 0, "density", "model.layers.1.mlp.up_proj.weight") == "0.8"
    assert at(found, 0, "density", "lm_head.weight") == "1"
    assert found.recipe.parents[1].parameters == {"weight": "1", "density": "0.25"}
    assert found.recipe.parameters == {
        "lambda": "0.8",
        "scope": "tensor",
        "vote": "weighted",
        "divide": "none",
    }
    assert found.recipe.tokenizer == artifact("you/code")
    assert found.recipe.shard_bytes == "1000000"
    assert "you/base is the base model, so it is no parent; mergekit does the same" in found.notes
    assert any("int8_mask changes nothing" in note for note in found.notes)
    assert any("take its first value, 1" in note for note in found.notes)
    assert any("written in the type it has in you/base" in note for note in found.notes)
    assert any("tokenizer files of you/code are copied" in note for note in found.notes)


def test_weights_may_be_negative_and_ids_may_be_written() -> None:
    found = case("task_arithmetic").recipe

    assert found.parents[1].parameters == {"weight": "-0.5"}
    assert found.parameters == {"lambda": "0.9", "normalize": False}
    assert found.base == artifact("sha256:" + 64 * "1")


def test_dare_ties_divides_by_weights_where_normalize_says_so() -> None:
    found = case("dare_ties")

    assert found.recipe.seed == "42"
    assert found.recipe.parameters == {"lambda": "1", "vote": "weighted", "divide": "weights"}
    assert found.recipe.allow_nonfinite
    assert any("l1 norm instead" in note for note in found.notes)


def test_without_a_rescale_is_no_difference_where_nothing_is_dropped() -> None:
    found = case("dare_linear_dense")

    assert found.recipe.seed == "7"
    assert "parameters.rescale is false and changes nothing, since every density is 1" in found.notes


def test_slices_over_all_layers_are_one_merge_with_values_by_layer() -> None:
    found = case("slices")

    assert [at(found, 0, "weight", f"layers.{i}.w") for i in range(4)] == ["0.75", "0.25", "0.375", "0.5"]
    assert at(found, 0, "weight", "embed.weight") == "0.25"
    assert found.recipe.parents[1].parameters == {"weight": "0.5"}
    assert "weight: a slice of one layer takes the last value of a gradient" in found.notes


def test_a_text_may_hold_several_documents() -> None:
    first, second = parse((CASES / "two_documents.yaml").read_text())

    assert first.name == "first-step"
    assert second.references() == ("first-step", "you/c")
    assert "name 'first-step' is no part of the recipe" in compiled(first).notes
    with pytest.raises(Malformed, match=r"document 2: merge_method is missing"):
        parse("merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]\n---\nmodels: []\n")


def test_windows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    text = (CASES / "ties_filters.yaml").read_text()

    assert compiled("\ufeff" + text.replace("\n", "\r\n")).recipe.digest == compiled(text).recipe.digest


def test_references_stand_in_order_each_once() -> None:
    text = merge("ties", rest="tokenizer_source: you/tok\n")

    assert parse(text)[0].references() == ("you/base", "you/a", "you/b", "you/tok")


def test_the_same_recipe_comes_out_whatever_the_spelling_of_a_number() -> None:
    spelled = {
        compiled(merge("ties", first=f"{{weight: {w}}}")).recipe.digest
        for w in ("1e-1", ".1", "0.10", "+0.1")
    }

    assert len(spelled) == 1


def test_a_constant_gradient_is_a_number() -> None:
    found = compiled(slerp("[{filter: '*', value: [0.5, 0.5, 0.5]}]")).recipe

    assert found.parameters == {"t": "0.5"}


def test_a_seed_is_taken_from_the_caller_only_where_the_document_has_none() -> None:
    given = compiled(merge("dare_ties"), seed="9")
    own = compiled(merge("dare_ties", rest="seed: 3\n"), seed="9")

    assert given.recipe.seed == "9"
    assert "seed 9 was not in the document and is part of the recipe now" in given.notes
    assert own.recipe.seed == "3"
    assert compiled(merge("ties"), seed="9").recipe.seed is None


def test_the_base_models_tokenizer_goes_with_a_soup_that_starts_elsewhere() -> None:
    text = "merge_method: linear\nbase_model: b\nmodels: [{model: a}, {model: b}]\nparameters: {weight: 1}\n"

    found = compiled(text)

    assert found.recipe.tokenizer == artifact("b")
    assert (
        "tokenizer files come from b, the base model, but config.json from a, the first model" in found.notes
    )
    assert compiled(text + "tokenizer_source: a\n").recipe.tokenizer is None


def test_a_model_listed_twice_counts_twice_and_a_note_says_so() -> None:
    found = compiled("merge_method: linear\nmodels: [{model: a}, {model: a}]\nparameters: {weight: 1}\n")

    assert len(found.recipe.parents) == 2
    assert "a is listed 2 times and each counts; mergekit itself keeps only the first" in found.notes


def test_a_weight_on_the_base_model_is_reported_as_ignored() -> None:
    text = merge("task_arithmetic").replace("you/a", "you/base")

    assert (
        "you/base is the base model, so it is no parent, and no weight of its counts; mergekit does the same"
        in compiled(text).notes
    )


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("{consensus_method: sum}", ("vote", "weighted")),
        ("{vote: unweighted}", ("vote", "unweighted")),
        ("{divide: count, scope: model}", ("divide", "count")),
        ("{normalize: true, divide: weights}", ("divide", "weights")),
        ("{normalize: true}", ("divide", "weights")),
        ("{rescale: true, density: 1}", ("divide", "weights")),
    ],
)
def test_flags_and_words_come_to_the_recipes_own(parameters: str, said: tuple[str, str]) -> None:
    assert compiled(merge("ties", parameters)).recipe.parameters[said[0]] == said[1]


@pytest.mark.parametrize(
    ("rules", "layers", "note"),
    [
        (
            "[{filter: layers.1, value: 0.1}, {value: 0.5}]",
            12,
            "'layers.1' also holds for layer 10; write 'layers.1.'",
        ),
        (
            "[{filter: 1.mlp, value: 0.1}, {value: 0.5}]",
            12,
            "'1.mlp' also holds for layer 11; write '.1.mlp'",
        ),
        ("[{filter: mlp, value: 0.1}, {filter: mlp.up, value: 0}, {value: 0.5}]", 2, "'mlp.up' never counts"),
    ],
)
def test_what_filters_match_beyond_expectation_is_reported(rules: str, layers: int, note: str) -> None:
    assert any(note in said for said in compiled(slerp(rules), layers).notes)


@pytest.mark.parametrize("exact", ["layers.1.", ".1.mlp", "layers.0", "layers.7"])
def test_a_filter_that_means_one_layer_is_not_reported(exact: str) -> None:
    notes = compiled(slerp(f"[{{filter: {exact}, value: 0.1}}, {{value: 0.5}}]"), 12).notes

    assert not any("filters match" in note for note in notes)


# What is refused


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
        (merge("ties", rest="modules: {default: {}}\n"), r"modules is not supported: parts of a model"),
        (merge("ties", rest="tokenizer: {source: base}\n"), r"tokenizer is not supported: vocabularies"),
        (merge("ties", rest="chat_template: auto\n"), r"chat_template is not supported"),
        (merge("ties").replace("model: you/a", "modle: you/a"), r"models.0: the key 'modle' is unknown"),
        (merge("ties", rest="slices: []\n"), r"either models or slices"),
        ("merge_method: ties\n", r"either models or slices"),
        ("- 1\n", r"the document is a list; write keys and values"),
        ("", r"holds no document"),
        ("--- \n---\n", r"document 1: the document is empty"),
        ("merge_method: della\n", r"merge_method is 'della', which this version does not merge"),
        ("merge_method: linear\nmodels: 3\n", r"models is 3; write a list"),
        ("merge_method: linear\nmodels: []\n", r"models is an empty list"),
        ("merge_method: linear\nmodels: [3]\n", r"models.0 is 3; write keys and values"),
        # Numbers
        (slerp("2"), r"parameters.t is 2; it must be at least 0 and at most 1"),
        (slerp(".nan"), r"parameters.t is '.nan'; write a number"),
        (slerp("1e999"), r"parameters.t: inf is not a finite number"),
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
            merge("ties", "{consensus_method: count}"),
            r"parameters.consensus_method is 'count', but signs are elected by sums",
        ),
        (
            merge("ties", "{normalize: true, divide: none}"),
            r"parameters.divide is 'none', but mergekit's name for it says 'weights'",
        ),
        (
            merge("ties", "{rescale: true, density: 0.5}"),
            r"parameters.rescale is true, but ties does not stretch",
        ),
        (
            merge("dare_ties", "{rescale: false, density: 0.5}", rest="seed: 1\n"),
            r"leave rescale out and multiply each weight by its density",
        ),
        (
            merge("dare_linear", "{rescale: false, normalize: true, density: 0.5}", rest="seed: 1\n"),
            r"leave rescale out$",
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
        (merge("ties").replace("you/a", "you/a+you/lora"), r"adapters \(model\+adapter\) are not merged"),
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
            r"dtype is 'bf16' \(did you mean 'bfloat16'\?\); choose float64",
        ),
        (merge("ties", rest="dtype: 16\n"), r"dtype is 16; write a word"),
        (merge("ties", rest="tokenizer_source: union\n"), r"tokenizer_source is 'union'"),
        (
            merge("linear", "{}", rest="tokenizer_source: base\n").replace("base_model: you/base\n", ""),
            r"there is no base_model",
        ),
        (merge("ties", rest="license: 'a b'\n"), r"license"),
        (merge("ties", rest="name: ''\n"), r"name is ''"),
        # Slices
        (sliced("sources: [{model: a, layer_range: [0, 3]}]"), r"slices end at layer 3 of 4"),
        (
            sliced("sources: [{model: a, layer_range: [1, 4]}]"),
            r"slices.0 starts at layer 1 where layer 0 is due",
        ),
        (
            sliced(
                "sources: [{model: a, layer_range: [0, 3]}]", "sources: [{model: a, layer_range: [2, 4]}]"
            ),
            r"slices.1 starts at layer 2 where layer 3 is due",
        ),
        (
            sliced(
                "sources: [{model: a, layer_range: [0, 2]}]", "sources: [{model: b, layer_range: [2, 4]}]"
            ),
            r"slices.1 merges other models than slices.0",
        ),
        (
            sliced("sources: [{model: a, layer_range: [0, 2]}, {model: b, layer_range: [2, 4]}]"),
            r"merging layers of different depth",
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
                "sources: [{model: a, layer_range: [0, 2]}], parameters: {weight: 1}",
                "sources: [{model: a, layer_range: [2, 4]}], parameters: {weight: 2}",
            ),
            r"would take 1 from the first slice and those after them 2 from the last",
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


def test_a_slice_without_filters_joins_one_that_has_them() -> None:
    found = compiled(
        sliced(
            "sources: [{model: a, layer_range: [0, 2]}]",
            "sources: [{model: a, layer_range: [2, 4]}], parameters: {weight: [{filter: mlp, value: [1, 0]}]}",
        )
    )

    assert [at(found, 0, "weight", f"layers.{i}.mlp") for i in range(4)] == ["1", "1", "1", "0"]
    assert [at(found, 0, "weight", f"layers.{i}.attn") for i in range(4)] == ["1"] * 4


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


# Threat T20: a document that says more than a reviewer sees


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: !!python/object/apply:os.system [ls]", "line 1: there is a YAML tag"),
        ("a: !!str 1", "line 1: there is a YAML tag"),
        ("!custom {a: 1}", "line 1: there is a YAML tag"),
        ("!!str a: 1", "line 1: a key is a plain text"),
        ("a: &x 1\nb: 2", "line 1: there is an anchor or alias"),
        ("a: &x [1]\nb: *x", "line 1: there is an anchor or alias"),
        ("b: *x", "anchor or alias|undefined alias"),
        ("a:\n  <<: {b: 1}", "line 2: there is a merge key"),
        ("? [a]\n: 1", "line 1: a key is a plain text"),
    ],
)
def test_t20_tags_anchors_and_merge_keys_are_refused(text: str, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        parse(text)


@pytest.mark.parametrize(
    "address",
    [
        "https://models.example/you/a",
        "file:///etc/passwd",
        "s3:bucket/a",
        "hf:you/a",
        "git@host.example:you/a",
        "//host/share",
        "\\\\host\\share",
        "you/a@https://host",
        "@main",
        "you/a@",
    ],
)
@pytest.mark.parametrize("place", ["you/base", "you/a", "you/tok"])
def test_t20_addresses_are_no_models(address: str, place: str) -> None:
    text = merge("ties", rest="tokenizer_source: you/tok\n")

    with pytest.raises(Malformed, match="models are not fetched by address"):
        parse(
            text.replace(
                f" {place}\n" if place != "you/a" else place,
                f" '{address}'\n" if place != "you/a" else f"'{address}'",
            )
        )


@pytest.mark.parametrize(
    "path", ["D:/models/a b", "/home/me/a", "./a", "../a", "a", "you/a@v1.0", "sha256:0123abcd"]
)
def test_t20_paths_and_ids_are_models(path: str) -> None:
    assert path in parse(merge("ties").replace("you/a", f'"{path}"'))[0].references()


def test_t20_names_that_do_not_print_are_no_models() -> None:
    with pytest.raises(Malformed, match="printable characters"):
        parse(merge("ties").replace("you/a", '"you/\\u202ea"'))


def test_t20_unknown_fields_are_refused_at_every_level() -> None:
    text = sliced(
        "sources: [{model: a, layer_range: [0, 4], parameters: {weight: [{value: 1}]}}], parameters: {}"
    )
    assert compiled(text)

    for place in ("merge_method:", "sources:", "model:", "weight:", "value:"):
        with pytest.raises(Malformed, match=r"unknown|no parameter"):
            parse(
                text.replace(
                    place, f"surprise: 1\n{place}" if place == "merge_method:" else f"surprise: 1, {place}", 1
                )
            )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2", "line 2: the key 'a' is written twice"),
        ("a:\n\tb: 1", "line 2, column 1: there is a tab; YAML is indented with spaces"),
        ("a: [1", "line 1, column 6: "),
        ("a: \x00", "position 3: the character 0 is not allowed"),
        ('a: "\\UFFFFFFFF"', "no YAML: "),
        ('a: "\\ud800"', "line 1: a text holds half of a surrogate pair"),
        (f"%YAML 1.{'1' * 5000}\n---\na: 1", "no YAML: |line 1"),
        ("[" * 5000, f"nested deeper than {DEEPEST}"),
        ("x" * (LONGEST_TEXT + 1), f"a recipe has at most {LONGEST_TEXT}"),
        ("---\na: 1\n" * 65, "more than 64 documents"),
    ],
)
def test_t20_what_is_no_plain_yaml_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        documents(text)


# Laws


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_case_compiles_to_a_recipe_that_reads_back(path: Path) -> None:
    for document in parse(path.read_text()):
        recipe = compiled(document, seed="1").recipe
        assert Recipe.parse(recipe.encode()) == recipe


def test_real_documents_compile_or_are_refused_in_a_sentence(shared: Path) -> None:
    count = 0
    for path in sorted((shared / "data" / "recipes").glob("*.yaml")):
        try:
            for document in parse(path.read_text()):
                depth = max(s.span[1] if s.span else 32 for s in document.slices)
                found = compiled(document, depth, seed="1")
                assert Recipe.parse(found.recipe.encode()) == found.recipe
                count += 1
        except Refused as refusal:
            assert len(str(refusal)) > 20, path
    assert count >= REAL_THAT_COMPILE


@given(st.text(max_size=400))
def test_no_text_raises_anything_but_a_refusal(text: str) -> None:
    try:
        parse(text)
    except Refused:
        pass


_KEYS = st.sampled_from(
    [
        *("merge_method", "base_model", "models", "slices", "sources", "model", "parameters", "layer_range"),
        *(
            "dtype",
            "out_dtype",
            "tokenizer_source",
            "name",
            "seed",
            "license",
            "shard_bytes",
            "filter",
            "value",
        ),
        *(
            "weight",
            "density",
            "lambda",
            "t",
            "normalize",
            "rescale",
            "vote",
            "int8_mask",
            "consensus_method",
            "x",
        ),
    ]
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 5),
    st.floats(allow_nan=True),
    st.sampled_from(
        [*METHODS, "a", "b", "base", "union", "mlp", "layers.1", "float16", "weighted", "1e-1", ".5"]
    ),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)
_NUMBERS = st.one_of(st.floats(0, 1), st.lists(st.floats(0, 1), max_size=3), _TREES)
_SETTINGS = _NUMBERS | st.lists(
    st.fixed_dictionaries(
        {"value": _NUMBERS}, optional={"filter": st.sampled_from(["mlp", "attn", "layers.1", "*"])}
    ),
    max_size=3,
)
_PARAMETERS = st.dictionaries(
    st.sampled_from(["weight", "density", "t", "lambda", "normalize", "rescale"]),
    _SETTINGS | st.booleans(),
    max_size=4,
)
_MODELS = st.sampled_from(["a", "b", "c"])
_SOURCES = st.lists(
    st.fixed_dictionaries(
        {"model": _MODELS, "layer_range": st.sampled_from([[0, 2], [2, 4], [0, 4]])},
        optional={"parameters": _PARAMETERS},
    ),
    max_size=3,
)
_DOCUMENTS = st.fixed_dictionaries(
    {"merge_method": st.sampled_from(sorted(METHODS))},
    optional={
        "base_model": _MODELS,
        "models": st.lists(
            st.fixed_dictionaries({"model": _MODELS}, optional={"parameters": _PARAMETERS}), max_size=3
        ),
        "slices": st.lists(
            st.fixed_dictionaries(
                {"sources": _SOURCES}, optional={"parameters": _PARAMETERS, "base_model": _MODELS}
            ),
            max_size=2,
        ),
        "parameters": _PARAMETERS,
        "tokenizer_source": _MODELS | st.just("base"),
        "dtype": _LEAVES,
    },
)


@settings(max_examples=200)
@given(_TREES | _DOCUMENTS | _DOCUMENTS)
def test_no_structure_raises_anything_but_a_refusal(tree: object) -> None:
    try:
        for document in parse(yaml.safe_dump(tree)):
            recipe = compiled(document, seed="1").recipe
            assert Recipe.parse(recipe.encode()) == recipe
    except Refused:
        pass


@given(st.floats(-1e6, 1e6))
def test_a_weight_reads_back_as_the_number_that_was_written(weight: float) -> None:
    try:
        found = compiled(merge("ties", first=f"{{weight: {weight!r}}}"))
    except Malformed:
        assert abs(weight) < 1e-40, weight
    else:
        assert float(at(found, 0, "weight", "w")) == weight
