"""Threat T20: a recipe that says more than its reviewer sees, by unknown field, YAML tag or address."""

import time

import pytest
from dialects import compiled, merge, slerp, sliced

from merger.dialect import parse
from merger.dialect.text import DEEPEST, LONGEST_TEXT, documents
from signing.errors import Malformed


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


def test_t20_a_short_text_makes_no_endless_recipe() -> None:
    rules = "{filter: a, value: [0, 1]}, " * 200

    with pytest.raises(Malformed, match="would hold more than 30000 numbers"):
        compiled(slerp(f"[{rules}{{value: 0}}]"), layers=1000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            f"merge_method: linear\nparameters: {{weight: [{'0, 1, ' * 4000}]}}\nmodels: [{{model: a}}, {'{model: b}, ' * 90}]",
            "would hold more than 30000 numbers",
        ),
        (
            f"merge_method: linear\nparameters: {{weight: 1}}\nmodels: [{'{model: a}, ' * 5000}]",
            "models lists 5000 models; a recipe has at most 1000 parents",
        ),
        (
            f"merge_method: linear\nparameters: {{weight: 1}}\nslices:\n- sources: [{'{model: a, layer_range: [0, 1]}, ' * 1001}]",
            r"slices\.0\.sources lists 1001 models",
        ),
    ],
    ids=["anchors", "models", "sources"],
)
def test_t20_a_short_text_makes_no_long_work(text: str, said: str) -> None:
    start = time.process_time()

    with pytest.raises(Malformed, match=said):
        compiled(text)
    assert time.process_time() - start < 1


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
