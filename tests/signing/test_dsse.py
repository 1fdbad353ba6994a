import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from signing import canonical, dsse
from signing.dsse import IN_TOTO, Envelope, Signature
from signing.errors import Malformed
from signing.keys import PrivateKey, PublicKey


def key_of(key) -> PrivateKey:
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return PrivateKey.parse(secret)


# The example of DSSE's protocol.md, "Test Vectors". Its signature is r and s side by side; ours is their DER.
HELLO = "http://example.com/HelloWorld"
HELLO_D = 97358161215184420915383655311931858321456579547487070936769975997791359926199
HELLO_X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
HELLO_Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
HELLO_SIG = base64.b64decode(
    "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
)

# DSSE's testvectors/vectors.json: type, payload, signers and signatures by the keys of RFC 8032, 7.1, TEST 1 and
# TEST 2, then the trusted keys that must be found to have signed.
A = PublicKey.of_raw(bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))
B = PublicKey.of_raw(bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"))
STATEMENT = "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ=="
BY_A = "2WAfaHm5jluo0w+0rk8uVkluELJYWjSmU9x7EUzx+AyteDGJ4/nqyJXfmAUVFIAoQafWm7AxBZNw5M9ixNHiCA=="
BY_B = "c1+67/aT0yqEpwx8PsVY3MLHsj9D0CZ014/Fv/QlG59P+9CobUZ7xECJ/V3USG0Ob9CiE5LjReEZUzNF2l7eBw=="
URLSAFE = "P-_KHICeR7tI6S_YyejJTRtrXhcQyQ2LYPaL8h90KjC9qN8HU_svOQ6TuDOT1HIrsGW886DbWNWcCmX5twLrAw=="
UMLAUT = "xmSk/ug66ysT7ayhkCIjhAq42zgZXSsEWuzUaNL7w2eGAdF/NU6/fRXPtmfN+5DNSAs5/i2lUnHjbbjPsu0tAw=="
NOTHING = "gSggCAaTLTYyRH6FIDBem6meyIynsYy8RTHVzwx9tnTb7Bg/1jMWnuVgI/gffqmbsC2VX5/jHfkkDqsj7CDbDg=="
VECTORS = {
    "single-signature": (IN_TOTO, STATEMENT, [("A", BY_A)], {A}),
    "url-safe-base64": (IN_TOTO, "-_-_Pj8=", [("A", URLSAFE)], {A}),
    "payload-type-swapped": ("application/vnd.example.other+json", STATEMENT, [("A", BY_A)], set()),
    "non-ascii-payload-type": ("application/vnd.exämple+json", STATEMENT, [("A", UMLAUT)], {A}),
    "empty-payload": (IN_TOTO, "", [("A", NOTHING)], {A}),
    "threshold-two-distinct-keys": (IN_TOTO, STATEMENT, [("A", BY_A), ("B", BY_B)], {A, B}),
    "threshold-two-one-key-twice": (IN_TOTO, STATEMENT, [("A", BY_A), ("A", BY_A)], {A}),
    "threshold-two-without-keyids": (IN_TOTO, STATEMENT, [(None, BY_A), (None, BY_B)], {A, B}),
}


def raw(payload_type, payload, signatures) -> bytes:
    return canonical.encode({"payloadType": payload_type, "payload": payload, "signatures": signatures})


def test_the_published_vector_byte_for_byte():
    key = key_of(ec.derive_private_key(HELLO_D, ec.SECP256R1()))
    numbers = serialization.load_der_public_key(key.public.spki).public_numbers()
    assert (numbers.x, numbers.y) == (HELLO_X, HELLO_Y)
    assert dsse.pae(HELLO, b"hello world") == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"

    envelope = dsse.sign(b"hello world", [key], HELLO)

    r, s = decode_dss_signature(envelope.signatures[0].sig)
    assert r.to_bytes(32, "big") + s.to_bytes(32, "big") == HELLO_SIG
    der = encode_dss_signature(int.from_bytes(HELLO_SIG[:32], "big"), int.from_bytes(HELLO_SIG[32:], "big"))
    received = raw(HELLO, "aGVsbG8gd29ybGQ=", [{"sig": base64.b64encode(der).decode()}])
    assert dsse.verified(Envelope.parse(received), [key.public], HELLO) == {key.public}


@pytest.mark.parametrize("name", VECTORS)
def test_the_vectors_of_the_specification(name):
    kind, payload, signatures, signed = VECTORS[name]
    sigs = [{"sig": sig} | ({"keyid": keyid} if keyid else {}) for keyid, sig in signatures]
    assert dsse.verified(Envelope.parse(raw(kind, payload, sigs)), [A, B], kind) == signed


def test_the_vector_with_an_empty_type_is_refused():
    sig = "iC3q/+3Rm0+lpAJRueDmDh15PnwCfxKmS0NAfKsbv+zgulXQC/WM9trc+j1XEqlwDIg/vf/uNfebeD6sxInrDg=="
    with pytest.raises(Malformed, match="payloadType"):
        Envelope.parse(raw("", STATEMENT, [{"sig": sig}]))


def test_the_lengths_count_bytes():
    assert dsse.pae("ä", "é".encode()) == b"DSSEv1 2 \xc3\xa4 2 \xc3\xa9"
    assert dsse.pae("", b"") == b"DSSEv1 0  0 "


@settings(max_examples=30, deadline=None)
@given(
    payload=st.binary(max_size=60),
    kind=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9),
)
def test_what_is_signed_is_read_back_and_verified(publisher, second, payload, kind):
    envelope = dsse.sign(payload, [publisher, second], kind)
    again = Envelope.parse(envelope.encode())
    assert again == envelope
    assert again.entry == envelope.entry
    assert dsse.verified(again, [second.public, publisher.public], kind) == {publisher.public, second.public}


def test_t10_key_ids_decide_nothing(publisher, second, log_key):
    good = dsse.sign(b"{}", [publisher]).signatures[0].sig
    hints = ("", publisher.public.id, second.public.id, "no such key")
    envelope = Envelope(IN_TOTO, b"{}", tuple(Signature(good, hint) for hint in hints))
    assert dsse.verified(envelope, [second.public, publisher.public, publisher.public]) == {publisher.public}
    assert dsse.verified(envelope, [second.public, log_key.public]) == frozenset()
    assert dsse.verified(envelope, []) == frozenset()


def test_t25_wrapped_and_signed_again_it_is_the_same_entry(publisher, second):
    one = dsse.sign(b'{"a":"?>"}', [publisher])
    other = Envelope.parse(
        raw(
            IN_TOTO,
            base64.urlsafe_b64encode(one.payload).decode(),
            [{"sig": "AAAA", "keyid": None, "cert": "x"}],
        )
    )
    assert one.entry == other.entry == dsse.sign(one.payload, [second]).entry
    assert one.entry != dsse.sign(one.payload, [publisher], "text/plain").entry


def test_a_payload_is_read_as_what_was_signed_alone(publisher):
    envelope = dsse.sign(b"{}", [publisher], "application/json")
    with pytest.raises(Malformed, match="'application/json', where"):
        dsse.verified(envelope, [publisher.public])


@pytest.mark.parametrize(
    "envelope",
    [
        [],
        {"payload": "", "payloadType": "t"},
        {"payload": 1, "payloadType": "t", "signatures": []},
        {"payload": "", "payloadType": "t", "signatures": "AAAA"},
    ],
)
def test_what_is_no_envelope_is_refused(envelope):
    with pytest.raises(Malformed, match="payload, payloadType and signatures"):
        Envelope.parse(canonical.encode(envelope))


@pytest.mark.parametrize("signature", ["AAAA", {}, {"sig": 1}, {"sig": "AAAA", "keyid": 1}])
def test_what_is_no_signature_is_refused(signature):
    with pytest.raises(Malformed, match="text sig"):
        Envelope.parse(raw("t", "", [signature]))


@pytest.mark.parametrize("count", [0, 65])
def test_an_envelope_has_1_to_64_signatures(count):
    with pytest.raises(Malformed, match=f"1 to 64 signatures, not {count}"):
        Envelope.parse(raw("t", "", [{"sig": "AAAA"}] * count))
    assert len(Envelope.parse(raw("t", "", [{"sig": "AAAA"}] * 64)).signatures) == 64


def test_an_envelope_has_at_most_16_mib():
    with pytest.raises(Malformed, match="16777217 bytes"):
        Envelope.parse(b" " * (2**24 + 1))


def test_a_payload_is_base64():
    with pytest.raises(Malformed, match="not base64"):
        Envelope.parse(raw("t", "a", [{"sig": "AAAA"}]))


def test_an_ed25519_key_signs_envelopes_too():
    key = key_of(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)))
    assert dsse.verified(dsse.sign(b"{}", [key]), [key.public]) == {key.public}
