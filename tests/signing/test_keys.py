import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.errors import Malformed
from signing.keys import PrivateKey, PublicKey

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


def pkcs8(key) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.fixture(scope="module", params=["ecdsa-p256", "ed25519"])
def key(request) -> PrivateKey:
    return PrivateKey.generate(request.param)


def test_p256_signs_as_in_rfc_6979_a_2_5():
    secret = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    r = 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
    s = 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8
    key = PrivateKey.parse(pkcs8(ec.derive_private_key(secret, ec.SECP256R1())))
    assert key.sign(b"sample") == encode_dss_signature(r, s)


def test_ed25519_signs_as_in_rfc_8032_7_1():
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = PrivateKey.parse(pkcs8(ed25519.Ed25519PrivateKey.from_private_bytes(seed)))
    assert key.public.raw.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert key.sign(b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )


@settings(max_examples=30, deadline=None)
@given(message=st.binary(max_size=100), other=st.binary(max_size=100), bit=st.integers(0, 400))
def test_a_signature_holds_for_its_message_and_key_alone(key, message, other, bit):
    signature = key.sign(message)
    assert signature == key.sign(message)
    assert key.public.verify(signature, message)
    assert key.public.verify(signature, other) == (message == other)
    bent = bytearray(signature)
    bent[bit // 8 % len(bent)] ^= 1 << bit % 8
    assert not key.public.verify(bytes(bent), message)
    assert not key.public.verify(b"", message)


def test_keys_are_read_back(key):
    public = key.public
    assert PublicKey.parse(public.pem()) == public == PublicKey.parse(public.spki)
    assert PublicKey.parse(b"\n" + public.pem()).id == public.id
    again = PrivateKey.parse(key.pem())
    assert again.public == public
    assert again.sign(b"x") == key.sign(b"x")


def test_a_sealed_key_opens_with_its_passphrase_alone(key):
    sealed = key.pem(b"secret")
    assert PrivateKey.parse(sealed, b"secret").public == key.public
    for passphrase in (None, b"wrong"):
        with pytest.raises(Malformed, match="does not open"):
            PrivateKey.parse(sealed, passphrase)
    with pytest.raises(Malformed, match="does not open"):
        PrivateKey.parse(b"-----BEGIN PRIVATE KEY-----")


def test_a_printed_key_gives_nothing_away(key):
    assert repr(key) == "PrivateKey()"
    assert repr(key.public) == f"PublicKey({key.public.kind} {key.public.id})"


def test_the_kind_is_named():
    assert PrivateKey.generate("ecdsa-p256").public.kind == "ecdsa-p256"
    assert PrivateKey.generate("ed25519").public.kind == "ed25519"
    with pytest.raises(Malformed, match="no key of kind 'rsa'"):
        PrivateKey.generate("rsa")


def test_a_raw_key_is_an_ed25519_key(publisher, log_key):
    assert PublicKey.of_raw(log_key.public.raw) == log_key.public
    with pytest.raises(Malformed, match="notes are signed with ed25519"):
        _ = publisher.public.raw
    with pytest.raises(Malformed, match="these 31 bytes"):
        PublicKey.of_raw(b"x" * 31)


def test_t10_a_second_spelling_of_a_key_is_no_second_key(publisher):
    loaded = serialization.load_der_public_key(publisher.public.spki)
    point = loaded.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    head = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    compressed = head + point
    assert PublicKey.parse(compressed) == publisher.public
    with pytest.raises(Malformed, match="not in canonical DER"):
        PublicKey(compressed)


@pytest.mark.parametrize(
    ("foreign", "name"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "secp384r1"),
        (ec.generate_private_key(ec.SECP256K1()), "secp256k1"),
        (rsa.generate_private_key(65537, 2048), "RSA"),
    ],
)
def test_other_kinds_of_keys_are_refused_by_name(foreign, name):
    public = foreign.public_key()
    for encoding in (PEM, DER):
        with pytest.raises(Malformed, match=name):
            PublicKey.parse(public.public_bytes(encoding, SPKI))
    with pytest.raises(Malformed, match=name):
        PrivateKey.parse(pkcs8(foreign))


@pytest.mark.parametrize(
    "raw", [b"", b"\x30\x00", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"]
)
def test_what_is_no_key_is_refused(raw):
    with pytest.raises(Malformed, match="not a public key"):
        PublicKey.parse(raw)
