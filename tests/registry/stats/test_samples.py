"""Samples of a data file: one a line, in the order they stand, and what is no sample is refused by its line."""

import hashlib
from pathlib import Path

import pytest

from registry.stats.samples import LINE_LIMIT, Sample, read
from signing.errors import Malformed


def written(folder: Path, said: bytes, name: str = "data.txt") -> Path:
    path = folder / name
    path.write_bytes(said)
    return path


def test_a_text_files_lines_are_samples(tmp_path) -> None:
    said = "one\r\n\n  two dogs \nthree"
    found = read(written(tmp_path, said.encode()), 9)
    assert found.samples == (Sample(1, "one"), Sample(3, "two dogs"), Sample(4, "three"))
    assert found.sha256 == hashlib.sha256(said.encode()).hexdigest()


def test_the_first_samples_are_taken_and_the_whole_file_is_named(tmp_path) -> None:
    said = b"one\ntwo\n\xff\n"
    found = read(written(tmp_path, said), 2)
    assert [sample.text for sample in found.samples] == ["one", "two"]
    assert found.sha256 == hashlib.sha256(said).hexdigest()


def test_objects_have_a_text_and_perhaps_a_pair(tmp_path) -> None:
    said = b'{"text": "one", "label": 3}\n{"pair": "b", "text": "a"}\n'
    found = read(written(tmp_path, said, "data.jsonl"), 9)
    assert found.samples == (Sample(1, "one"), Sample(2, "a", "b"))


@pytest.mark.parametrize(
    ("said", "name", "words"),
    [
        (b"", "data.txt", "data.txt holds no samples"),
        (b"\n \n", "data.jsonl", "data.jsonl holds no samples"),
        (b"one\n\xff\n", "data.txt", "line 2 is no UTF-8 text: byte 0 is 0xff"),
        (b"one\n" + b"x" * LINE_LIMIT + b"\n", "data.txt", f"line 2 is longer than {LINE_LIMIT} bytes"),
        (b'{"text": "one"}\n{"text": 1}\n', "data.jsonl", "line 2 is no object with 'text'"),
        (b'{"text": "one", "pair": null}', "data.jsonl", "line 1 is no object with 'text'"),
        (b'{"text": " "}', "data.jsonl", "line 1 is no object with 'text'"),
        (b"text", "data.jsonl", "line 1: "),
    ],
)
def test_what_is_no_sample_is_refused_by_its_line(tmp_path, said: bytes, name: str, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(written(tmp_path, said, name), 9)
    assert words in str(caught.value)
