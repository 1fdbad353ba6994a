"""Model cards: front matter as people write it."""

import pytest

from lineage.predicates.claims import Claim, Parent
from registry.ingest.cards import read, wants
from registry.records import NOTHING, SELF, Document, Read, Unread
from registry.stubs import LOCAL, OWNERLESS
from signing import canonical

CARD = "hf:acme/tuned"
INFERRED = {"relation": "inferred"}


def record(matter: object):
    """Read a card by its front matter as JSON."""
    line = canonical.encode({"model_id": "acme/tuned", "front_matter": matter})
    (found,) = read(Document("cards.jsonl", line), None)
    return found


def readme(text: str | bytes, target: str | None = CARD):
    data = text if isinstance(text, bytes) else text.encode()
    (found,) = read(Document("acme/tuned/README.md", data), target)
    return found


def parents(found):
    return [(one.artifact, one.relation) for one in found.claim.parents]


def test_a_card_claims_its_base_models_and_its_license():
    said = {"base_model": ["acme/base", "acme/other"], "base_model_relation": "merge", "license": "mit"}
    assert record(said) == Read(
        "cards.jsonl:1",
        Claim(CARD, (Parent("hf:acme/base", "merge"), Parent("hf:acme/other", "merge")), "mit"),
    )


@pytest.mark.parametrize(
    ("word", "relation"),
    [("quantized", "quantize"), ("adapter", "adapter_of"), ("finetune", "finetune"), ("MERGE", "merge")],
)
def test_a_relation_that_is_given_is_taken(word, relation):
    found = record({"base_model": "acme/base", "base_model_relation": word, "tags": ["gguf"]})
    assert found.claim.parents == (Parent("hf:acme/base", relation),)


@pytest.mark.parametrize(
    ("matter", "relation"),
    [
        ({}, "finetune"),
        ({"library_name": "peft"}, "adapter_of"),
        ({"tags": ["LoRA", 7]}, "adapter_of"),
        ({"tags": ["GGUF"]}, "quantize"),
        ({"tags": ["mergekit"]}, "merge"),
        ({"base_model": ["acme/base", "acme/other"]}, "merge"),
        ({"base_model": ["acme/base", "acme/base"]}, "finetune"),
    ],
)
def test_a_relation_that_is_missing_is_inferred_and_said_to_be(matter, relation):
    found = record({"base_model": "acme/base"} | matter)
    assert found.claim.parents[0] == Parent("hf:acme/base", relation, INFERRED)


def test_a_relation_that_is_none_is_refused():
    for word in ("begat", 7, ["merge"]):
        found = record({"base_model": "acme/base", "base_model_relation": word})
        assert found.why.gist == "has a relation that is none"


def test_a_base_model_that_is_listed_twice_is_one_parent():
    assert parents(record({"base_model": ["acme/base"] * 7})) == [("hf:acme/base", "finetune")]


@pytest.mark.parametrize("empty", [None, "", " ", [], [None, ""]])
def test_an_empty_base_model_names_nothing(empty):
    assert record({"base_model": empty, "license": "mit"}) == Read("cards.jsonl:1", Claim(CARD, (), "mit"))
    assert record({"base_model": empty}).why.gist == NOTHING


def test_a_card_that_names_itself_keeps_its_other_parents():
    found = record({"base_model": ["acme/tuned", "acme/base"]})
    assert parents(found) == [("hf:acme/base", "merge")]
    assert [one.gist for one in found.remarks] == [SELF]
    assert record({"base_model": "acme/tuned"}).why.gist == SELF


def test_what_names_no_repository_is_left_out_with_a_remark():
    found = record({"base_model": ["/models/base", "gpt2", 7, "acme/base"]})
    assert parents(found) == [("hf:acme/base", "merge")]
    assert [one.gist for one in found.remarks] == [LOCAL, OWNERLESS, "names a parent by no text"]
    alone = record({"base_model": ["gpt2", "/models/base"]})
    assert (alone.why.gist, [one.gist for one in alone.remarks]) == (OWNERLESS, [LOCAL])


def test_a_model_with_an_adapter_is_two_parents():
    found = record({"base_model": "acme/base+acme/lora"})
    assert parents(found) == [("hf:acme/base", "finetune"), ("hf:acme/lora", "adapter_applied")]


@pytest.mark.parametrize(
    ("said", "license"),
    [("MIT", "MIT"), ("Apache-2.0", "Apache-2.0"), (["mit"], "mit"), (["mit", "mit"], "mit")],
)
def test_a_license_keeps_its_spelling(said, license):  # noqa: A002
    found = record({"license": said})
    assert (found.claim.license, found.remarks) == (license, ())


@pytest.mark.parametrize(
    ("said", "gist"),
    [
        (["llama2", "other"], "lists several licenses"),
        ("see below", "has a license that is no id"),
        ({"name": "mit"}, "has a license that is no id"),
        (True, "has a license that is no id"),
    ],
)
def test_a_license_that_does_not_say_which_is_claimed_by_nobody(said, gist):
    found = record({"license": said, "base_model": "acme/base"})
    assert found.claim.license is None
    assert [one.gist for one in found.remarks] == [gist]
    assert record({"license": said}).why.gist == gist


@pytest.mark.parametrize(
    ("line", "gist"),
    [
        (
            b'{"model_id": "13B-BlueMethod", "front_matter": {"license": "mit"}}',
            "is a card of what names no owner",
        ),
        (b'{"model_id": "a/b", "front_matter": "no: yaml: at all"}', "has front matter that is no YAML"),
        (b'{"model_id": "a/b"}', "is no card"),
        (b"[]", "is no card"),
        (b'{"model_id": "a/b", "front_matter": {"x": NaN}}', "is no JSON"),
        (b"\xff", "is no JSON"),
    ],
)
def test_a_line_that_is_no_card_says_why(line, gist):
    (found,) = read(Document("cards.jsonl", line), None)
    assert isinstance(found, Unread)
    assert found.why.gist == gist


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_readme_is_read_by_its_front_matter_whatever_ends_its_lines(end, mark):
    text = "---\nbase_model: acme/base\nlicense: mit\n---\n# Tuned\n---\nlicense: other\n---\n"
    found = readme(mark + text.replace("\n", end))
    assert found == Read(
        "acme/tuned/README.md", Claim(CARD, (Parent("hf:acme/base", "finetune", INFERRED),), "mit")
    )


@pytest.mark.parametrize(
    ("text", "gist"),
    [
        ("# No front matter\n", "has no front matter"),
        ("", "has no front matter"),
        ("---\nlicense: mit\n", "has no front matter"),
        ("---\n---\n", "has front matter that is no YAML"),
        ("---\nlicense: [mit\n---\n", "has front matter that is no YAML"),
        ("---\njust words\n---\n", "has front matter that is no YAML"),
        ("---\nlicense: mit\nlicense: other\n---\n", "has front matter that is no YAML"),
        ("---\na: &x 1\nb: *x\n---\n", "has front matter that is no YAML"),
        ("---\na: !!python/object 1\n---\n", "has front matter that is no YAML"),
        ("---\n" + "[" * 999 + "\n---\n", "has front matter that is no YAML"),
        (b"---\nlicense: \xff\n---\n", "is no text"),
    ],
)
def test_a_readme_that_is_no_card_says_why(text, gist):
    found = readme(text)
    assert isinstance(found, Unread)
    assert found.why.gist == gist


def test_a_readme_is_of_what_its_place_or_whoever_imports_it_says():
    found = readme("---\nlicense: mit\n---\n", target=None)
    assert found.why.gist == "is of nothing that is named"


def test_which_files_are_cards():
    assert wants("acme/tuned/README.md")
    assert wants("cards.jsonl")
    assert not wants("config.json")
