"""Leaves of the log: which bytes were signed, by which keys, and when that was written down (3-trust, Log).

    {"keys":["<sha256 of SPKI>",…],"pae":"<sha256>","time":<unix seconds>,"v":1}

The hash of the signed bytes alone would not commit to who signed, or when. Envelopes stay outside: a leaf is small
and fits a tile.
"""

from dataclasses import dataclass

from signing import canonical
from signing.digest import check_hex
from signing.errors import Malformed

VERSION = 1


@dataclass(frozen=True, slots=True)
class Leaf:
    """The entry `pae` was signed by `keys` (ids, sorted, each once) and logged at `time` (unix seconds)."""

    pae: str
    keys: tuple[str, ...]
    time: int

    def __post_init__(self) -> None:
        """Refuse what has no place in a log: two spellings of one leaf would be two leaves."""
        check_hex(self.pae, "the entry of a leaf")
        for key in self.keys:
            check_hex(key, "a key of a leaf")
        if not self.keys or list(self.keys) != sorted(set(self.keys)):
            raise Malformed(f"a leaf names at least one key, sorted and each once, not {list(self.keys)}")
        if not canonical.is_integer(self.time) or not 0 <= self.time <= canonical.LARGEST:
            raise Malformed(f"a leaf is logged at unix seconds from 0, not {self.time}")

    @classmethod
    def parse(cls, raw: bytes) -> "Leaf":
        """Read a leaf, from its canonical bytes only: its hash is its place in the tree."""
        match canonical.decode(raw):
            case {"v": int(version), "pae": str(pae), "keys": [*keys], "time": int(time)} if (
                version == VERSION
            ):
                leaf = cls(pae, tuple(check_hex(key, "a key of a leaf") for key in keys), time)
            case _:
                raise Malformed(f"a leaf of version {VERSION} has pae, keys and time, unlike {raw[:200]!r}")
        if leaf.encode() != raw:
            raise Malformed(f"the leaf {raw[:200]!r} is not in canonical JSON")
        return leaf

    def encode(self) -> bytes:
        """Return the bytes that are hashed into the tree: canonical JSON, spelled out, since nothing in it is to be escaped."""
        keys = ",".join(f'"{key}"' for key in self.keys)
        return f'{{"keys":[{keys}],"pae":"{self.pae}","time":{self.time},"v":{VERSION}}}'.encode()
