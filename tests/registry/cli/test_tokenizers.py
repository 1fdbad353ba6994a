"""`studbook tokenizer`: one vocabulary of two models', and what every command says of a merge by its row map."""

import json

import pytest
from filling import packed
from making import CONFIG, write_model
from vocabularies import tokenizer_json

from lineage.predicates import provenance
from registry.home import Home
from registry.work.logged import find

UNITED = """\
merge_method: task_arithmetic
base_model: kennel/one
models: [{model: kennel/two, parameters: {weight: 0.5}}]
tokenizer_source: kennel/both
"""


@pytest.fixture
def kennel_of_words(terminal):
    """Two registered models whose tokenizers know other words, in another order."""
    terminal("init")
    for name, words, added in (("one", ("<unk>", "a", "b"), ("<s>",)), ("two", ("<unk>", "b", "a", "c"), ())):
        rows = len(words) + len(added)
        table = [[float(i), 2.0 * i] for i in range(rows)]
        folder = write_model(
            terminal.folder / name,
            {"wte.weight": packed(table, "F32")},
            CONFIG | {"vocab_size": rows, "n": name},
        )
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer_json(words, added)))
        assert terminal("add", name, "--name", f"kennel/{name}").code == 0
    return terminal


def test_a_vocabulary_is_made_explained_merged_checked_and_followed(kennel_of_words) -> None:
    terminal = kennel_of_words
    (terminal.folder / "recipe.yaml").write_text(UNITED)

    said = terminal(
        "tokenizer", "kennel/one", "kennel/two", "--out", "both", "--name", "kennel/both", "--pad-to", 8
    )
    assert said.code == 0, said.err
    for text in (
        "kennel/both",
        "5 tokens in 8 rows",
        "has 4 of them and lacks 1",
        "signed and logged as entries",
    ):
        assert text in said.out, said.out

    value = terminal.holds("recipe", "explain", "recipe.yaml")
    (group,) = value["tensors"]
    one, two = (value["references"][f"kennel/{name}"] for name in ("one", "two"))
    base, parent = group["inputs"]
    assert base["rows"] == {one: 4, two: 1, "": 3}
    assert parent["rows"] == {one: 1, two: 4, "": 3}
    assert group["bytes"] == 64
    assert any("kennel/both carries a row map" in note for note in value["notes"])
    shown = terminal("recipe", "explain", "recipe.yaml").out
    assert "base kennel/one rows 4 of kennel/one, 1 of kennel/two, 3 of +0" in shown

    made = terminal.holds("merge", "recipe.yaml", "--out", "made")
    assert terminal("rebuild", made["artifact"]).code == 0
    assert terminal("rebuild", made["artifact"], "--sample", "4").code == 0
    shown = terminal.holds("show", made["artifact"])
    assert [(one["relation"], json.loads(one["part"])["role"]) for one in shown["parents"]] == [
        ("merge", "base"),
        ("merge", "parent"),
        ("merge", "row map"),
    ]
    found = terminal.holds("attribute", made["artifact"], "wte.weight[1,1]")
    (part,) = found["parents"]
    assert part["source"].endswith(f"by rows: row 2 of wte.weight of {two}")
    assert (part["value"], found["base"]) == (4.0, 2.0)


def test_an_incident_on_a_row_map_reaches_what_was_merged_by_it(kennel_of_words) -> None:
    terminal = kennel_of_words
    (terminal.folder / "recipe.yaml").write_text(UNITED)
    terminal.holds("tokenizer", "kennel/one", "kennel/two", "--out", "both", "--name", "kennel/both")
    terminal.holds("merge", "recipe.yaml", "--out", "made", "--name", "kennel/made")
    terminal.holds(
        "incident", "report", "kennel/both", "--kind", "data-poisoned", "--summary", "rows swapped"
    )
    said = terminal("status", "kennel/made")
    assert (said.code, "by way of kennel/both → kennel/made" in said.out) == (1, True), said


def test_a_provenance_that_keeps_quiet_about_a_row_map_is_not_rebuilt(kennel_of_words) -> None:
    terminal = kennel_of_words
    (terminal.folder / "recipe.yaml").write_text(UNITED)
    terminal.holds("tokenizer", "kennel/one", "kennel/two", "--out", "both", "--name", "kennel/both")
    made = terminal.holds("merge", "recipe.yaml", "--out", "made")["artifact"]
    home = Home.open(terminal.home)
    found = find(home, made)
    home.say("builder", provenance.statement(made, found.recipe, "0" * 64, "0" * 64, "1", {}, by_rows=False))
    said = terminal("rebuild", made)
    assert (said.code, "carries no row map, and the opposite holds" in said.err) == (1, True), said


def test_a_vocabulary_that_nobody_can_make_is_refused(kennel_of_words) -> None:
    terminal = kennel_of_words
    refused = terminal("tokenizer", "kennel/one", "kennel/two", "--out", "both", "--source", "kennel/none")
    assert (refused.code, "nothing is called 'kennel/none' here" in refused.err) == (2, True)
    assert "exists already" in terminal("tokenizer", "kennel/one", "kennel/two", "--out", "one").err
    assert not (terminal.folder / "both").exists()


def test_what_has_no_tokenizer_gives_none(kennel_of_words) -> None:
    terminal = kennel_of_words
    write_model(terminal.folder / "mute", {"wte.weight": packed([[1.0, 2.0]] * 4, "F32")})
    (terminal.folder / "mute" / "tokenizer.json").unlink()
    terminal.holds("add", "mute", "--name", "kennel/mute")
    (terminal.folder / "recipe.yaml").write_text(UNITED.replace("kennel/both", "kennel/mute"))
    terminal.refuses(
        ("merge", "recipe.yaml", "--out", "made"), 2, ("mute is named for its tokenizer and has none",)
    )


def test_rows_of_single_tokens_are_read_from_a_file(kennel_of_words) -> None:
    terminal = kennel_of_words
    (terminal.folder / "tokens.json").write_text('{"<new>": {"source": {"kind": "zero"}}}')
    value = terminal.holds(
        "tokenizer",
        "kennel/one",
        "kennel/two",
        "--out",
        "both",
        "--tokens",
        "tokens.json",
        "--source",
        "base",
    )
    assert (value["tokens"], value["rows"]) == (5, 5)
    (terminal.folder / "tokens.json").write_text('{"<new>": 1}')
    terminal.refuses(
        ("tokenizer", "kennel/one", "kennel/two", "--out", "other", "--tokens", "tokens.json"),
        2,
        ("tokens.json: tokens.<new> is 1; write source",),
    )


@pytest.mark.parametrize("said", [("--name", "unspaced"), ("--license", "no license!")])
def test_what_no_statement_can_hold_is_refused_before_a_vocabulary_is_made(kennel_of_words, said) -> None:
    words = ("tokenizer", "kennel/one", "kennel/two", "--out", "both", *said)
    kennel_of_words.refuses(words, 2, (repr(said[1]),))
