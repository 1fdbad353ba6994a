"""Proof files: one that is read has one spelling, and one that holds leads from the pinned leaf alone."""

from fuzz.pinned import INDEX, LEAF, LOG_KEY, NOTES, ORIGIN
from fuzz.words import marks

from signing import proof
from signing.proof import HEADER, Proof

MINUTES, LONGEST = 3, 16384
WORDS = (
    *marks(r"\n\n \n index\x20 extra\x20 \xe2\x80\x94\x20 \xd9\xa1"),
    HEADER.encode(),
    b"A" * 43 + b"=\n",
)


def read(data: bytes) -> None:
    found = Proof.parse(data)
    assert found.encode() == data
    assert Proof.parse(found.encode()) == found
    seen = proof.verify(found, LEAF, ORIGIN, LOG_KEY)
    assert found.index == INDEX
    assert seen.text() in NOTES
