"""Samples of a data file: one a line, as text or as JSON objects, each with the digest of all of them beside.

A text file's lines are samples as they stand; lines that hold nothing but spaces are none. A `.jsonl` file's lines are
objects with `text`, and `pair` where the tokenizer joins a second text to it; other members are left alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from signing import canonical
from signing.errors import Malformed

# Longer lines are no samples but another kind of file.
LINE_LIMIT = 1 << 20
JSON_LINES = ".jsonl"


@dataclass(frozen=True, slots=True)
class Sample:
    """One text, or two that belong together, and the line it stands in, from 1."""

    line: int
    text: str
    pair: str | None = None


@dataclass(frozen=True, slots=True)
class Data:
    """The samples that are used, and SHA-256 (hex) of the whole file that they are the first of."""

    samples: tuple[Sample, ...]
    sha256: str


def read(path: Path, most: int) -> Data:
    """Return the first `most` samples of a file, or refuse it by the line that is none."""
    found: list[Sample] = []
    whole = hashlib.sha256()
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LINE_LIMIT + 1):
            whole.update(line)
            number += 1
            if len(line) > LINE_LIMIT:
                raise Malformed(f"{path}: line {number} is longer than {LINE_LIMIT} bytes; a sample is not")
            if len(found) < most and line.strip():
                found.append(_sample(path, number, line))
    if not found:
        raise Malformed(f"{path} holds no samples; statistics are of one at least")
    return Data(tuple(found), whole.hexdigest())


def _sample(path: Path, number: int, line: bytes) -> Sample:
    where = f"{path}: line {number}"
    if path.suffix != JSON_LINES:
        try:
            return Sample(number, line.decode().strip())
        except UnicodeDecodeError as error:
            raise Malformed(
                f"{where} is no UTF-8 text: byte {error.start} is {line[error.start]:#04x}"
            ) from None
    try:
        said = canonical.decode(line.strip())
    except Malformed as error:
        raise Malformed(f"{where}: {error}") from None
    match said:
        case {"text": str(text), "pair": str(pair)} if text.strip() and pair.strip():
            return Sample(number, text, pair)
        case {"text": str(text), **rest} if "pair" not in rest and text.strip():
            return Sample(number, text)
    raise Malformed(f"{where} is no object with 'text', and 'pair' where there are two, that are not empty")
