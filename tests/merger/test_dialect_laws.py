"""The mergekit dialect's laws: whatever comes in, a recipe or a refusal comes out."""

import re
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from dialects import at, compiled, merge
from hypothesis import given, settings
from hypothesis import strategies as st

from merger.dialect import parse
from merger.methods import METHODS
from merger.recipe import Recipe
from signing.errors import Malformed, Refused

CASES = Path(__file__).parents[1] / "cases" / "recipes"
# Of the 125 real documents; more may compile, none of these may cease to.
REAL = 125
REAL_THAT_COMPILE = 109
# Of those that compile, the ones that ask for a union of vocabularies.
REAL_UNIONS = 3
# Why the others are refused: each reason names a place in the document and what it would take.
REASONS = (
    r"merge_method is '\w+', which neither this version nor mergekit 0\.1\.5 has",
    r"has no parameter '\w+'.*; it takes ",
    r"base_model .* is not among the models, and slerp merges only those",
    r"'t' stands at the top level; indent it under 'parameters'",
    r"base_model is .*\+.*; a base takes no adapter",
)


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_case_compiles_to_a_recipe_that_reads_back(path: Path) -> None:
    for document in parse(path.read_text()):
        recipe = compiled(document, seed="1").recipe
        assert Recipe.parse(recipe.encode()) == recipe


def test_real_documents_compile_or_are_refused_in_a_sentence(shared: Path) -> None:
    compiling: Counter[str] = Counter()
    refused: dict[str, tuple[str, str]] = {}
    for path in sorted((shared / "data" / "recipes").glob("*.yaml")):
        text = path.read_text()
        # The last one counts: what stands before may be a comment.
        method = re.findall(r"(?m)^merge_method: *[\"']?(\w+)", text)[-1]
        try:
            for document in parse(text):
                ends = [source.span[1] for s in document.slices for source in s.sources if source.span]
                found = compiled(document, max(ends, default=32), seed="1")
                assert Recipe.parse(found.recipe.encode()) == found.recipe
            compiling[method] += 1
        except Refused as refusal:
            refused[path.name] = method, str(refusal)
    for method in sorted({*compiling, *(method for method, _ in refused.values())}):
        reasons = [f"{name}: {said}" for name, (of, said) in refused.items() if of == method]
        head = f"{method}: {compiling[method]} compiled, {len(reasons)} refused"
        print(head, *reasons, sep="\n  ")  # noqa: T201 - the table, under pytest -s
    assert compiling.total() + len(refused) == REAL
    assert compiling.total() >= REAL_THAT_COMPILE
    for name, (_, said) in refused.items():
        assert any(re.search(reason, said) for reason in REASONS), (name, said)


def test_real_documents_that_name_a_tokenizer_take_a_row_map_in_its_place(shared: Path) -> None:
    said: Counter[str] = Counter()
    for path in sorted((shared / "data" / "recipes").glob("*.yaml")):
        with suppress(Refused):
            for document in parse(path.read_text()):
                ends = [source.span[1] for s in document.slices for source in s.sources if source.span]
                depth, source = max(ends, default=32), document.tokenizer.source
                reference = document.tokenizer.reference
                rows = {} if reference is None else {reference: 1024}
                found = compiled(document, depth, seed="1", rows=rows)
                said[source if source in ("union", "base", None) else "a model"] += 1
                if reference is not None:
                    assert any(f"{reference} carries a row map" in note for note in found.notes)
                    assert found.recipe.tokenizer is not None
                if source == "union":
                    assert any("`studbook tokenizer` makes one" in note for note in found.notes)
                    assert found.recipe.tokenizer is None
    assert said["union"] >= REAL_UNIONS
    assert said["base"]
    assert said["a model"]


@given(st.text(max_size=400))
def test_no_text_raises_anything_but_a_refusal(text: str) -> None:
    with suppress(Refused):
        parse(text)


_KEYS = st.sampled_from(
    [
        *(
            "merge_method",
            "base_model",
            "models",
            "slices",
            "sources",
            "model",
            "parameters",
            "layer_range",
            "modules",
        ),
        *(
            "dtype",
            "out_dtype",
            "tokenizer_source",
            "name",
            "seed",
            "license",
            "shard_bytes",
            "clip",
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
        [
            *METHODS,
            "ties@mergekit-0.1",
            "x@y",
            "a",
            "b",
            "base",
            "union",
            "mlp",
            "layers.1",
            "float16",
            "weighted",
            "1e-1",
            ".5",
        ]
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
        {"model": _MODELS, "layer_range": st.sampled_from([[0, 2], [2, 4], [0, 4], [1, 3], [0, 9]])},
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
    with suppress(Refused):
        for document in parse(yaml.safe_dump(tree)):
            recipe = compiled(document, seed="1").recipe
            assert Recipe.parse(recipe.encode()) == recipe


@given(st.floats(-1e6, 1e6))
def test_a_weight_reads_back_as_the_number_that_was_written(weight: float) -> None:
    try:
        found = compiled(merge("ties", first=f"{{weight: {weight!r}}}"))
    except Malformed:
        assert abs(weight) < 1e-40, weight
    else:
        assert float(at(found, 0, "weight", "w")) == weight
