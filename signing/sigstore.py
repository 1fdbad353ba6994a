"""`model.sig`: a model signature in one file, as `model_signing` writes and reads it (Sigstore bundle v0.3, OMS v1.0).

    {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
     "verificationMaterial": {"publicKey": {"hint": "<SHA-256 of the key's PEM>"}, "tlogEntries": []},
     "dsseEnvelope": {"payloadType": "application/vnd.in-toto+json", "payload": …, "signatures": [{"sig": …}]}}

In place of `publicKey` there may stand `x509CertificateChain`, the signer's certificate first. Only the payload is signed:
whatever else a bundle carries (log entries, timestamps, fields of later versions) is not read, and nothing is concluded
from it. Who signed is for a key to say that the reader had before; the bundle brings none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from signing import canonical, dsse, oms
from signing.canonical import Json
from signing.digest import sha256_hex
from signing.dsse import Envelope
from signing.errors import Malformed, Untrusted
from signing.keys import PrivateKey, PublicKey
from signing.statement import Statement

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MAX_BYTES = dsse.MAX_BYTES + 2**20
MAX_CERTIFICATES = 16


@dataclass(frozen=True)
class SigstoreBundle:
    """An envelope, and what its signer says about the key: a hint, or certificates (DER, the signer's first).

    Nothing of it is checked yet: `files` does that.
    """

    envelope: Envelope
    hint: str = ""
    certificates: tuple[bytes, ...] = ()

    @classmethod
    def parse(cls, raw: bytes) -> "SigstoreBundle":
        """Read a bundle that was signed with a key or a certificate."""
        if len(raw) > MAX_BYTES:
            raise Malformed(f"a signature file of {len(raw)} bytes; at most {MAX_BYTES} are read")
        match canonical.decode(raw):
            case {
                "mediaType": str(kind),
                "verificationMaterial": Mapping() as material,
                "dsseEnvelope": envelope,
            }:
                pass
            case _:
                raise Malformed(
                    "a Sigstore bundle of a model is an object with mediaType, verificationMaterial and dsseEnvelope"
                )
        if kind != MEDIA_TYPE:
            raise Malformed(f"a signature file of type {kind!r}, where {MEDIA_TYPE!r} is read")
        # Protobuf's JSON writes what is not there as null or leaves it out.
        found = {name: value for name, value in material.items() if value is not None}
        hint, certificates = _material(found)
        return cls(Envelope.of(envelope), hint, certificates)

    def encode(self) -> bytes:
        """Return the bundle as one line of canonical JSON, without the newline."""
        if self.certificates:
            chain: Json = [{"rawBytes": canonical.to_base64(one)} for one in self.certificates]
            named: dict[str, Json] = {"x509CertificateChain": {"certificates": chain}}
        else:
            named = {"publicKey": {"hint": self.hint}}
        return canonical.encode(
            {
                "mediaType": MEDIA_TYPE,
                "verificationMaterial": {**named, "tlogEntries": []},
                "dsseEnvelope": canonical.decode(self.envelope.encode()),
            }
        )


def hint(key: PublicKey) -> str:
    """Return what a bundle calls `key`: SHA-256 over its PEM, where this package hashes the DER."""
    return sha256_hex(key.pem())


def sign(statement: Statement, key: PrivateKey) -> SigstoreBundle:
    """Return the model signature `statement` in a bundle, signed with `key` (ECDSA P-256)."""
    # What our own reader refuses is not signed.
    listed = oms.files(statement)
    if key.public.kind != "ecdsa-p256":
        raise Malformed(
            f"a model is signed with ecdsa-p256, and the key {key.public.id} is {key.public.kind}"
        )
    bundle = SigstoreBundle(dsse.sign(statement.encode(), [key]), hint(key.public))
    if (size := len(bundle.encode())) > MAX_BYTES:
        raise Malformed(
            f"the signature of {len(listed)} files would have {size} bytes; at most {MAX_BYTES} are read"
        )
    return bundle


def files(bundle: SigstoreBundle, key: PublicKey) -> dict[str, str]:
    """Return the files (name to SHA-256 hex) that `key` signed, by the strict profile of `oms.files`."""
    signatures = bundle.envelope.signatures
    if len(signatures) != 1:
        raise Malformed(f"a model signature has one signature, and this one has {len(signatures)}")
    # The reference tool refuses another hint too: no two readers shall disagree about one file.
    if bundle.hint and bundle.hint != hint(key):
        raise Untrusted(
            f"the signature names the key whose PEM hashes to {bundle.hint}, and that of the key {key.id} hashes to"
            f" {hint(key)}"
        )
    if not dsse.verified(bundle.envelope, [key]):
        raise Untrusted(f"the signature was not made with the key {key.id}, or not over this payload")
    return oms.files(Statement.parse(bundle.envelope.payload))


def _material(found: Mapping[str, Json]) -> tuple[str, tuple[bytes, ...]]:
    """Return the hint, or the certificates, of a bundle that has one of them."""
    match [name for name in ("publicKey", "x509CertificateChain", "certificate") if name in found]:
        case ["publicKey"]:
            match found["publicKey"]:
                case {"hint": str(said)}:
                    return said, ()
                # The hint is optional, and was missing before model_signing 1.0.
                case {**rest} if rest.get("hint") is None:
                    return "", ()
        case ["x509CertificateChain"]:
            match found["x509CertificateChain"]:
                case {"certificates": [*chain]} if 1 <= len(chain) <= MAX_CERTIFICATES:
                    return "", _certificates(chain)
        case ["certificate"]:
            raise Malformed(
                "the signature was made without a key of one's own, by Sigstore's certificate authority and log; a key or"
                " a certificate chain is what is read here"
            )
        case _:
            pass
    raise Malformed(
        "the verificationMaterial of a model signature is either a publicKey with a text hint, or an"
        f" x509CertificateChain of 1 to {MAX_CERTIFICATES} certificates"
    )


def _certificates(chain: Sequence[Json]) -> tuple[bytes, ...]:
    found = []
    for one in chain:
        match one:
            case {"rawBytes": str(raw)}:
                found.append(canonical.from_base64(raw))
            case _:
                raise Malformed("a certificate of a chain is an object with rawBytes in base64")
    return tuple(found)
