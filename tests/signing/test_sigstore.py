"""`model.sig`: what `model_signing` wrote is read, what we write is read back, and no change of it passes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing import canonical, dsse, oms, sigstore
from signing.certificate import certified
from signing.digest import IGNORED, sha256_hex
from signing.errors import Malformed, Refused, Untrusted
from signing.keys import PrivateKey, PublicKey
from signing.sigstore import SigstoreBundle
from signing.statement import Statement, Subject

A, B = sha256_hex(b"a"), sha256_hex(b"b")
# Written by `model_signing` 1.1.1, `sign key` and `sign certificate`, over the same three files.
WRITTEN = Path(__file__).parent / "model_signing"
THEIRS = {"a-b/x": sha256_hex(b"two"), "a/x": sha256_hex(b"one"), "é.txt": sha256_hex(b"drei")}
KEY = PrivateKey.generate("ecdsa-p256")
OTHER = PrivateKey.generate("ecdsa-p256")

NAMES = st.lists(
    st.text(st.sampled_from("abcxyz0-_é漢 "), min_size=1, max_size=8).map(lambda part: f"f{part}e"),
    min_size=1,
    max_size=3,
).map("/".join)
FILES = st.dictionaries(NAMES, st.binary(max_size=4).map(sha256_hex), min_size=1, max_size=6).filter(
    lambda files: not any(a != b and b.startswith(f"{a}/") for a in files for b in files)
)


def signed(statement: Statement, key: PrivateKey = KEY) -> SigstoreBundle:
    """Return what a signer writes who checks nothing first."""
    return SigstoreBundle(dsse.sign(statement.encode(), [key]), sigstore.hint(key.public))


def test_a_signature_that_model_signing_wrote_with_a_key_is_read():
    found = SigstoreBundle.parse((WRITTEN / "key.sig").read_bytes())
    key = PublicKey.parse((WRITTEN / "key.pem").read_bytes())
    assert found.hint == sigstore.hint(key)
    assert found.certificates == ()
    assert sigstore.files(found, key) == THEIRS


def test_a_signature_that_model_signing_wrote_with_a_certificate_is_read():
    found = SigstoreBundle.parse((WRITTEN / "certificate.sig").read_bytes())
    signer = certified(found.certificates, (WRITTEN / "root.pem").read_bytes(), 1_800_000_000)
    assert (signer.subject, signer.names, signer.root) == (
        "CN=Ann",
        ("ann@kennel.example",),
        "CN=Kennel Root",
    )
    assert len(found.certificates) == 3
    assert sigstore.files(found, signer.key) == THEIRS


def test_a_bundle_is_written_as_model_signing_reads_it():
    bundle = sigstore.sign(oms.statement("m", {"a": A}), KEY)
    value = canonical.decode(bundle.encode())
    assert value["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert value["verificationMaterial"] == {
        "publicKey": {"hint": sha256_hex(KEY.public.pem())},
        "tlogEntries": [],
    }
    assert dsse.Envelope.of(value["dsseEnvelope"]) == bundle.envelope
    assert b"\n" not in bundle.encode()


def test_the_envelope_is_the_one_that_a_log_holds():
    statement = oms.statement("m", {"a": A})
    assert sigstore.sign(statement, KEY).envelope.encode() == dsse.sign(statement.encode(), [KEY]).encode()


@given(FILES)
@settings(max_examples=40, deadline=None)
def test_law_what_is_signed_is_read_back(files):
    bundle = sigstore.sign(oms.statement("m", files), KEY)
    again = SigstoreBundle.parse(bundle.encode())
    assert again == bundle
    assert sigstore.files(again, KEY.public) == files


@given(FILES, st.data())
@settings(max_examples=60, deadline=None)
def test_law_a_changed_payload_is_refused(files, data):
    bundle = sigstore.sign(oms.statement("m", files), KEY)
    payload = bytearray(bundle.envelope.payload)
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at] ^= data.draw(st.integers(1, 255))
    changed = replace(bundle, envelope=replace(bundle.envelope, payload=bytes(payload)))
    with pytest.raises(Untrusted, match="was not made with the key"):
        sigstore.files(SigstoreBundle.parse(changed.encode()), KEY.public)


@given(FILES, st.data())
@settings(max_examples=60, deadline=None)
def test_law_a_changed_signature_is_refused(files, data):
    bundle = sigstore.sign(oms.statement("m", files), KEY)
    (one,) = bundle.envelope.signatures
    sig = bytearray(one.sig)
    at = data.draw(st.integers(0, len(sig) - 1))
    sig[at] ^= data.draw(st.integers(1, 255))
    changed = replace(bundle.envelope, signatures=(replace(one, sig=bytes(sig)),))
    with pytest.raises(Untrusted, match="was not made with the key"):
        sigstore.files(replace(bundle, envelope=changed), KEY.public)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_law_no_changed_byte_of_the_file_adds_a_file(data):
    """What is not signed may be spelled otherwise; whatever still passes says what was signed."""
    raw = bytearray(sigstore.sign(oms.statement("m", {"a": A, "b": B}), KEY).encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        found = sigstore.files(SigstoreBundle.parse(bytes(raw)), KEY.public)
    except Refused:
        return
    assert found == {"a": A, "b": B}


WIDENINGS = st.sampled_from(
    [
        ("ignore_paths", ["."]),
        ("ignore_paths", ["b"]),
        ("ignore_paths", [*IGNORED, "weights"]),
        ("ignore_paths", ["model.sig/.."]),
        ("ignore_paths", [".git/.."]),
        ("ignore_paths", "."),
        ("allow_symlinks", True),
        ("method", "shards"),
        ("hash_type", "blake3"),
        ("shard_size", 1),
        ("follow", True),
    ]
)


@given(FILES, WIDENINGS)
@settings(max_examples=60, deadline=None)
def test_t2_law_no_widening_passes_whoever_signed_it(files, widening):
    name, value = widening
    honest = oms.statement("m", files)
    serialization = {**honest.predicate["serialization"], name: value}
    wide = replace(honest, predicate={**honest.predicate, "serialization": serialization})
    with pytest.raises(Malformed, match=r"may ignore only|the serialization of a model signature"):
        sigstore.files(signed(wide), KEY.public)


@given(FILES, st.data())
@settings(max_examples=60, deadline=None)
def test_t2_law_a_list_that_is_not_sorted_once_each_is_refused(files, data):
    honest = oms.statement("m", files)
    listed = list(honest.predicate["resources"])
    wrong = data.draw(
        st.permutations(listed).map(list) | st.sampled_from(listed).map(lambda one: [*listed, one])
    )
    names = [one["name"] for one in wrong]
    changed = replace(honest, predicate={**honest.predicate, "resources": wrong})
    orders = (sorted(set(names)), sorted(set(names), key=lambda name: name.split("/")))
    if names in orders:
        assert set(oms.files(replace(changed, subjects=(Subject("m", _root(wrong)),)))) == set(files)
        return
    with pytest.raises(Malformed, match="sorted by name, each once"):
        sigstore.files(signed(changed), KEY.public)


def _root(resources) -> str:
    return sha256_hex(b"".join(bytes.fromhex(one["digest"]) for one in resources))


def universal() -> Statement:
    """Return what the reference tool accepts for any folder whatever."""
    how = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": ["."]}
    return Statement((Subject("m", sha256_hex(b"")),), oms.URI, {"serialization": how, "resources": []})


def test_t2_the_signature_of_every_folder_is_refused():
    with pytest.raises(Malformed, match=r"may ignore only model\.sig, .*, not \['\.'\]"):
        sigstore.files(signed(universal()), KEY.public)
    with pytest.raises(Malformed):
        sigstore.sign(universal(), KEY)


def test_t10_a_second_signature_is_no_second_opinion():
    statement = oms.statement("m", {"a": A})
    both = SigstoreBundle(dsse.sign(statement.encode(), [KEY, OTHER]))
    for key in (KEY.public, OTHER.public):
        with pytest.raises(Malformed, match="has one signature, and this one has 2"):
            sigstore.files(both, key)


def test_another_key_did_not_sign():
    bundle = sigstore.sign(oms.statement("m", {"a": A}), KEY)
    with pytest.raises(
        Untrusted, match=f"hashes to {sigstore.hint(KEY.public)}, and that of the key {OTHER.public.id}"
    ):
        sigstore.files(bundle, OTHER.public)
    with pytest.raises(Untrusted, match=f"was not made with the key {OTHER.public.id}"):
        sigstore.files(replace(bundle, hint=""), OTHER.public)


def test_a_hint_that_is_wrong_is_refused_as_the_reference_tool_does():
    bundle = replace(sigstore.sign(oms.statement("m", {"a": A}), KEY), hint=sigstore.hint(OTHER.public))
    with pytest.raises(Untrusted, match="the signature names the key"):
        sigstore.files(bundle, KEY.public)


def test_another_kind_of_payload_is_refused():
    statement = oms.statement("m", {"a": A})
    envelope = dsse.sign(statement.encode(), [KEY], "application/json")
    with pytest.raises(Malformed, match=r"holds 'application/json', where 'application/vnd\.in-toto"):
        sigstore.files(SigstoreBundle(envelope), KEY.public)


def test_another_kind_of_statement_is_refused():
    with pytest.raises(Malformed, match="is no model signature"):
        sigstore.files(
            signed(Statement((Subject("m", A),), "https://slsa.dev/provenance/v1", {})), KEY.public
        )


def test_a_log_key_signs_no_model():
    with pytest.raises(Malformed, match=r"is signed with ecdsa-p256, and the key .* is ed25519"):
        sigstore.sign(oms.statement("m", {"a": A}), PrivateKey.generate("ed25519"))


def test_what_is_too_large_to_be_read_is_not_signed():
    many = oms.statement("m", {f"part-{n}.bin": A for n in range(110_000)})
    with pytest.raises(Malformed, match=r"the signature of 110000 files would have [0-9]+ bytes"):
        sigstore.sign(many, KEY)


def changed(**material) -> bytes:
    value = json.loads(sigstore.sign(oms.statement("m", {"a": A}), KEY).encode())
    value["verificationMaterial"] = material
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "material",
    [
        {"publicKey": {}},
        {"publicKey": {"hint": None}, "tlogEntries": []},
        {"publicKey": {"rawBytes": "AAAA", "keyDetails": 5}, "certificate": None},
        {"publicKey": {"hint": ""}, "timestampVerificationData": {"rfc3161Timestamps": []}},
    ],
)
def test_older_and_later_ways_of_naming_the_key_are_read(material):
    assert sigstore.files(SigstoreBundle.parse(changed(**material)), KEY.public) == {"a": A}


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (changed(), "either a publicKey with a text hint, or an x509CertificateChain"),
        (changed(publicKey={"hint": 7}), "either a publicKey"),
        (changed(publicKey="x"), "either a publicKey"),
        (
            changed(publicKey={}, x509CertificateChain={"certificates": [{"rawBytes": ""}]}),
            "either a publicKey",
        ),
        (changed(x509CertificateChain={"certificates": []}), "of 1 to 16 certificates"),
        (
            changed(x509CertificateChain={"certificates": [{"rawBytes": "AA=="}] * 17}),
            "of 1 to 16 certificates",
        ),
        (changed(x509CertificateChain={}), "of 1 to 16 certificates"),
        (changed(x509CertificateChain={"certificates": ["AA=="]}), "an object with rawBytes in base64"),
        (changed(x509CertificateChain={"certificates": [{"rawBytes": "*"}]}), "is not base64"),
        (changed(certificate={"rawBytes": "AA=="}), "made without a key of one's own"),
        (b"{}", "an object with mediaType, verificationMaterial and dsseEnvelope"),
        (b"[]", "an object with mediaType"),
        (b"{", "is not JSON"),
        (b'{"mediaType":"x","mediaType":"y"}', "occurs twice"),
        (
            b'{"mediaType":"text/plain","verificationMaterial":{},"dsseEnvelope":{}}',
            "of type 'text/plain', where",
        ),
        (
            b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{}},"dsseEnvelope":7}',
            "a DSSE envelope is an object",
        ),
        (b" " * (sigstore.MAX_BYTES + 1), "a signature file of"),
    ],
)
def test_what_is_no_bundle_is_refused(raw, sentence):
    with pytest.raises(Malformed, match=sentence):
        SigstoreBundle.parse(raw)


def test_certificates_are_written_as_they_are_read():
    found = SigstoreBundle.parse((WRITTEN / "certificate.sig").read_bytes())
    assert SigstoreBundle.parse(found.encode()) == found
