"""`studbook same` and `add --same-as` as they are typed, and what `show` says of it."""

import shutil

import pytest
from making import floats, write_model

STUB = "hf:acme/base"


@pytest.fixture
def mine(terminal, kennel):
    """A copy of the kennel's home, which may be changed, and a folder that nobody registered."""
    shutil.copytree(kennel.home, terminal.home, symlinks=True)
    write_model(terminal.folder / "fresh", {"norm": ("F32", (4,), floats([1, 2, 3, 4]))})
    return terminal


def test_a_home_says_what_its_artifact_is_upstream_and_show_tells_it(mine) -> None:
    said = mine("same", "kennel/base", STUB)
    found = mine.holds("same", "kennel/base", STUB)
    shown = mine.holds("show", "kennel/base")

    assert said.code == 0
    assert f"kennel/base is {STUB}  logged as entry {found['index']}" in said.out
    assert "said in the name of hf:acme: an incident that names either reaches" in said.out
    assert (found["artifact"], found["upstream"], found["by"]) == (shown["artifact"], STUB, "owner")
    (edge,) = shown["same"]
    assert (edge["child"], edge["relation"], edge["evidence"], edge["entry"]) == (
        STUB,
        "same_as",
        "signed",
        found["entry"],
    )
    assert f"same as {STUB}, signed, in the name of hf:acme" in " ".join(
        mine("show", "kennel/base").out.split()
    )
    assert ", signed, in the name of hf:acme" in " ".join(mine("show", STUB).out.split())
    listed = mine.holds("descendants", "kennel/base", "--relation", "same_as")
    assert [one["artifact"] for one in listed["relatives"]] == [STUB]


def test_a_folder_is_registered_as_what_it_is_upstream(mine) -> None:
    added = mine.holds("add", "fresh", "--same-as", STUB, "--same-as", f"{STUB}@{'0f' * 20}")
    again = mine.holds("add", "fresh", "--same-as", STUB)

    assert {one["child"] for one in mine.holds("show", "fresh")["same"]} == {STUB, f"{STUB}@{'0f' * 20}"}
    assert set(again["entries"]) < set(added["entries"]), "the log answers with the first receipts"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("same", "kennel/base", "acme/base"), "'acme/base' is no stub: write hf:owner/name"),
        (("same", STUB, "hf:acme/other"), f"{STUB} is not named by anything in this log"),
        (("same", "kennel/none", STUB), "nothing is called 'kennel/none' here"),
        (("add", "fresh", "--same-as", "acme/base"), "'acme/base' is no stub: write hf:owner/name"),
        (("add", "fresh", "--base", STUB, "--same-as", STUB), "so it cannot be its parent"),
        (
            ("add", "fresh", "--base", STUB, "--relation", "same_as"),
            "'same_as' is no relation; choose one of merge",
        ),
    ],
)
def test_what_is_no_stub_or_no_artifact_is_refused_and_nothing_is_logged(mine, words, sentence: str) -> None:
    before = mine.holds("log", "show")
    refused = mine(*words)
    assert (refused.code, sentence in " ".join(refused.err.split())) == (2, True), refused.err
    assert mine.holds("log", "show") == before
