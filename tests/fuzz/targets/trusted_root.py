"""Trusted roots: a document that is read has one meaning, and can be put into force by its own statement."""

from fuzz.words import JSON, marks, members, texts

from lineage.authority import SPEAKERS, TrustedRoot, rooted
from lineage.predicates import facts
from lineage.predicates.root import statement

MINUTES, LONGEST = 3, 65536
WORDS = (
    *members("version threshold origin keys operator roles namespaces contact pem validFor start end"),
    *texts((*SPEAKERS, "log", "witness", "*", "0", "1")),
    *marks(r"-----BEGIN\x20PUBLIC\x20KEY-----\\n \\n-----END\x20PUBLIC\x20KEY-----\\n \\r"),
    *JSON,
)


def read(data: bytes) -> None:
    found = TrustedRoot.parse(data)
    again = TrustedRoot.parse(found.encode())
    assert again == found
    assert again.encode() == found.encode()
    assert found.log().public in found.public("log")
    assert rooted(facts(statement(found), "e" * 64)) == found
