"""The mergekit dialect: slices of different models, partial and repeated ranges, one module, every method's names."""

import pytest
from dialects import artifact, compiled, merge

from merger.by_tensor import value_at
from merger.dialect import Compiled, parse
from merger.method import Method
from merger.methods import METHODS
from signing.errors import Malformed

FRANKEN = """\
merge_method: passthrough
slices:
  - sources: [{model: you/a, layer_range: [0, 3]}]
  - sources: [{model: you/b, layer_range: [1, 4]}]
dtype: bfloat16
"""
LAYERS = [f"model.layers.{i}.mlp.weight" for i in range(8)]


def slices(found: Compiled) -> list[tuple[int, list[tuple[int, int]], int | None]]:
    """The recipe's slices as (count, [(parent, first), …], base_first)."""
    return [
        (
            int(s.count),
            [(int(source.parent), int(source.first)) for source in s.sources],
            None if s.base_first is None else int(s.base_first),
        )
        for s in found.recipe.slices or ()
    ]


def numbers(found: Compiled, name: str, parent: int | None = None, count: int = 4) -> list[str]:
    held = found.recipe.parameters if parent is None else found.recipe.parents[parent].parameters
    value = held[name]
    assert not isinstance(value, bool)
    return [value_at(value, tensor) for tensor in LAYERS[:count]]


def test_a_frankenmerge_is_slices_of_parents_that_take_turns() -> None:
    found = compiled(FRANKEN)

    assert [parent.model for parent in found.recipe.parents] == [artifact("you/a"), artifact("you/b")]
    assert slices(found) == [(3, [(0, 0)], None), (3, [(1, 1)], None)]
    assert found.recipe.parents[0].parameters == {"scale": "1"}
    assert any(
        "the result has 6 layers; embeddings are made as slices.0 says, from you/a, final norm and head as slices.1 says, from you/b"
        in note
        for note in found.notes
    )


def test_ranges_of_one_model_that_overlap_are_one_parent() -> None:
    found = compiled(FRANKEN.replace("you/b", "you/a"))

    assert len(found.recipe.parents) == 1
    assert slices(found) == [(3, [(0, 0)], None), (3, [(0, 1)], None)]


def test_layers_that_are_left_out_are_no_slice() -> None:
    text = "merge_method: passthrough\nslices: [{sources: [{model: a, layer_range: [0, 2]}]}]\n"

    assert slices(compiled(text)) == [(2, [(0, 0)], None)]
    assert compiled(text, layers=2).recipe.slices is None


def test_scales_belong_to_the_slice_that_names_them() -> None:
    scaled = FRANKEN.replace(
        "[{model: you/b, layer_range: [1, 4]}]",
        "[{model: you/a, layer_range: [1, 4], parameters: {scale: [{filter: mlp, value: 0.5}, {value: 2}]}}]",
    )

    found = compiled(scaled)

    assert numbers(found, "scale", 0, count=6) == ["1", "1", "1", "0.5", "0.5", "0.5"]
    scale = found.recipe.parents[0].parameters["scale"]
    assert value_at(scale, "model.layers.5.attn.weight") == "2"
    assert value_at(scale, "model.embed_tokens.weight") == "1"
    assert value_at(scale, "model.norm.weight") == "2"
    assert any("embeddings take 1, the first slice's first value, and final norm" in n for n in found.notes)


SLERP = """\
merge_method: slerp
base_model: a
slices:
  - sources: [{model: b, layer_range: [0, 2]}, {model: a, layer_range: [0, 2]}]
    parameters: {t: [{filter: mlp, value: [0, 0.5]}, {value: 0.1}]}
  - sources: [{model: a, layer_range: [2, 4]}, {model: b, layer_range: [1, 3]}]
    parameters: {t: 0.9}
"""


def test_slices_of_slerp_have_their_own_ranges_and_parameters() -> None:
    found = compiled(SLERP)

    # The base model is t = 0 in every slice, wherever it stands.
    assert [parent.model for parent in found.recipe.parents] == [artifact("a"), artifact("b")]
    assert slices(found) == [(2, [(0, 0), (1, 0)], None), (2, [(0, 2), (1, 1)], None)]
    assert numbers(found, "t") == ["0", "0.5", "0.9", "0.9"]
    t = found.recipe.parameters["t"]
    assert not isinstance(t, bool)
    assert value_at(t, "model.layers.1.attn.weight") == "0.1"
    assert value_at(t, "model.embed_tokens.weight") == "0.1"
    assert value_at(t, "lm_head.weight") == "0.9"


def test_a_slice_of_slerp_may_walk_from_another_base_model() -> None:
    found = compiled(SLERP.replace("{t: 0.9}", "{t: 0.9}\n    base_model: b"))

    assert slices(found) == [(2, [(0, 0), (1, 0)], None), (2, [(1, 1), (0, 2)], None)]


TIES = """\
merge_method: ties
base_model: base
slices:
  - sources:
      - {model: base, layer_range: [0, 2]}
      - {model: a, layer_range: [0, 2], parameters: {weight: 0.5}}
  - sources:
      - {model: base, layer_range: [2, 3]}
      - {model: b, layer_range: [3, 4], parameters: {weight: 0.25, density: 0.5}}
      - {model: a, layer_range: [0, 1]}
parameters: {weight: 1}
"""


def test_slices_of_ties_say_which_layers_of_the_base_the_deltas_are_from() -> None:
    found = compiled(TIES)

    assert [parent.model for parent in found.recipe.parents] == [artifact("a"), artifact("b")]
    assert found.recipe.base == artifact("base")
    assert slices(found) == [(2, [(0, 0)], 0), (1, [(1, 3), (0, 0)], 2)]
    assert numbers(found, "weight", 0, count=3) == ["0.5", "0.5", "1"]
    assert found.recipe.parents[1].parameters == {"weight": "0.25", "density": "0.5"}


def test_a_base_that_a_slice_does_not_list_has_the_layers_of_the_others_or_is_asked_for() -> None:
    unlisted = TIES.replace("      - {model: base, layer_range: [0, 2]}\n", "")

    assert slices(compiled(unlisted))[0] == (2, [(0, 0)], 0)
    assert any("slices.0: the base model base is not listed" in note for note in compiled(unlisted).notes)
    with pytest.raises(Malformed, match=r"slices\.1 merges layers of different depth and does not say"):
        compiled(TIES.replace("      - {model: base, layer_range: [2, 3]}\n", ""))
    with pytest.raises(Malformed, match=r"slices\.0: only the base model base is listed"):
        compiled(TIES.replace("{model: a, layer_range: [0, 2]", "{model: base, layer_range: [0, 2]"))


def test_a_filter_by_layer_number_is_noted_where_layers_get_other_numbers() -> None:
    text = FRANKEN.replace(
        "layer_range: [1, 4]}",
        "layer_range: [1, 4], parameters: {scale: [{filter: layers.2., value: 0}, {value: 1}]}}",
    )

    assert any("'layers.2.' is looked for in the result's names" in note for note in compiled(text).notes)


def test_a_base_model_outside_all_slices_gives_its_tokenizer() -> None:
    found = compiled(FRANKEN + "base_model: c\n")

    assert found.recipe.base is None
    assert found.recipe.tokenizer == artifact("c")


def test_modules_that_are_defined_alike_are_one_merge() -> None:
    models = "[{model: a, parameters: {weight: 1}}, {model: b, parameters: {weight: 0.5}}]"
    plain = f"merge_method: linear\nmodels: {models}\n"
    text = f"merge_method: linear\nmodules:\n  text_decoder: {{models: {models}}}\n  vision_tower: {{models: {models}}}\n"

    found = compiled(text)

    assert found.recipe == compiled(plain).recipe
    assert any(note.startswith("modules text_decoder, vision_tower are merged alike") for note in found.notes)
    assert not any("merged alike" in note for note in compiled(plain).notes)


def test_one_module_is_the_document_itself() -> None:
    inner = "    slices:\n" + FRANKEN.split("slices:\n")[1].split("dtype", maxsplit=1)[0].replace(
        "  - ", "      - "
    )
    text = f"merge_method: passthrough\nmodules:\n  default:\n{inner}    parameters: {{scale: 0.5}}\nparameters: {{scale: 2}}\ndtype: bfloat16\n"

    found = compiled(text)

    assert found.recipe == compiled(FRANKEN + "parameters: {scale: 0.5}\n").recipe
    flags = (
        "merge_method: linear\nmodules: {default: {models: [{model: a}], parameters: {normalize: false}}}\n"
    )
    assert compiled(flags + "parameters: {weight: 1, normalize: true}\n").recipe.parameters == {
        "normalize": False
    }


@pytest.mark.parametrize(
    ("said", "tokenizer"),
    [
        ("tokenizer: {source: you/b}\n", "you/b"),
        ("tokenizer: {source: base}\n", None),
        ("tokenizer_source: model:you/b\n", "you/b"),
        ("tokenizer: {source: union}\n", None),
        ("tokenizer: {}\n", None),
    ],
)
def test_a_tokenizer_is_named_in_mergekit_s_ways(said: str, tokenizer: str | None) -> None:
    found = compiled(merge("ties", rest=said)).recipe

    assert found.tokenizer == (tokenizer and artifact(tokenizer))


def test_a_union_of_vocabularies_is_merged_only_where_they_are_equal() -> None:
    found = compiled(FRANKEN + "base_model: c\ntokenizer_source: union\n")

    # Without a tokenizer in the recipe the plan refuses vocabularies that differ.
    assert found.recipe.tokenizer is None
    assert any("the merge is refused where vocabulary files differ" in note for note in found.notes)


WEIGHED = "merge_method: fisher\nmodels:\n  - {{model: a, statistics: s, parameters: {{weight: 1}}}}\n  - {{model: b{0}}}\n"
OF_B = ", statistics: {0}, parameters: {{weight: 1}}"


def test_a_model_names_its_statistics() -> None:
    whole = compiled(WEIGHED.format(OF_B.format("you/t@v1")))
    found = whole.recipe
    assert "not given, so fisher's own defaults hold: floor 0" in whole.notes
    assert [one.statistics for one in found.parents] == [artifact("s"), artifact("you/t@v1")]
    (document,) = parse(WEIGHED.format(OF_B.format("you/t@v1")))
    assert document.references() == ("a", "b", "s", "you/t@v1")


def test_a_model_in_several_slices_names_the_same_statistics_in_each() -> None:
    source = "{{model: {0}, layer_range: [{1}, {2}], statistics: {3}, parameters: {{weight: 1}}}}"
    text = "merge_method: fisher\nslices:\n"
    for first, last, of_b in ((0, 1, "t"), (1, 3, "LAST")):
        both = source.format("a", first, last, "s"), source.format("b", first, last, of_b)
        text += f"  - sources: [{', '.join(both)}]\n"

    found = compiled(text.replace("LAST", "t")).recipe

    assert [one.statistics for one in found.parents] == [artifact("s"), artifact("t")]
    with pytest.raises(Malformed, match=r"slices.1.sources.1: statistics is u, and t in slices.0.sources.1"):
        compiled(text.replace("LAST", "u"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WEIGHED.format(""), "models.1: statistics is missing, and fisher needs those of kind fisher"),
        (WEIGHED.format(OF_B.format("")), "models.1: statistics is missing"),
        (WEIGHED.format(OF_B.format("[t]")), "models.1.statistics is a list; write a model as text"),
        (WEIGHED.format(OF_B.format("t+u")), r"models.1.statistics is t\+u; name one artifact"),
        (
            WEIGHED.format(OF_B.format("t")).replace("fisher", "linear"),
            "models.0: linear takes no statistics",
        ),
    ],
)
def test_statistics_are_refused_at_their_place(text: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        compiled(text)


def test_a_model_with_an_adapter_has_no_statistics() -> None:
    with pytest.raises(Malformed, match=r"parents\.0: fisher needs statistics of the model that is merged"):
        compiled(WEIGHED.format(OF_B.format("t")).replace("model: a", "model: a+c"))


def _document(method: Method, base: str | None, *, listed: bool = False) -> str:
    few = max(method.parents[0], 1)
    models = [f"m{i}" for i in range(few)] + ([base] if base and listed else [])
    needed = [p.name for p in method.parameters if p.default is None]
    if method.id == "slerp":
        models = ["m0", str(base)]
    beside = ", statistics: s" if method.statistics else ""
    listed_models = ", ".join(f"{{model: {m}{beside}}}" for m in models)
    lines = [f"merge_method: {method.id}", f"models: [{listed_models}]"]
    lines += [f"parameters: {{{', '.join(f'{name}: 0.5' for name in needed)}}}"] if needed else []
    lines += [f"base_model: {base}"] if base else []
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.id)
def test_every_method_is_read_by_its_name_with_its_defaults_written_out(method: Method) -> None:
    base = "base" if method.base != "none" or method.id == "slerp" else None

    found = compiled(_document(method, base, listed=method.id == "slerp"), seed="1").recipe

    assert found.method == method.id
    for p in method.parameters:
        held = found.parents[0].parameters if p.per_parent else found.parameters
        assert held[p.name] == (p.default if p.default is not None else "0.5")


@pytest.mark.parametrize(
    "method",
    [m for m in METHODS.values() if m.base == "either" and m.merges == "models"],
    ids=lambda m: m.id,
)
def test_a_base_that_may_be_there_is_no_parent_listed_or_not(method: Method) -> None:
    unlisted, listed = (
        compiled(_document(method, "base", listed=is_listed)).recipe for is_listed in (False, True)
    )

    assert unlisted == listed
    assert unlisted.base == artifact("base")
    assert artifact("base") not in [parent.model for parent in unlisted.parents]
    assert compiled(_document(method, None)).recipe.base is None


@pytest.mark.parametrize("method", [m for m in METHODS.values() if m.base == "needed"], ids=lambda m: m.id)
def test_a_base_that_must_be_there_is_asked_for(method: Method) -> None:
    with pytest.raises(Malformed, match=f"base_model is missing, and {method.id} needs one"):
        compiled(_document(method, None), seed="1")


def test_flags_of_mergekit_s_that_ask_for_what_is_computed_are_noted() -> None:
    text = "merge_method: nuslerp\nmodels: [{model: a}, {model: b}]\nparameters: {weight: 0.5, nuslerp_row_wise: false}\n"

    notes = compiled(text).notes

    what = "nuslerp takes angles of whole tensors or of rows and never of columns"
    assert f"parameters.nuslerp_row_wise changes nothing: {what}" in notes
    with pytest.raises(Malformed, match=f"nuslerp_row_wise is true, but {what}"):
        compiled(text.replace("row_wise: false", "row_wise: true, nuslerp_flatten: false"))


@pytest.mark.parametrize(
    ("method", "flag", "by"),
    [
        ("nuslerp", "nuslerp_flatten: true", "tensor"),
        ("nuslerp", "nuslerp_flatten: false", "row"),
        ("nuslerp", "by: row", "row"),
        ("model_stock", "filter_wise: false", "tensor"),
        ("model_stock", "filter_wise: true", "row"),
    ],
)
def test_flags_of_mergekit_s_say_of_what_angles_are_taken(method: str, flag: str, by: str) -> None:
    weight = "weight: 0.5, " if method == "nuslerp" else ""
    models = "[{model: a}, {model: b}]"
    text = f"merge_method: {method}\nbase_model: base\nmodels: {models}\nparameters: {{{weight}{flag}}}\n"
    assert compiled(text).recipe.parameters == {"by": by}


def test_what_is_read_is_a_document_with_its_references() -> None:
    (document,) = parse(FRANKEN)

    assert document.references() == ("you/a", "you/b")


def test_a_source_that_carries_a_row_map_is_named_in_the_recipe_and_noted() -> None:
    for said in ("tokenizer_source: you/both\n", "tokenizer: {source: you/both, pad_to_multiple_of: 64}\n"):
        found = compiled(FRANKEN + said, rows={"you/both": 128})
        assert found.recipe.tokenizer == artifact("you/both")
        (note,) = (note for note in found.notes if "tokenizer" in note)
        assert "you/both carries a row map, so embedding rows are merged by token, into 128 rows" in note


@pytest.mark.parametrize("rows", [{"you/both": 130}, {}])
def test_rows_that_a_source_does_not_have_are_refused_with_the_command_that_makes_them(
    rows: dict[str, int],
) -> None:
    text = FRANKEN + "tokenizer: {source: you/both, pad_to_multiple_of: 64}\n"
    with pytest.raises(
        Malformed, match=r"pad_to_multiple_of is 64, but .* rows.*`studbook tokenizer .* --pad-to 64"
    ):
        compiled(text, rows=rows)
