"""Keys: ECDSA P-256 for people, builders and rebuilders; Ed25519 for logs and witnesses. Nothing else.

A key is named by the SHA-256 of its SubjectPublicKeyInfo in one spelling only: two spellings of a key would be
two voters. P-256 signatures are over SHA-256, DER-encoded and deterministic (RFC 6979), so signing twice is one act.
"""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal, TypeAlias, get_args

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from signing.digest import sha256_hex
from signing.errors import Malformed

Kind: TypeAlias = Literal["ecdsa-p256", "ed25519"]
_Public: TypeAlias = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
_Private: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, repr=False)
class PublicKey:
    """A public key: the DER bytes of its SubjectPublicKeyInfo, in their one canonical spelling."""

    spki: bytes

    def __post_init__(self) -> None:
        """Refuse a second spelling of a key (a compressed point, say), which would count as a second key."""
        if _spki(_load(self.spki)) != self.spki:
            raise Malformed(f"the public key {self.id} is not in canonical DER; read it with PublicKey.parse")

    def __repr__(self) -> str:
        return f"PublicKey({self.kind} {self.id})"

    @classmethod
    def parse(cls, pem_or_der: bytes) -> "PublicKey":
        """Read a public key from PEM or DER."""
        if not pem_or_der.lstrip().startswith(b"-----BEGIN"):
            return cls(_spki(_load(pem_or_der)))
        try:
            key = serialization.load_pem_public_key(pem_or_der)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise Malformed(f"this is not a public key in PEM: {error}") from error
        return cls(_spki(_known(key)))

    @classmethod
    def of_raw(cls, raw: bytes) -> "PublicKey":
        """Return the Ed25519 key with these 32 bytes (RFC 8032), as notes and verifier keys spell it."""
        try:
            return cls(_spki(ed25519.Ed25519PublicKey.from_public_bytes(raw)))
        except ValueError as error:
            raise Malformed(f"these {len(raw)} bytes are no Ed25519 key: {error}") from error

    @cached_property
    def id(self) -> str:
        """SHA-256 of the SubjectPublicKeyInfo, 64 hex digits."""
        return sha256_hex(self.spki)

    @property
    def kind(self) -> Kind:
        """Which algorithm the key signs with."""
        return "ed25519" if isinstance(_load(self.spki), ed25519.Ed25519PublicKey) else "ecdsa-p256"

    @property
    def raw(self) -> bytes:
        """The 32 bytes of an Ed25519 key, the reverse of `of_raw`."""
        key = _load(self.spki)
        if not isinstance(key, ed25519.Ed25519PublicKey):
            raise Malformed(f"the key {self.id} is {self.kind}; notes are signed with ed25519")
        return key.public_bytes_raw()

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Tell whether `signature` over `message` was made with this key."""
        return self.verify_hashed(signature, message, bytes.fromhex(sha256_hex(message)))

    def verify_hashed(self, signature: bytes, message: bytes, hashed: bytes) -> bool:
        """Tell it, given SHA-256 of the message: with many keys and signatures it is hashed once for all of them."""
        key = _load(self.spki)
        try:
            if isinstance(key, ed25519.Ed25519PublicKey):
                key.verify(signature, message)
            else:
                key.verify(signature, hashed, ec.ECDSA(Prehashed(hashes.SHA256())))
        except InvalidSignature:
            return False
        return True

    def pem(self) -> bytes:
        """Return the key as PEM, the form that openssl and `model_signing` read."""
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        return _load(self.spki).public_bytes(serialization.Encoding.PEM, spki)


@dataclass(frozen=True)
class PrivateKey:
    """A private key. Only `pem` gives away the secret; printing one does not."""

    _key: _Private = field(repr=False)

    @classmethod
    def generate(cls, kind: Kind) -> "PrivateKey":
        """Make a new key of this kind."""
        match kind:
            case "ecdsa-p256":
                return cls(ec.generate_private_key(ec.SECP256R1()))
            case "ed25519":
                return cls(ed25519.Ed25519PrivateKey.generate())
            case _:
                raise Malformed(f"no key of kind {kind!r} is made here, only {', '.join(get_args(Kind))}")

    @classmethod
    def parse(cls, pem: bytes, passphrase: bytes | None = None) -> "PrivateKey":
        """Read a private key from PEM, opening it with `passphrase` if it is sealed."""
        try:
            key = serialization.load_pem_private_key(pem, passphrase)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise Malformed(f"this private key does not open: {error}") from error
        if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
            raise Malformed(f"{type(key).__name__}: only {' and '.join(get_args(Kind))} keys are used here")
        _known(key.public_key())
        return cls(key)

    @cached_property
    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey(_spki(self._key.public_key()))

    def sign(self, message: bytes) -> bytes:
        """Sign `message`; the same message always gets the same signature."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message)
        return self._key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))

    def pem(self, passphrase: bytes | None = None) -> bytes:
        """Return the key as PKCS #8 PEM, sealed with `passphrase` if one is given."""
        seal: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase is not None:
            seal = serialization.BestAvailableEncryption(passphrase)
        return self._key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, seal)


# Verification meets the same few keys over and over, and loading one costs as much as using it.
@lru_cache(maxsize=1024)
def _load(der: bytes) -> _Public:
    try:
        return _known(serialization.load_der_public_key(der))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Malformed(f"this is not a public key in DER: {error}") from error


def _known(key: object) -> _Public:
    """Refuse every kind of key but two, by name."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Malformed(f"{type(key).__name__}: only {' and '.join(get_args(Kind))} keys are used here")
    if not isinstance(key.curve, ec.SECP256R1):
        raise Malformed(f"a key on the curve {key.curve.name}: only P-256 (secp256r1) is used here")
    return key


def _spki(key: _Public) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
