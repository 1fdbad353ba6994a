"""Merges by methods that no recipe executes: refused by name, and recorded as what they are when they come from elsewhere."""

import shutil

import pytest
from making import floats, write_model

from merger.dialect.elsewhere import METHODS
from signing.digest import sha256_hex


@pytest.fixture
def litter(terminal, kennel):
    """A home of one's own, with everything the kennel has."""
    shutil.copytree(kennel.folder, terminal.folder, symlinks=True, dirs_exist_ok=True)
    for name in ("base", "one", "two"):
        assert terminal("add", name).code == 0
    return terminal


@pytest.mark.parametrize("method", sorted(METHODS))
def test_the_command_that_a_refusal_names_records_the_merge(litter, method: str) -> None:
    refused = litter("merge", _written(litter, f"merge_method: {method}\n"), "--out", "made")
    assert refused.code == 2
    command = f"add FOLDER --made-by {method} --base PARENT"
    assert f"'studbook {command}'" in refused.err

    words = command.replace("FOLDER", "spare").replace("PARENT", "kennel/base").split()
    assert litter(*words).code == 0
    assert f"search, algorithm {method}" in litter("show", "kennel/spare").out


def test_a_merge_that_a_search_made_elsewhere_is_recorded_as_one(litter) -> None:
    refused = litter("merge", _written(litter, "merge_method: adamerging\n"), "--out", "made")
    assert refused.code == 2
    assert "'studbook add FOLDER --made-by adamerging --base PARENT'" in refused.err

    write_model(litter.folder / "made", {"layers.0.weight": ("F32", (2,), floats([0.5, 9]))})
    (litter.folder / "log.json").write_text("[0.3, 0.7]")
    sources = ("--base", "kennel/one", "--base", "kennel/two")
    words = ("add", "made", "--name", "kennel/made", "--made-by", "adamerging", *sources)
    words += ("--evidence", "log.json", "--found", f"sha256:{'4' * 64}")
    litter.holds(*words)

    parents = litter.holds("show", "kennel/made")["parents"]
    assert [(edge["relation"], edge["evidence"]) for edge in parents] == [("merge", "signed")] * 2
    digest = sha256_hex(b"[0.3, 0.7]")
    said = litter("show", "kennel/made").out
    assert "search, algorithm adamerging" in said
    assert digest in parents[0]["part"]
    assert f"sha256:{'4' * 64}" in parents[0]["part"]
    assert (litter.home / "blobs" / "sha256" / digest[:2] / digest).read_text() == "[0.3, 0.7]"
    assert {"kennel/base", "kennel/one"} <= {
        name for one in litter.holds("ancestors", "kennel/made")["relatives"] for name in one["names"]
    }
    checked = litter.holds("log", "fsck")
    assert checked["findings"] == []
    litter.holds(*words)
    assert litter.holds("log", "fsck")["size"] == checked["size"]


def _written(terminal, text: str) -> str:
    (terminal.folder / "sought.yaml").write_text(text)
    return "sought.yaml"
