"""Certificates for tests: a root, what it issues, and bundles that are signed with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signing.keys import PrivateKey

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
CODE = ExtendedKeyUsageOID.CODE_SIGNING
TLS = ExtendedKeyUsageOID.SERVER_AUTH
_USES = [
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
]


@dataclass(frozen=True)
class Holder:
    """Somebody with a certificate, who may issue others."""

    name: str
    key: PrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def day(number: int) -> int:
    """Return unix seconds, some days after the beginning."""
    return int((BEGINNING + timedelta(days=number)).timestamp())


def issue(
    name: str,
    by: Holder | None = None,
    *,
    key: PrivateKey | ec.EllipticCurvePrivateKey | None = None,
    authority: bool = False,
    length: int | None = None,
    extended: Sequence[x509.ObjectIdentifier] = (),
    usage: Sequence[str] | None = None,
    names: Sequence[x509.GeneralName] = (),
    days: tuple[int, int] = (0, 3650),
    permitted: Sequence[x509.GeneralName] = (),
) -> Holder:
    """Return a certificate for `name`, issued by itself if by nobody else."""
    key = key or PrivateKey.generate("ecdsa-p256")
    own = _loaded(key)
    usage = usage if usage is not None else ["key_cert_sign" if authority else "digital_signature"]
    builder = x509.CertificateBuilder(
        _name(by.name if by else name), _name(name), own.public_key(), x509.random_serial_number(),
        BEGINNING + timedelta(days[0]), BEGINNING + timedelta(days[1]),
    )  # fmt: skip
    if authority:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=length), critical=True)
    if usage:
        said = x509.KeyUsage(**{use: use in usage for use in _USES})
        builder = builder.add_extension(said, critical=True)
    if extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if permitted:
        builder = builder.add_extension(x509.NameConstraints(permitted, None), critical=True)
    signer = _loaded(by.key) if by else own
    return Holder(name, key, builder.sign(signer, hashes.SHA256()))


def root(name: str = "root", **how) -> Holder:
    return issue(name, authority=True, **how)


def signer(by: Holder, **how) -> Holder:
    """Return a code-signing certificate, or one that differs as said."""
    return issue("ann", by, **({"extended": [CODE]} | how))


def _loaded(key: PrivateKey | ec.EllipticCurvePrivateKey) -> ec.EllipticCurvePrivateKey:
    if isinstance(key, PrivateKey):
        found = load_pem_private_key(key.pem(), None)
        assert isinstance(found, ec.EllipticCurvePrivateKey)
        return found
    return key


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
