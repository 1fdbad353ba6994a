"""Certificates: each way of not being a code-signing path to a chosen root, at one time, is refused by name."""

import pytest
from certificates import CODE, TLS, Holder, day, issue, root, signer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from signing.certificate import Certified, certified
from signing.errors import Malformed, Refused, Untrusted
from signing.keys import PublicKey

ROOT = root()
MIDDLE = issue("middle", ROOT, authority=True)
ANN = signer(MIDDLE)
ANY = x509.ObjectIdentifier("2.5.29.37.0")


def judged(*chain: Holder, given=(ROOT,), time: int = day(5)) -> Certified:
    return certified([one.der for one in chain], b"".join(one.pem for one in given), time)


def test_a_signer_under_the_root_is_named_with_the_time_of_judging():
    found = judged(ANN, MIDDLE)
    assert found == Certified(ANN.key.public, "CN=ann", (), "CN=root", day(0), day(3650), day(5))


def test_the_names_beside_the_subject_are_told():
    names = [
        x509.RFC822Name("ann@kennel.example"),
        x509.UniformResourceIdentifier("https://kennel.example/ann"),
        x509.DNSName("kennel.example"),
    ]
    assert judged(signer(MIDDLE, names=names), MIDDLE).names == (
        "ann@kennel.example", "https://kennel.example/ann", "kennel.example",
    )  # fmt: skip


HOLDS = {
    "directly under the root": ([signer(ROOT)], [ROOT]),
    "the root in the bundle too": ([ANN, MIDDLE, ROOT], [ROOT]),
    "what stands between, given by the reader": ([ANN], [ROOT, MIDDLE]),
    "another root beside": ([ANN, MIDDLE], [root("other"), ROOT]),
    "a root of openssl, without a key usage": ([signer(r := root(usage=[]))], [r]),
    "a signer without a key usage": ([signer(ROOT, usage=[])], [ROOT]),
    "an authority for code alone": (
        [signer(m := issue("middle", ROOT, authority=True, extended=[CODE])), m], [ROOT],
    ),
    "an authority for anything": (
        [signer(m := issue("middle", ROOT, authority=True, extended=[ANY])), m], [ROOT],
    ),
    "an authority on another curve": (
        [signer(m := issue("middle", ROOT, authority=True, key=ec.generate_private_key(ec.SECP384R1()))), m],
        [ROOT],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HOLDS)
def test_a_path_that_leads_to_the_root_holds(case):
    chain, given = HOLDS[case]
    assert judged(*chain, given=given).subject == "CN=ann"


TWIN = root()
SELF = issue("ann", extended=[CODE])
FAILS = {
    "expired": ([signer(MIDDLE, days=(0, 4)), MIDDLE], "good from 2026-01-01 00:00 to 2026-01-05 00:00 UTC.*not valid"),
    "not good yet": ([signer(MIDDLE, days=(6, 9)), MIDDLE], "good from 2026-01-07.*not valid at validation time"),
    "an authority expired": (
        [signer(m := issue("middle", ROOT, authority=True, days=(0, 4))), m], "not valid at validation time",
    ),
    "for TLS": ([signer(ROOT, extended=[TLS])], r"CN=ann is for 1\.3\.6\.1\.5\.5\.7\.3\.1, not for signing code"),
    "for anything": ([signer(ROOT, extended=[ANY])], r"CN=ann is for 2\.5\.29\.37\.0, not for signing code"),
    "for nothing that is said": ([signer(ROOT, extended=[])], r"2\.5\.29\.37: Certificate is missing required"),
    "an authority itself": (
        [issue("ann", ROOT, authority=True, extended=[CODE], usage=["digital_signature"])], "cA must not be asserted",
    ),
    "not for signatures": ([signer(ROOT, usage=["key_agreement"])], "CN=ann is not for digital signatures"),
    "by no authority": (
        [signer(m := issue("middle", ROOT, usage=["key_cert_sign"])), m], "missing required extension: CA cert",
    ),
    "by an authority for TLS": (
        [signer(m := issue("middle", ROOT, authority=True, extended=[TLS])), m], "CN=middle issues for .*, not for signing",
    ),
    "by an authority that may not": (
        [signer(m := issue("middle", ROOT, authority=True, usage=["crl_sign"])), m], "CN=middle is not for signing cert",
    ),
    "too deep": (
        [signer(n := issue("lower", m := issue("middle", ROOT, authority=True, length=0), authority=True)), n, m],
        "path length",
    ),
    "a gap": ([ANN], "candidates exhausted"),
    "another root of that name": ([signer(TWIN)], "signature does not match"),
    "a root of its own in the bundle": ([signer(TWIN), TWIN], "signature does not match"),
    "signed by itself": ([SELF], "candidates exhausted"),
    "a name outside what its authority may name": (
        [
            signer(
                m := issue("middle", ROOT, authority=True, permitted=[x509.RFC822Name("kennel.example")]),
                names=[x509.RFC822Name("ann@elsewhere.example")],
            ),
            m,
        ],
        "name constraint",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILS)
def test_what_does_not_lead_to_the_root_is_refused(case):
    chain, sentence = FAILS[case]
    with pytest.raises(Untrusted, match=sentence) as refused:
        judged(*chain)
    said = str(refused.value)
    assert "the certificate of CN=ann" in said
    assert "under CN=root at 2026-01-06 00:00 UTC" in said


def test_the_same_path_is_refused_once_it_has_expired():
    ann = signer(ROOT, days=(0, 10))
    assert judged(ann, time=day(10)).end == day(10)
    with pytest.raises(Untrusted, match="not valid at validation time"):
        judged(ann, time=day(10) + 1)


def test_a_root_that_expired_proves_nothing():
    old = root(days=(0, 3))
    with pytest.raises(Untrusted, match="not valid at validation time"):
        judged(signer(old), given=[old])


def test_a_key_of_another_kind_is_refused():
    ann = signer(ROOT, key=ec.generate_private_key(ec.SECP384R1()))
    with pytest.raises(Malformed, match="on the curve secp384r1: only P-256"):
        judged(ann)


def test_what_is_given_has_a_root_in_it():
    with pytest.raises(
        Malformed, match="none of the given certificates is a root, issued by itself: CN=middle"
    ):
        judged(ANN, MIDDLE, given=[MIDDLE])
    with pytest.raises(Malformed, match="the certificates given, 0 bytes, are not in PEM"):
        judged(ANN, MIDDLE, given=[])


def test_a_signature_without_certificates_is_none_of_a_certificate():
    with pytest.raises(Untrusted, match="carries no certificate"):
        judged()


def test_what_is_no_certificate_is_refused():
    with pytest.raises(Malformed, match="cannot be read"):
        certified([b"certificate"], ROOT.pem, day(5))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_law_a_changed_certificate_is_refused_in_words(data):
    raw = bytearray(ANN.der)
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    # How many bits of its last byte a signature leaves unused is not signed, and changes nothing that is said.
    unused = len(raw) - len(x509.load_der_x509_certificate(ANN.der).signature) - 1
    assume(at != unused)
    with pytest.raises(Refused):
        certified([bytes(raw), MIDDLE.der], ROOT.pem, day(5))


def test_the_key_is_read_as_every_other_is():
    assert judged(ANN, MIDDLE).key == PublicKey.parse(ANN.key.public.pem())
