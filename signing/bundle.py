"""Bundles: a statement with the proof that it was logged, checked offline with nothing but pinned keys.

One JSON object on one line: the envelope as it was received, the leaf, its index, the inclusion proof, and the
signed checkpoint that the proof leads to. `verify` returns what was proven, never a bare yes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from signing import canonical, checkpoint, dsse, merkle
from signing.checkpoint import Checkpoint
from signing.errors import Malformed, Untrusted
from signing.keys import PublicKey
from signing.log import Leaf
from signing.statement import Statement

VERSION = 1
# Text inside JSON grows by its escapes, at most to twice its size.
MAX_BYTES = 2 * dsse.MAX_BYTES + checkpoint.MAX_BYTES


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that is needed to check one entry, and nothing that needs to be believed."""

    envelope: bytes
    leaf: Leaf
    index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    @classmethod
    def parse(cls, raw: bytes) -> "Bundle":
        """Read a bundle, checking nothing yet."""
        if len(raw) > MAX_BYTES:
            raise Malformed(f"a bundle of {len(raw)} bytes; at most {MAX_BYTES} are read")
        match canonical.decode(raw):
            case {
                "v": version,
                "envelope": str(envelope),
                "leaf": str(leaf),
                "index": index,
                "proof": [*proof],
                "checkpoint": str(note),
                **rest,
            } if (
                canonical.is_integer(version)
                and version == VERSION
                and canonical.is_integer(index)
                and not rest
            ):
                hashes = tuple(_hash(one) for one in proof)
                return cls(envelope.encode(), Leaf.parse(leaf.encode()), index, hashes, note.encode())
            case _:
                raise Malformed(
                    f"a bundle of version {VERSION} has exactly v, envelope, leaf, index, proof and checkpoint"
                )

    def encode(self) -> bytes:
        """Return the bundle as one line of canonical JSON, without the newline."""
        return canonical.encode(
            {
                "v": VERSION,
                "envelope": canonical.text(self.envelope, "envelope"),
                "leaf": self.leaf.encode().decode(),
                "index": self.index,
                "proof": [canonical.to_base64(one) for one in self.proof],
                "checkpoint": canonical.text(self.checkpoint, "checkpoint"),
            }
        )


@dataclass(frozen=True, slots=True)
class Proven:
    """`statement` was signed by `keys`, and the log held it as entry `index` of `size`, written down at `time`."""

    statement: Statement
    entry: str
    keys: frozenset[PublicKey]
    index: int
    size: int
    time: int


def verify(bundle: Bundle, keys: Iterable[PublicKey], origin: str, log_key: PublicKey) -> Proven:
    """Return what `bundle` proves to someone who trusts `keys`, and the log `origin` by its key.

    `keys` are not judged: whether one of them may say this is for whoever knows the trusted root.
    """
    seen = Checkpoint.opened(bundle.checkpoint, origin, log_key)
    leaf = merkle.leaf_hash(bundle.leaf.encode())
    if merkle.inclusion_root(leaf, bundle.index, seen.size, bundle.proof) != seen.root:
        raise Untrusted(f"the proof does not lead from leaf {bundle.index} to the root of {seen.size} leaves")
    envelope = dsse.Envelope.parse(bundle.envelope)
    if envelope.entry != bundle.leaf.pae:
        raise Untrusted(f"the leaf is of the entry {bundle.leaf.pae}, and the envelope is {envelope.entry}")
    # A signature that the leaf does not name was not there when the log wrote the time down.
    signed = frozenset(key for key in dsse.verified(envelope, keys) if key.id in bundle.leaf.keys)
    if not signed:
        raise Untrusted(
            f"no trusted key signed the entry {envelope.entry}; the log names {list(bundle.leaf.keys)}"
        )
    statement = Statement.parse(envelope.payload)
    return Proven(statement, envelope.entry, signed, bundle.index, seen.size, bundle.leaf.time)


def _hash(value: canonical.Json) -> bytes:
    if not isinstance(value, str):
        raise Malformed(f"a proof is a list of hashes in base64, not of {type(value).__name__}")
    return canonical.from_base64(value)
