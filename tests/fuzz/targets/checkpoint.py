"""Checkpoints: one that is read has one spelling."""

from fuzz.pinned import LOG_KEY, NOTES, ORIGIN
from fuzz.words import marks

from signing import canonical
from signing.checkpoint import Checkpoint
from signing.errors import Refused

MINUTES, LONGEST = 3, 16384
WORDS = (*marks(r"\n 0\n 9007199254740993\n \r \x20 \xd9\xa1"), b"A" * 43 + b"=\n", ORIGIN.encode())


def read(data: bytes) -> None:
    found = Checkpoint.parse(canonical.text(data, "checkpoint"))
    assert found.text().encode() == data
    assert Checkpoint.parse(found.text()) == found
    try:
        opened = Checkpoint.opened(data + b"\n", ORIGIN, LOG_KEY)
    except Refused:
        return
    assert opened.text() in NOTES
