"""Every input that fuzzing kept is read again, or refused in a sentence: crashes that were found stay mended."""

from pathlib import Path

import pytest
from fuzz.judging import CORPUS, judge, names, target

from signing.digest import sha256_hex

# Beside every clone and in every run of the tests.
MOST_BYTES, MOST_FILES = 1 << 20, 400


@pytest.fixture(params=names())
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def inputs(name: str) -> list[Path]:
    return sorted((CORPUS / name).iterdir())


def test_every_input_is_read_or_refused_in_a_sentence(name):
    of = target(name)
    read = [judge(of, path.read_bytes()) for path in inputs(name)]
    # A corpus in which nothing is accepted holds no law, and one in which nothing is refused no sentence.
    assert {*read} == {True, False}


def test_an_input_is_named_by_what_it_holds(name):
    said = {path.name.removeprefix("crash-"): sha256_hex(path.read_bytes())[:16] for path in inputs(name)}
    assert list(said) == list(said.values())


def test_the_corpus_is_of_the_targets_and_small():
    assert sorted(path.name for path in CORPUS.iterdir()) == names()
    assert sum(path.stat().st_size for path in CORPUS.rglob("*")) <= MOST_BYTES
    assert max(len(inputs(name)) for name in names()) <= MOST_FILES
