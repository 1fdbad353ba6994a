"""in-toto statements: which artifacts, what kind of claim, and the claim itself (in-toto Statement v1).

The payload of every envelope in the log. Subjects are matched by SHA-256 alone; other digests may stand beside it
and are not read. Fields that the specification does not know are ignored, as its parsing rules demand; what the
predicate means is another package's business.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from signing import canonical
from signing.canonical import Json
from signing.digest import check_hex
from signing.errors import Malformed

TYPE = "https://in-toto.io/Statement/v1"


@dataclass(frozen=True, slots=True)
class Subject:
    """An artifact that a statement is about: its SHA-256 in hex, and a name that identifies nothing."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim of the kind `predicate_type` about every one of `subjects`."""

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: Mapping[str, Json]

    @classmethod
    def parse(cls, payload: bytes) -> "Statement":
        """Read a statement from the payload of an envelope whose signatures were checked."""
        match canonical.decode(payload):
            case {"_type": str(kind), "subject": [_, *_] as found, "predicateType": str(uri), **rest} if uri:
                pass
            case _:
                raise Malformed("an in-toto statement is an object with _type, subject and predicateType")
        if kind != TYPE:
            raise Malformed(f"a statement of type {kind!r}, where {TYPE!r} is read")
        predicate = rest.get("predicate", {})
        if not isinstance(predicate, Mapping):
            raise Malformed(f"the predicate of a statement is an object, not {type(predicate).__name__}")
        return cls(tuple(_subject(one) for one in found), uri, predicate)

    def encode(self) -> bytes:
        """Return the statement as canonical JSON, ready to be signed."""
        return canonical.encode(
            {
                "_type": TYPE,
                "subject": [_described(one) for one in self.subjects],
                "predicateType": self.predicate_type,
                "predicate": self.predicate,
            }
        )


def _subject(value: Json) -> Subject:
    match value:
        case {"digest": {"sha256": sha256}, **rest}:
            name = rest.get("name", "")
        case _:
            raise Malformed("every subject of a statement has a digest with a sha256")
    if not isinstance(name, str):
        raise Malformed(f"the name of a subject is text, not {type(name).__name__}")
    return Subject(name, check_hex(sha256, f"the digest of the subject {name!r}"))


def _described(subject: Subject) -> Json:
    digest: Json = {"sha256": subject.sha256}
    return {"name": subject.name, "digest": digest} if subject.name else {"digest": digest}
