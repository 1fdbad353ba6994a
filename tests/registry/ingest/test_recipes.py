"""Merge recipes as people write them: who took part, whether or not they could be executed."""

import pytest

from registry.ingest.recipes import read, wants
from registry.records import SELF, Document, Unread
from registry.stubs import LOCAL, OWNERLESS

SHA = "221e5f92f9dc5fedaf4556b1be6b20642638643c"
ODD = "would not be merged here as it stands"


def record(text: str | bytes, target: str | None = "hf:acme/merged"):
    data = text if isinstance(text, bytes) else text.encode()
    (found,) = read(Document("recipe.yaml", data), target)
    return found


def parents(found):
    return [(one.artifact.removeprefix("hf:"), one.relation, one.part["role"]) for one in found.claim.parents]


def test_a_recipe_tells_its_parents():
    found = record(
        "merge_method: linear\nmodels:\n- {model: a/one, parameters: {weight: 1}}\n- {model: a/two, parameters: {weight: 1}}\n"
    )
    assert parents(found) == [("a/one", "merge", "parent"), ("a/two", "merge", "parent")]
    assert found.remarks == ()
    assert found.claim.artifact == "hf:acme/merged"


def test_the_base_is_one_parent_though_it_is_listed_among_the_models():
    found = record("merge_method: ties\nbase_model: a/base\nmodels:\n- model: a/base\n- model: a/one\n")
    assert parents(found) == [("a/base", "merge", "base"), ("a/one", "merge", "parent")]


def test_slices_modules_and_experts_are_looked_through():
    sliced = "slices:\n- sources:\n  - {model: a/one, layer_range: [0, 2]}\n  base_model: a/base\n- sources: [{model: a/two, layer_range: [0, 2]}]\n"
    assert parents(record(f"merge_method: passthrough\n{sliced}")) == [
        ("a/base", "merge", "base"),
        ("a/one", "merge", "parent"),
        ("a/two", "merge", "parent"),
    ]
    modules = "merge_method: ties\nbase_model: a/base\nmodules:\n  default:\n    models: [{model: a/one}]\n  vision:\n    slices: [{sources: [{model: a/two}]}]\n"
    assert [one[0] for one in parents(record(modules))] == ["a/base", "a/one", "a/two"]
    experts = (
        "base_model: a/base\ngate_mode: hidden\nexperts:\n- source_model: a/one\n- source_model: a/two\n"
    )
    assert parents(record(experts))[1:] == [("a/one", "merge", "expert"), ("a/two", "merge", "expert")]


@pytest.mark.parametrize(
    "said", ["tokenizer_source: a/donor", "tokenizer_source: model:a/donor", "tokenizer: {source: a/donor}"]
)
def test_a_tokenizer_donor_is_no_weight_parent(said):
    found = record(f"merge_method: ties\nbase_model: a/base\nmodels: [{{model: a/one}}]\n{said}\n")
    assert parents(found)[2:] == [("a/donor", "tokenizer", "tokenizer")]


@pytest.mark.parametrize(
    "said",
    [
        "tokenizer_source: base",
        "tokenizer_source: union",
        "tokenizer: {source: base}",
        "tokenizer_source: a/one",
    ],
)
def test_a_tokenizer_of_a_parent_is_no_edge_besides(said):
    found = record(f"merge_method: ties\nbase_model: a/base\nmodels: [{{model: a/one}}]\n{said}\n")
    assert [one[0] for one in parents(found)] == ["a/base", "a/one"]


def test_a_model_with_an_adapter_keeps_both_edges():
    found = record(
        "merge_method: model_stock\nbase_model: a/base+b/lora-8B\nmodels:\n- model: a/base+c/lora\n- model: a/base+d/lora\n"
    )
    assert parents(found) == [
        ("a/base", "merge", "base"),
        ("b/lora-8B", "adapter_applied", "adapter"),
        ("c/lora", "adapter_applied", "adapter"),
        ("d/lora", "adapter_applied", "adapter"),
    ]


def test_local_paths_are_left_out_but_for_the_hub_s_cache():
    found = record(
        "merge_method: linear\nmodels:\n- model: D:/Uni/Masterarbeit Code/merge_2\n"
        f"- model: D:/hub/models--VAGO--Llama-3.1/snapshots/{SHA}\n- model: Nous-Hermes-2-Yi-34B\n"
    )
    assert parents(found) == [(f"VAGO/Llama-3.1@{SHA}", "merge", "parent")]
    assert [one.gist for one in found.remarks] == [LOCAL, OWNERLESS]
    alone = record("merge_method: linear\nmodels: [{model: /home/a/b, parameters: {weight: 1}}]\n")
    assert (type(alone), alone.why.gist) == (Unread, LOCAL)


def test_a_misspelt_parameter_is_a_remark_and_hides_no_parent():
    found = record(
        "merge_method: ties\nbase_model: a/base\nmodels: [{model: a/one, parameters: {weight: 1, density: 1}}]\nparameters: {lamda: 0.85}\n"
    )
    assert [one[0] for one in parents(found)] == ["a/base", "a/one"]
    assert [one.gist for one in found.remarks] == [ODD]
    assert "lamda" in found.remarks[0].sentence


CHAIN = "name: first\nmerge_method: linear\nmodels:\n- {model: a/one, parameters: {weight: 1}}\n- {model: a/two, parameters: {weight: 1}}\n---\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_several_documents_are_one_recipe_if_they_lead_to_the_last(end):
    found = record(
        (CHAIN + "merge_method: ties\nbase_model: a/base\nmodels: [{model: first}]\n").replace("\n", end)
    )
    assert [one[0] for one in parents(found)] == ["a/base", "a/one", "a/two"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            CHAIN + "merge_method: ties\nbase_model: a/base\nmodels: [{model: a/one}]\n",
            "no later document builds on 'first'",
        ),
        (
            "merge_method: linear\nmodels: [{model: a/b}]\n---\nmodels: [{model: c/d}]\n",
            "document 1 of 2 has no name of its own",
        ),
        ("- a\n", "document 1 of 1 is"),
        ("", "holds no document"),
        ("merge_method: ties\n", "names no model"),
    ],
)
def test_what_is_no_recipe_says_why(text, sentence):
    found = record(text)
    assert isinstance(found, Unread)
    assert sentence in found.why.sentence


@pytest.mark.parametrize(
    "text", [b"\xff", "models: [", "a: &x 1\nb: *x\n", "a: !!python/object:os.system x\n", "x" * 200_000]
)
def test_what_is_no_yaml_says_why(text):
    assert record(text).why.gist in {"is no YAML", "is no recipe"}


def test_a_recipe_that_makes_nothing_that_is_named_is_refused():
    assert record("models: [{model: a/b}]\n", target=None).why.gist == "makes nothing that is named"


def test_a_recipe_that_names_what_it_makes_is_no_parent_of_itself():
    found = record("merge_method: ties\nbase_model: acme/merged\nmodels: [{model: a/one}]\n")
    assert [one[0] for one in parents(found)] == ["a/one"]
    assert found.remarks[-1].gist == SELF


def test_which_files_are_recipes():
    assert wants("a/b/mergekit_config.yml")
    assert wants("recipe.YAML")
    assert not wants("README.md")
