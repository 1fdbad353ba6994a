"""Envelopes: what is wrapped again is the same entry."""

from fuzz.words import JSON, marks, members

from signing.dsse import Envelope

MINUTES, LONGEST = 10, 65536
WORDS = (
    *members("payload payloadType signatures sig keyid"),
    *marks(r'"application/vnd.in-toto+json" == -_ +/'),
    *JSON,
)


def read(data: bytes) -> None:
    found = Envelope.parse(data)
    again = Envelope.parse(found.encode())
    assert again == found
    assert again.entry == found.entry
    assert again.encode() == found.encode()
