"""Checkpoints: a log's signed word on how long it is and what it holds (C2SP tlog-checkpoint, signed-note).

    studbook.example/log
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — studbook.example/log Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeO…

Origin, size, root; a blank line; signatures. The key is named like the log. Signatures of keys that the reader does
not know (witnesses, a key's successor) are ignored; one that it knows and that fails condemns the note.
"""

import hashlib
import re
from dataclasses import dataclass

from signing import canonical
from signing.errors import Malformed, Untrusted
from signing.keys import PrivateKey, PublicKey

MAX_BYTES = 2**20
MAX_SIGNATURES = 100
_ED25519 = b"\x01"
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_NAME = re.compile(r"[^\s+]+")
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log `origin` has `size` leaves under this root; `extensions` are lines that others may add."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read a checkpoint from the text of a note whose signature was checked (`open_note`)."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise Malformed(
                f"a checkpoint is origin, size and root on lines of their own, not {text[:200]!r}"
            )
        origin, size, root, *extensions = lines
        if _SIZE.fullmatch(size) is None:
            raise Malformed(f"the size of a checkpoint is a plain decimal number, not {size[:40]!r}")
        return cls(origin, int(size), _hash(root), tuple(extensions))

    @classmethod
    def opened(cls, note: bytes, origin: str, key: PublicKey) -> "Checkpoint":
        """Return the checkpoint of the log `origin` in `note`, once that log's key is found to have signed it."""
        found = cls.parse(open_note(note, origin, key))
        if found.origin != origin:
            raise Untrusted(f"the checkpoint is of the log {found.origin!r}, signed by the key of {origin!r}")
        return found

    def text(self) -> str:
        """Return the text of the note, which is what is signed."""
        root = canonical.to_base64(self.root)
        return "".join(f"{line}\n" for line in (self.origin, self.size, root, *self.extensions))


def sign(checkpoint: Checkpoint, key: PrivateKey) -> bytes:
    """Return the checkpoint as a note signed by the log's Ed25519 `key`, named like the log."""
    text = checkpoint.text()
    if Checkpoint.parse(text) != checkpoint:
        raise Malformed(f"this checkpoint does not survive being written down: {checkpoint}")
    name = _checked_name(checkpoint.origin)
    blob = _key_hash(name, key.public) + key.sign(text.encode())
    return f"{text}\n— {name} {canonical.to_base64(blob)}\n".encode()


def open_note(note: bytes, name: str, key: PublicKey) -> str:
    """Return the text of `note`, once the key called `name` is found to have signed it."""
    text, signatures = _split(note)
    known = _key_hash(_checked_name(name), key)
    blobs = [blob for signer, blob in signatures if signer == name and blob[:4] == known]
    if not blobs:
        signers = ", ".join(signer for signer, _ in signatures)
        raise Untrusted(f"the note is not signed by {vkey(name, key)}; it is signed as {signers}")
    if not all(key.verify(blob[4:], text.encode()) for blob in blobs):
        raise Untrusted(f"the note claims a signature of {vkey(name, key)}, which does not hold")
    return text


def vkey(name: str, key: PublicKey) -> str:
    """Return the verifier key `name+hash+key`, the line that a client pins."""
    known = _key_hash(_checked_name(name), key)
    return f"{name}+{known.hex()}+{canonical.to_base64(_ED25519 + key.raw)}"


def parse_vkey(text: str) -> tuple[str, PublicKey]:
    """Read the name and the Ed25519 key from a verifier key."""
    name, _, rest = text.partition("+")
    known, _, blob = rest.partition("+")
    raw = canonical.from_base64(blob)
    if raw[:1] != _ED25519 or len(raw) != 33:
        raise Malformed(f"the verifier key {text[:200]!r} holds no Ed25519 key")
    key = PublicKey.of_raw(raw[1:])
    if vkey(name, key) != text:
        raise Malformed(f"the verifier key {text[:200]!r} carries the hash {known!r}, which is not its own")
    return name, key


def _split(note: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """Return a note's text and what its signature lines claim: key name, key hash and signature."""
    if len(note) > MAX_BYTES:
        raise Malformed(f"a note of {len(note)} bytes; at most {MAX_BYTES} are read")
    whole = canonical.text(note, "note")
    if any(char < " " and char != "\n" for char in whole):
        raise Malformed("the note holds a control character other than newline")
    text, blank, block = whole.rpartition("\n\n")
    lines = block.removesuffix("\n").split("\n")
    if not (blank and text and block.endswith("\n")) or len(lines) > MAX_SIGNATURES:
        raise Malformed(f"a note is text, a blank line and 1 to {MAX_SIGNATURES} signature lines")
    return text + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    found = _SIGNATURE.fullmatch(line)
    blob = canonical.from_base64(found[2]) if found else b""
    if found is None or len(blob) < 5:
        raise Malformed(f"a signature line is an em dash, a key name and base64, not {line[:200]!r}")
    return found[1], blob


def _checked_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise Malformed(f"the name of a key has no spaces and no plus sign, unlike {name!r}")
    return name


def _key_hash(name: str, key: PublicKey) -> bytes:
    """Return the four bytes that tell keys of one name apart. They are a label, not a commitment."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + key.raw).digest()[:4]


def _hash(text: str) -> bytes:
    found = canonical.from_base64(text)
    if len(found) != 32:
        raise Malformed(f"the root of a checkpoint has 32 bytes, not {len(found)}")
    return found
