"""Signature files: whatever verifies lists the files that were signed, by key and by certificate."""

from fuzz.pinned import FILES, PUBLISHER, THEIR_FILES, THEIR_ROOT, TIME
from fuzz.words import JSON, members, texts

from signing import sigstore
from signing.certificate import certified
from signing.sigstore import MEDIA_TYPE, SigstoreBundle

MINUTES, LONGEST = 3, 65536
WORDS = (
    *members(
        "mediaType verificationMaterial dsseEnvelope publicKey hint tlogEntries x509CertificateChain certificates"
    ),
    *members("certificate rawBytes payload payloadType signatures sig keyid"),
    *texts([MEDIA_TYPE]),
    *JSON,
)


def read(data: bytes) -> None:
    found = SigstoreBundle.parse(data)
    assert SigstoreBundle.parse(found.encode()) == found
    if found.certificates:
        signer = certified(found.certificates, THEIR_ROOT, TIME)
        assert sigstore.files(found, signer.key) == THEIR_FILES
    else:
        assert sigstore.files(found, PUBLISHER) == FILES
