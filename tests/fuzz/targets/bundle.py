"""Bundles: one that verifies under the pinned keys proves what was signed, whatever else was changed in the file."""

from fuzz.pinned import ENTRY, INDEX, LOG_KEY, ORIGIN, PUBLISHER, SIZES, TIME
from fuzz.words import JSON, marks, members

from signing import bundle
from signing.bundle import Bundle
from signing.dsse import Envelope

MINUTES, LONGEST = 3, 65536
WORDS = (
    *members("v envelope leaf index proof checkpoint payload payloadType signatures sig"),
    *marks(r'\\"keys\\": \\"pae\\": \\"time\\": \\n \\u2014'),
    *JSON,
)


def read(data: bytes) -> None:
    found = Bundle.parse(data)
    assert Bundle.parse(found.encode()) == found
    assert Envelope.parse(found.envelope).entry
    proven = bundle.verify(found, [PUBLISHER], ORIGIN, LOG_KEY)
    assert (proven.entry, proven.index, proven.time) == (ENTRY, INDEX, TIME)
    assert proven.size in SIZES
