"""Attesting and bundling as they are typed: for people, for programs, and on a machine that has no home."""

import shutil
from pathlib import Path

import pytest
from evidence import REVIEW, SUITE

from signing import canonical
from signing.bundle import Bundle
from signing.keys import PrivateKey

EVALUATION = "https://in-toto.io/attestation/test-result/v0.1"
MEASURED = {
    "result": "WARNED",
    "configuration": [{"name": "suite", "digest": {"sha256": SUITE}}],
    "studbook_evaluation": {
        "runner": "lm-eval 0.4.9",
        "metric": "acc",
        "value": "0.731",
        "n": "1319",
        "seed": None,
    },
}


@pytest.fixture
def mine(terminal, kennel):
    """A copy of the kennel's home, which may be changed, with two predicates beside it."""
    shutil.copytree(kennel.home, terminal.home, symlinks=True)
    (terminal.folder / "measured.json").write_bytes(canonical.encode(MEASURED))
    (terminal.folder / "review.json").write_text('{"verdict": "[red]fine[/]", "score": 0.5}')
    return terminal


def pinned(terminal, folder: Path) -> Path:
    """A folder with nothing but the trusted root, as somebody elsewhere has it."""
    folder.mkdir()
    return Path(shutil.copy(terminal.home / "trusted_root.json", folder))


def test_an_evaluation_is_shown_with_whose_it_is_and_is_not_inherited(mine) -> None:
    assert mine.holds("show", "kennel/both")["evaluated"] == "never since merge"
    said = mine.holds("attest", "kennel/both", "--type", EVALUATION, "--predicate", "measured.json")

    shown = mine.holds("show", "kennel/both")

    (found,) = shown["evaluations"]
    assert (shown["evaluated"], found["entry"], said["read"]) == ("1", said["entry"], True)
    assert (found["metric"], found["value"], found["n"], found["seed"]) == ("acc", "0.731", 1319, None)
    assert (found["suite"], found["result"], found["operators"]) == (SUITE, "WARNED", ["kennel"])
    assert "acc 0.731 of 1319, WARNED, by lm-eval 0.4.9; said by kennel on 2" in _unwrapped(
        mine("show", "kennel/both").out
    )
    assert "evaluated: 1" in mine("status", "kennel/both").out
    assert mine.holds("show", "kennel/one")["evaluated"] == "never"


def test_a_foreign_statement_is_kept_shown_and_said_to_be_unread(mine) -> None:
    words = ("attest", "kennel/one", "--type", REVIEW, "--predicate", "review.json")
    said = mine(*words)
    assert said.code == 0
    assert f"nobody here reads {REVIEW}" in said.out

    again = mine.holds(*words)

    (found,) = mine.holds("show", "kennel/one")["attestations"]
    assert (found["type"], found["entry"], found["operators"]) == (REVIEW, again["entry"], ["kennel"])
    assert again["read"] is False
    assert f"attested {REVIEW} said by kennel on 2" in _unwrapped(mine("show", "kennel/one").out)
    assert mine.holds("log", "show")["entries"][-1]["about"] == [again["artifact"]]
    assert mine("log", "fsck").code == 0


def test_a_key_of_one_s_own_signs_and_a_stranger_s_is_refused(mine) -> None:
    words = ("attest", "kennel/one", "--type", REVIEW, "--predicate", "review.json", "--key")
    stranger = mine.folder / "stranger.pem"
    stranger.write_bytes(PrivateKey.generate("ecdsa-p256").pem())
    stranger.chmod(0o600)
    mine.refuses((*words, "stranger.pem"), 1, ("is signed by no key of the trusted root in force",))
    assert mine(*words, mine.home / "keys" / "security.pem").code == 0


def test_a_bundle_holds_on_a_machine_without_a_home_and_says_as_of_when(mine, tmp_path: Path) -> None:
    mine.holds("attest", "kennel/both", "--type", EVALUATION, "--predicate", "measured.json")
    mine.holds("attest", "kennel/one", "--type", REVIEW, "--predicate", "review.json")
    incident = mine.holds("incident", "report", "kennel/one", "--summary", "[bold]trigger[/]", "--confirmed")
    written = mine.holds("bundle", "kennel/both", "--out", "both.jsonl")
    root = pinned(mine, tmp_path / "elsewhere")
    lines = (mine.folder / "both.jsonl").read_bytes()
    assert mine("bundle", "kennel/both").out.encode() == lines
    mine.home.rename(mine.folder / "gone")

    words = ("verify", "both.jsonl", "--root", root)
    value = mine.holds(*words, "--as", incident["descendants"][0])
    told = mine(*words).out

    assert (value["as_of"], written["bundles"]) == (written["as_of"], len(value["proven"]))
    assert [one["line"] for one in value["proven"]] == list(range(1, written["bundles"] + 1))
    assert f"as of {written['as_of']} entries of {value['log']}, judged by version 1" in told
    assert "what it does not say, somebody may have said" in told
    assert "compromised, high, confirmed: [bold]trigger[/]" in told
    said = {one["says"] for one in value["proven"]}
    assert said >= {"acc 0.731 of 1319, WARNED", f"unread: {REVIEW}", "mit", "kennel/both@v1", "4 files", ""}
    assert "same bytes" not in told
    assert "clean" not in told
    assert "reproduced" not in told
    assert mine(*words, "--as", "kennel/both").code == 2, "without a home nobody knows what a name means"


def test_a_broken_line_is_told_apart_and_the_others_hold(mine, tmp_path: Path) -> None:
    mine.holds("bundle", "kennel/one", "--no-ancestors", "--out", "one.jsonl")
    root = pinned(mine, tmp_path / "elsewhere")
    file = mine.folder / "one.jsonl"
    first, second, *rest = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(first + second.replace(b'"index":', b'"Index":') + b"".join(rest))

    said = mine("verify", "one.jsonl", "--root", root)
    value = mine("verify", "one.jsonl", "--root", root, "--json")

    assert (said.code, value.code) == (1, 1)
    assert "refused line 2: a bundle of version 1 has exactly" in said.out
    assert [one["line"] for one in value.json["refused"]] == [2]
    assert "apart line 3, not in this file: who may say this" in said.out
    assert value.json["unregistered"] == []
    assert all(Bundle.parse(line.strip()) for line in (first, *rest))
    file.write_bytes(second.replace(b'"index":5', b'"index":6'))
    mine.refuses(
        ("verify", "one.jsonl", "--root", str(root)), 1, ("one.jsonl proves nothing: line 1: the proof",)
    )


def test_a_parent_that_the_file_does_not_register_is_unknown(mine, tmp_path: Path) -> None:
    mine.holds("bundle", "kennel/one", "--no-ancestors", "--out", "one.jsonl")
    root = pinned(mine, tmp_path / "elsewhere")
    base = mine.holds("show", "kennel/base")["artifact"]

    said = mine("verify", "one.jsonl", "--root", root)

    assert said.code == 0
    assert f"unknown nothing in this file registers {base}" in said.out


def _unwrapped(screen: str) -> str:
    return " ".join(screen.split())
