"""Signed notes: one that opens says what its key signed, whatever other signatures stand below."""

from fuzz.pinned import LOG_KEY, NOTES, ORIGIN
from fuzz.words import marks

from signing.checkpoint import open_note

MINUTES, LONGEST = 3, 16384
WORDS = (*marks(r"\n\n \xe2\x80\x94\x20 \x20 + = \r \x7f \xc2\x85 \xe2\x80\xa8"), ORIGIN.encode())


def read(data: bytes) -> None:
    assert open_note(data, ORIGIN, LOG_KEY) in NOTES
