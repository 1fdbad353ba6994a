"""The mergekit dialect: what compiles, to which recipe, with which notes."""

from pathlib import Path

import pytest
from dialects import artifact, at, compiled, merge, slerp, sliced

from merger.by_tensor import value_at
from merger.dialect import Compiled, parse
from signing.errors import Malformed

CASES = Path(__file__).parents[1] / "cases" / "recipes"


def case(name: str, layers: int = 4, seed: str | None = None) -> Compiled:
    return compiled((CASES / f"{name}.yaml").read_text(), layers, seed)


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
        "rescale": "none",
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
    assert found.recipe.parameters == {
        "lambda": "1",
        "vote": "weighted",
        "divide": "weights",
        "rescale": "density",
    }
    assert found.recipe.allow_nonfinite
    assert any("l1 norm instead" in note for note in found.notes)


@pytest.mark.parametrize("method", ["dare_linear", "dare_ties"])
def test_random_masks_without_a_rescale_leave_what_they_keep(method: str) -> None:
    found = compiled(merge(method, "{rescale: false, density: 0.5}", rest="seed: 1\n"))

    assert found.recipe.parameters["rescale"] == "none"
    assert not any("rescale" in note or "kept elements" in note for note in found.notes)


def test_without_a_rescale_is_no_difference_where_nothing_is_dropped() -> None:
    found = case("dare_linear_dense")

    assert (found.recipe.seed, found.recipe.parameters["rescale"]) == ("7", "none")
    assert "parameters.rescale is false and changes nothing, since every density is 1" in found.notes


def test_della_has_mergekit_s_defaults_written_out_and_a_note_where_ours_differ() -> None:
    text = merge("della", "{density: 0.5}", rest="seed: 3\n")

    found = compiled(text)

    assert found.recipe.parameters == {
        "lambda": "1",
        "vote": "weighted",
        "divide": "weights",
        "rescale": "density",
    }
    assert found.recipe.parents[1].parameters == {"weight": "1", "density": "0.5", "epsilon": "0.15"}
    told = " ".join(found.notes)
    assert "mergekit since 0.1 stretches each task vector to its l1 norm" in told
    assert "mergekit's masks come from its library's generator" in told
    assert "epsilon 0.15 for you/a" in told

    plain = compiled(merge("della_linear", "{density: 0.5, rescale: false}", rest="seed: 3\n")).recipe
    assert plain.parameters == {"lambda": "1", "rescale": "none", "normalize": False}
    whole = compiled(merge("della_linear", rest="seed: 3\n"))
    assert any("where density is 1 every element is kept, and epsilon" in note for note in whole.notes)


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


def test_the_base_model_is_known_by_its_artifact_under_any_spelling() -> None:
    (document,) = parse(merge("task_arithmetic"))
    ids = {"you/base": artifact("base"), "you/a": artifact("base"), "you/b": artifact("b")}

    found = document.compile(ids, {})

    assert [parent.model for parent in found.recipe.parents] == [artifact("b")]
    assert any("mergekit itself takes it for another model than you/base" in note for note in found.notes)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("{consensus_method: sum}", ("vote", "weighted")),
        ("{consensus_method: count}", ("vote", "count")),
        ("{rescale: true, density: 0.5}", ("rescale", "l1")),
        ("{rescale: false, density: 0.5}", ("rescale", "none")),
        ("{vote: unweighted}", ("vote", "unweighted")),
        ("{divide: count, scope: model}", ("divide", "count")),
        ("{normalize: true, divide: weights}", ("divide", "weights")),
        ("{normalize: true}", ("divide", "weights")),
        ("{rescale: true, density: 1}", ("divide", "weights")),
        ("{rescale: true, density: [{filter: mlp, value: [1, 1]}, {value: 1}]}", ("divide", "weights")),
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


def test_a_slice_without_filters_joins_one_that_has_them() -> None:
    found = compiled(
        sliced(
            "sources: [{model: a, layer_range: [0, 2]}]",
            "sources: [{model: a, layer_range: [2, 4]}], parameters: {weight: [{filter: mlp, value: [1, 0]}]}",
        )
    )

    assert [at(found, 0, "weight", f"layers.{i}.mlp") for i in range(4)] == ["1", "1", "1", "0"]
    assert [at(found, 0, "weight", f"layers.{i}.attn") for i in range(4)] == ["1"] * 4
