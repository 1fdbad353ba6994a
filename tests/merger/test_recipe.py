"""Canonical recipes: a closed schema that refuses in one sentence and touches nothing (threats T7 and T20)."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW, cases, on_disk

from merger.by_tensor import value_at
from merger.methods import METHODS
from merger.recipe import Recipe
from merger.slices import layer_of
from signing import canonical
from signing.errors import Malformed, Refused

ONE, TWO = ("sha256:" + digit * 64 for digit in "12")

GOOD = {
    "arithmetic": "1",
    "method": "dare_ties",
    "base": ONE,
    "parents": [
        {"model": TWO, "parameters": {"weight": "0.5", "density": [{"by_layer": ["1", "0.5"], "value": "1"}]}}
    ],
    "parameters": {"lambda": "1", "vote": "weighted", "divide": "none", "rescale": "density"},
    "seed": "7",
    "shard_bytes": "5000000000",
    "allow_nonfinite": False,
}


def text(value):
    return json.dumps(value).encode()


def lacking(name):
    return {key: value for key, value in GOOD.items() if key != name}


def parent(**changed):
    return GOOD | {"parents": [GOOD["parents"][0] | changed]}


def own(**parameters):
    return parent(parameters={"weight": "1", "density": "1"} | parameters)


def shared(**parameters):
    return GOOD | {"parameters": GOOD["parameters"] | parameters}


FAULTS = {
    "an unknown key": (GOOD | {"url": "https://x"}, "url: unknown key"),
    "an unknown key of a parent": (parent(path="/etc"), "parents.0.path: unknown key"),
    "an unknown parameter": (
        shared(gamma="1"),
        "dare_ties has no parameter 'gamma' there; it has lambda, vote, divide",
    ),
    "a parameter at the wrong place": (shared(weight="1"), "dare_ties has no parameter 'weight' there"),
    "an unknown parameter of a parent": (
        own(t="1"),
        "parents.0.parameters: dare_ties has no parameter 't' there",
    ),
    "a missing parameter": (
        GOOD | {"parameters": {"lambda": "1", "vote": "weighted"}},
        "dare_ties needs 'divide'",
    ),
    "a missing parameter of a parent": (
        parent(parameters={"weight": "1"}),
        "parents.0.parameters: dare_ties needs 'density'",
    ),
    "no arithmetic": (lacking("arithmetic"), "arithmetic: field required"),
    "another arithmetic": (GOOD | {"arithmetic": "2"}, "arithmetic: input should be '1', not '2'"),
    "arithmetic as a number": (GOOD | {"arithmetic": 1}, "arithmetic: input should be '1', not 1"),
    "an unknown method": (GOOD | {"method": "sum"}, "method 'sum' is unknown; known are arcee_fusion"),
    "a method that is a list": (
        GOOD | {"method": ["ties"]},
        "method: input should be a valid string, not ['ties']",
    ),
    "no parents": (GOOD | {"parents": []}, "parents: tuple should have at least 1 item"),
    "a single parent bare": (GOOD | {"parents": TWO}, "parents: input should be a valid array"),
    "too many parents": (
        GOOD | {"parents": GOOD["parents"] * 1001},
        "parents: tuple should have at most 1000 items",
    ),
    "a base missing": (lacking("base"), "dare_ties needs base"),
    "a base too many": (GOOD | {"method": "linear"}, "linear takes no base"),
    "a seed missing": (lacking("seed"), "dare_ties needs seed"),
    "a seed too many": (GOOD | {"method": "ties"}, "ties takes no seed"),
    "a seed as a number": (GOOD | {"seed": 7}, "seed: input should be a valid string, not 7"),
    "a negative seed": (GOOD | {"seed": "-1"}, "seed: '-1' is no whole number written in digits"),
    "a seed with a zero in front": (GOOD | {"seed": "07"}, "seed: '07' is no whole number"),
    "a seed in other digits": (GOOD | {"seed": "\u0667"}, "is no whole number"),
    "a seed without end": (GOOD | {"seed": "1" * 1000}, "is no whole number"),
    "shards of nothing": (GOOD | {"shard_bytes": "0"}, "shard_bytes is 0; a shard holds at least one byte"),
    "a path for a model": (
        parent(model="../../etc/passwd"),
        "an artifact id is sha256:<64 hex>, not '../../etc/passwd'",
    ),
    "a URL for a base": (
        GOOD | {"base": "https://x/y"},
        "an artifact id is sha256:<64 hex>, not 'https://x/y'",
    ),
    "an id in capitals": (GOOD | {"tokenizer": ONE.replace("1", "A")}, "64 lower-case hex digits"),
    "a flag as a word": (
        GOOD | {"allow_nonfinite": "true"},
        "allow_nonfinite: input should be a valid boolean, not 'true'",
    ),
    "a flag as a number": (
        GOOD | {"allow_nonfinite": 1},
        "allow_nonfinite: input should be a valid boolean, not 1",
    ),
    "an unknown type": (GOOD | {"dtype": "fp16"}, "dtype: input should be 'float64', 'float32'"),
    "a license with markup": (GOOD | {"license": "mit\n---\nx: y"}, "is not of the form it must have"),
    "a number": (shared(**{"lambda": 0.5}), "parameters.lambda: input should be a valid string, not 0.5"),
    "a number of a parent": (
        own(weight=1),
        "parents.0.parameters.weight: input should be a valid string, not 1",
    ),
    "an exponent": (own(weight="1e-3"), "weight: '1e-3' is no canonical decimal: write digits"),
    "a zero in front": (own(weight="00.5"), "'00.5' is no canonical decimal"),
    "a zero behind": (own(weight="0.50"), "'0.50' is no canonical decimal"),
    "a plus": (own(weight="+1"), "'+1' is no canonical decimal"),
    "negative zero": (own(weight="-0"), "'-0' is no canonical decimal"),
    "infinity": (own(weight="inf"), "'inf' is no canonical decimal"),
    "density 0": (own(density="0"), "parents.0.parameters.density is 0; it must be above 0 and at most 1"),
    "density over 1": (own(density="1.01"), "density is 1.01; it must be above 0 and at most 1"),
    "a word for a number": (own(weight="half"), "'half' is no canonical decimal"),
    "a number for a word": (shared(vote="1"), "parameters.vote is '1'; choose weighted or unweighted"),
    "a flag for a word": (shared(vote=True), "parameters.vote is True; choose weighted or unweighted"),
    "a flag for a number": (shared(**{"lambda": True}), "parameters.lambda is True; write a number"),
    "rules for a word": (
        shared(vote=[{"value": "1"}]),
        "parameters.vote: rules give numbers by tensor, and this takes one word",
    ),
    "no rules": (own(density=[]), "every rule but the last, and no other, says what a name contains"),
    "rules without a last": (own(density=[{"contains": "x", "value": "1"}]), "every rule but the last"),
    "a rule after the last": (own(density=[{"value": "1"}, {"value": "1"}]), "every rule but the last"),
    "an unknown key of a rule": (
        own(density=[{"value": "1", "filter": "x"}]),
        "density.0.filter: unknown key",
    ),
    "a rule without a value": (own(density=[{"contains": "x"}]), "density.0.value: field required"),
    "a rule that contains nothing": (
        own(density=[{"contains": "", "value": "1"}, {"value": "1"}]),
        "at least 1 character",
    ),
    "a rule for no layer": (
        own(density=[{"by_layer": [], "value": "1"}]),
        "by_layer: tuple should have at least 1 item",
    ),
    "a bad number in a rule": (
        own(density=[{"by_layer": ["1", "2"], "value": "1"}]),
        "density is 2; it must be above 0",
    ),
    "a float in a rule": (
        own(density=[{"value": 0.5}]),
        "density.0.value: input should be a valid string, not 0.5",
    ),
    "a null": (GOOD | {"tokenizer": None}, "recipe: tokenizer is null; leave out what does not apply"),
    "a null in a rule": (
        own(density=[{"contains": None, "value": "1"}]),
        "density.0.contains is null; leave out",
    ),
    "a list": ([GOOD], "recipe: input should be an object"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_t20_a_recipe_is_refused_with_one_sentence(fault, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said, sentence = FAULTS[fault]
    with pytest.raises(Malformed) as caught:
        Recipe.parse(text(said))
    told = str(caught.value)
    assert sentence in told
    assert told.startswith("recipe: ")
    assert "\n" not in told
    assert len(told) < 500  # the list of methods is in one of them
    assert not list(tmp_path.iterdir())


def test_a_method_of_two_parents_takes_two():
    slerp = {k: v for k, v in GOOD.items() if k not in ("base", "seed")} | {
        "method": "slerp",
        "parameters": {"t": "0"},
    }
    with pytest.raises(Malformed, match="slerp merges exactly 2 parents, not 1"):
        Recipe.of(slerp)
    with pytest.raises(Malformed, match=r"t is 1.5; it must be at least 0 and at most 1"):
        Recipe.of(
            slerp
            | {"parents": [{"model": m, "parameters": {}} for m in (ONE, TWO)], "parameters": {"t": "1.5"}}
        )
    linear = slerp | {"method": "linear", "parents": [{"model": ONE, "parameters": {"weight": "1"}}]}
    with pytest.raises(Malformed, match=r"parameters.normalize is '1'; write true or false"):
        Recipe.of(linear | {"parameters": {"normalize": "1"}})


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (text(GOOD)[:-1] + b',"seed":"8"}', "'seed' occurs twice"),
        (text(GOOD).replace(b'"7"', b"NaN"), "NaN is not JSON"),
        (b"!!python/object:os.system {}", "not JSON"),
        (b"method: ties\n", "not JSON"),
        (b'{"a":' * 65, "nests deeper than 64"),
        (text(GOOD) + b"{}", "not JSON"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_t7_what_readers_would_read_differently_is_no_recipe(raw, sentence):
    with pytest.raises(Malformed, match=sentence):
        Recipe.parse(raw)


def test_a_recipe_reads_back_and_is_named_by_its_canonical_bytes():
    recipe = Recipe.parse(text(GOOD))
    assert recipe.json_value() == GOOD
    assert recipe.encode() == canonical.encode(GOOD)
    assert Recipe.parse(recipe.encode()) == recipe
    assert Recipe.parse(text(dict(reversed(GOOD.items())))).digest == recipe.digest
    assert Recipe.of(shared(**{"lambda": "2"})).digest != recipe.digest
    assert (recipe.first, recipe.artifacts()) == (ONE, (ONE, TWO))
    assert Recipe.of(GOOD | {"tokenizer": TWO}).artifacts() == (ONE, TWO)


@pytest.mark.parametrize("method", sorted(METHODS))
@given(data=st.data())
@settings(LAW, max_examples=8)
def test_every_recipe_survives_the_trip(method, data):
    with on_disk() as disk:
        said = disk.recipe(data.draw(cases(method)))
    recipe = Recipe.of(said)
    assert recipe.json_value() == said
    assert Recipe.parse(recipe.encode()) == recipe


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
        lambda c: st.lists(c, max_size=2) | st.dictionaries(st.text(max_size=3), c, max_size=2),
        max_leaves=5,
    ),
    st.sampled_from(sorted(GOOD)),
)
@settings(LAW, max_examples=60)
def test_t20_whatever_stands_in_a_member_is_read_or_refused(value, member):
    said = GOOD | {member: value}
    with contextlib.suppress(Refused):  # and nothing but a refusal is raised
        assert Recipe.of(said).json_value() == said


def test_layers_are_the_first_component_of_digits():
    names = {"a.b": None, "model.layers.12.w": 12, "h.007.3": 7, "x1.2y": None, "\u0661.w": None, "3": 3}
    assert {name: layer_of(name) for name in names} == names


def test_the_first_rule_that_fits_counts():
    rules = [
        {"contains": "mlp", "by_layer": ["0.1", "0.2"], "value": "0.9"},
        {"contains": "layers.1", "value": "0.3"},
        {"value": "0.4", "by_layer": ["0.5"]},
    ]
    ruled = Recipe.of(own(density=rules)).parents[0].parameters["density"]
    names = {
        "layers.0.mlp": "0.1",
        "layers.1.mlp": "0.2",
        "mlp.norm": "0.9",
        "layers.1.attn": "0.3",
        "layers.10.attn": "0.3",
    }
    names |= {"layers.0.attn": "0.5", "norm": "0.4"}
    assert {name: value_at(ruled, name) for name in names} == names
    for name in ("layers.2.mlp", "layers.2.attn"):
        with pytest.raises(Malformed, match=rf"{name}: layer 2, but the recipe gives values for \d layers"):
            value_at(ruled, name)
