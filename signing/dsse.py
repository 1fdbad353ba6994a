"""DSSE envelopes: a payload, its type, and signatures over both (DSSE v1.0.2).

    signature = sign(PAE(type, payload))

The signature covers the bytes as they were received; nothing is ever re-encoded to check one. `keyid` is the
signer's hint about which key to try and decides nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from signing import canonical
from signing.canonical import Json
from signing.digest import sha256_hex
from signing.errors import Malformed
from signing.keys import PrivateKey, PublicKey

IN_TOTO = "application/vnd.in-toto+json"
MAX_BYTES = 16 * 2**20
MAX_SIGNATURES = 64
_STANDARD = str.maketrans("-_", "+/")


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed: the Pre-Authentication Encoding, whose lengths count bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature of an envelope, with the signer's hint about its key, or none."""

    sig: bytes
    keyid: str = ""


@dataclass(frozen=True)
class Envelope:
    """A payload with its type and signatures, none of them checked yet: `verified` does that."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, raw: bytes) -> "Envelope":
        """Read an envelope from JSON; fields that DSSE does not know are ignored, as it demands."""
        if len(raw) > MAX_BYTES:
            raise Malformed(f"an envelope of {len(raw)} bytes; at most {MAX_BYTES} are read")
        return cls.of(canonical.decode(raw))

    @classmethod
    def of(cls, value: Json) -> "Envelope":
        """Read an envelope from a JSON value, as other formats hold one inside."""
        match value:
            case {"payloadType": str(kind), "payload": str(payload), "signatures": [*found]} if kind:
                pass
            case _:
                raise Malformed("a DSSE envelope is an object with payload, payloadType and signatures")
        if not 1 <= len(found) <= MAX_SIGNATURES:
            raise Malformed(f"an envelope has 1 to {MAX_SIGNATURES} signatures, not {len(found)}")
        return cls(kind, _bytes(payload), tuple(_signature(one) for one in found))

    def encode(self) -> bytes:
        """Return the envelope as canonical JSON."""
        signatures = [
            {"sig": canonical.to_base64(one.sig)} | ({"keyid": one.keyid} if one.keyid else {})
            for one in self.signatures
        ]
        return canonical.encode(
            {
                "payload": canonical.to_base64(self.payload),
                "payloadType": self.payload_type,
                "signatures": signatures,
            }
        )

    @cached_property
    def entry(self) -> str:
        """The id of the log entry: SHA-256 of the signed bytes, the same however they are wrapped."""
        return sha256_hex(pae(self.payload_type, self.payload))


def sign(payload: bytes, keys: Sequence[PrivateKey], payload_type: str = IN_TOTO) -> Envelope:
    """Return `payload` in an envelope signed with every one of `keys`."""
    message = pae(payload_type, payload)
    return Envelope(payload_type, payload, tuple(Signature(key.sign(message), key.public.id) for key in keys))


def countersigned(envelope: Envelope, key: PrivateKey) -> Envelope:
    """Return `envelope` with one more signature, by `key`; one that it made before is not there twice."""
    (signature,) = sign(envelope.payload, [key], envelope.payload_type).signatures
    others = tuple(one for one in envelope.signatures if one.sig != signature.sig)
    return Envelope(envelope.payload_type, envelope.payload, (*others, signature))


def verified(
    envelope: Envelope, keys: Iterable[PublicKey], payload_type: str = IN_TOTO
) -> frozenset[PublicKey]:
    """Return which of `keys` signed the envelope, each once, whatever the key ids say.

    An envelope of another type than `payload_type` is refused: its payload would be read as what it is not.
    """
    if envelope.payload_type != payload_type:
        raise Malformed(f"the envelope holds {envelope.payload_type!r}, where {payload_type!r} is read")
    message = pae(envelope.payload_type, envelope.payload)
    hashed = bytes.fromhex(envelope.entry)
    waiting = {key.id: key for key in keys}
    signed = set[PublicKey]()
    for one in envelope.signatures:
        hinted = waiting.get(one.keyid)
        others = (key for key in waiting.values() if key is not hinted)
        tries = (hinted, *others) if hinted else tuple(others)
        key = next((key for key in tries if key.verify_hashed(one.sig, message, hashed)), None)
        if key:
            signed.add(waiting.pop(key.id))
    return frozenset(signed)


def _signature(value: Json) -> Signature:
    match value:
        case {"sig": str(sig), "keyid": str(keyid)}:
            return Signature(_bytes(sig), keyid)
        # A null key id is what `model_signing` before 1.1 wrote.
        case {"sig": str(sig), **rest} if rest.get("keyid") is None:
            return Signature(_bytes(sig))
        case _:
            raise Malformed("a signature is an object with a text sig and, if need be, a text keyid")


def _bytes(text: str) -> bytes:
    """Decode base64 in either alphabet, as DSSE demands of readers."""
    return canonical.from_base64(text.translate(_STANDARD))
