"""Certificates: whose key signed, by the word of a root that the reader chose (RFC 5280, code signing).

The path is built and judged by `cryptography.x509.verification`, which checks signatures, periods, basic constraints, path
lengths, name constraints and algorithms; here stands only which extensions a code-signing path has. Revocation is not asked.
A model signature carries no trusted time, so a path is judged at the time that the caller gives, not at the time of signing:
an expired certificate proves nothing any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from signing.errors import Malformed, Refused, Untrusted
from signing.keys import PublicKey

# The library reads a part of a certificate when it is asked for, so what is broken may show anywhere.
_UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class Certified:
    """`key` is that of `subject`, also called `names`, by the word of `root`, judged at `time` (unix seconds)."""

    key: PublicKey
    subject: str
    names: tuple[str, ...]
    root: str
    start: int
    end: int
    time: int


def certified(chain: Sequence[bytes], given: bytes, time: int) -> Certified:
    """Return whose key the first certificate of `chain` (DER) is, if a path leads to a root in `given` (PEM) at `time`.

    Of `given`, what is issued by itself is a root; the rest may stand in the middle, like the rest of `chain`.
    """
    if not chain:
        raise Untrusted("the signature carries no certificate; it names a key, so check it with that key")
    try:
        leaf, *others = (x509.load_der_x509_certificate(one) for one in chain)
        return _judged(leaf, others, _pems(given), time)
    except Refused:
        raise
    except _UNREADABLE as error:
        raise Malformed(
            f"a certificate of the signature, or of those given, cannot be read: {error}"
        ) from error


def _judged(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], known: Sequence[x509.Certificate], time: int
) -> Certified:
    roots = [one for one in known if one.issuer == one.subject]
    if not roots:
        listed = ", ".join(_name(one) for one in known)
        raise Malformed(f"none of the given certificates is a root, issued by itself: {listed}")
    builder = PolicyBuilder().store(Store(roots)).time(datetime.fromtimestamp(time, UTC))
    verifier = builder.extension_policies(ca_policy=_issuers(), ee_policy=_signers()).build_client_verifier()
    start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    try:
        path = verifier.verify(leaf, [*others, *known]).chain
    except VerificationError as error:
        raise Untrusted(
            f"the certificate of {_name(leaf)}, good from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, is not one for"
            f" signing code under {', '.join(map(_name, roots))} at {datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC:"
            f" {error}"
        ) from error
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    key = PublicKey.parse(leaf.public_key().public_bytes(serialization.Encoding.DER, spki))
    period = int(start.timestamp()), int(end.timestamp())
    return Certified(key, _name(leaf), _also(leaf), _name(path[-1]), *period, time)


def _signers() -> ExtensionPolicy:
    """Return which extensions a signer's certificate has: it is for signing code, and is no authority."""
    return (
        ExtensionPolicy.webpki_defaults_ee()
        .require_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _signs_code)
        .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _signs_data)
        # A TLS certificate needs both, since its names are its host's; a signer may be named by its subject alone.
        .may_be_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
        .may_be_present(x509.AuthorityKeyIdentifier, Criticality.NON_CRITICAL, None)
    )


def _issuers() -> ExtensionPolicy:
    """Return which extensions the certificates above have."""
    return (
        ExtensionPolicy.webpki_defaults_ca()
        .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _issues_for_code)
        # Without a key usage, every use is allowed (RFC 5280, 6.1.4 n): `openssl req -x509` makes such roots.
        .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _signs_certificates)
    )


def _signs_code(_: Policy, certificate: x509.Certificate, usage: x509.ExtendedKeyUsage) -> None:
    if ExtendedKeyUsageOID.CODE_SIGNING not in usage:
        raise ValueError(f"{_name(certificate)} is for {_uses(usage)}, not for signing code")


def _signs_data(_: Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.digital_signature:
        raise ValueError(f"{_name(certificate)} is not for digital signatures")


def _issues_for_code(_: Policy, certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    allowed = {ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if usage is not None and allowed.isdisjoint(usage):
        raise ValueError(f"{_name(certificate)} issues for {_uses(usage)}, not for signing code")


def _signs_certificates(_: Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError(f"{_name(certificate)} is not for signing certificates")


def _uses(usage: x509.ExtendedKeyUsage) -> str:
    return ", ".join(one.dotted_string for one in usage)


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"serial number {certificate.serial_number}"


def _also(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the addresses and names that stand beside the subject."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    kinds = (x509.RFC822Name, x509.UniformResourceIdentifier, x509.DNSName)
    return tuple(one for kind in kinds for one in names.get_values_for_type(kind))


def _pems(raw: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(raw)
    except ValueError as error:
        raise Malformed(f"the certificates given, {len(raw)} bytes, are not in PEM: {error}") from error
