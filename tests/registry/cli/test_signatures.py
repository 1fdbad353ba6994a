"""sign, add --sign and verify --key as they are typed: what they print, and what they refuse in one sentence."""

from pathlib import Path

import pytest
from certificates import root, signer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from signing import sigstore
from signing.digest import sha256_hex
from signing.keys import PrivateKey
from signing.oms import statement
from signing.sigstore import SigstoreBundle

FILES = {"config.json": b"{}", "weights[0].bin": b"weights"}
DIGESTS = {name: sha256_hex(data) for name, data in FILES.items()}
KEY = PrivateKey.generate("ecdsa-p256")
AUTHORITY = root(days=(0, 36500))
ANN = signer(AUTHORITY, names=[x509.RFC822Name("ann@kennel.example")], days=(0, 36500))
LATE = signer(AUTHORITY, days=(0, 1))


@pytest.fixture
def typed(terminal):
    """A home, a folder that nobody signed, and keys of somebody without a home."""
    terminal.holds("init", "--operator", "kennel")
    folder = terminal.folder
    for name, data in FILES.items():
        (folder / "model").mkdir(exist_ok=True)
        (folder / "model" / name).write_bytes(data)
    (folder / "key.pem").write_bytes(KEY.pem())
    (folder / "key.pem").chmod(0o600)
    (folder / "key.pub").write_bytes(KEY.public.pem())
    (folder / "root.pem").write_bytes(AUTHORITY.pem)
    for name, who in (("ann.sig", ANN), ("late.sig", LATE)):
        signed = sigstore.sign(statement("model", DIGESTS), who.key)
        (folder / name).write_bytes(SigstoreBundle(signed.envelope, certificates=(who.der,)).encode())
    return terminal


def test_a_homes_signature_is_checked_with_its_exported_key_and_no_home(typed, tmp_path: Path) -> None:
    made = typed.holds("sign", "model")
    typed("keys", "export", "publisher", "--public", "--out", "publisher.pem")
    typed.home.rename(tmp_path / "gone")

    found = typed.holds("verify", "model", "--key", "publisher.pem")

    assert found["files"] == made["files"] == DIGESTS
    assert found["signer"] == {"key": made["key"]}
    assert (found["artifact"], found["entry"]) == (made["artifact"], made["entry"])


def test_verify_says_which_files_were_signed_by_which_key(typed) -> None:
    said = typed("sign", "model", "--key", "key.pem")
    assert said.code == 0
    assert f"2 files, signed by the key {KEY.public.id}" in said.out

    lines = typed("verify", "model", "--key", "key.pub").out.splitlines()

    assert lines[0].startswith("holds  model is sha256:")
    assert lines[1:] == [
        f"  signed by the key {KEY.public.id}",
        "  when it was signed is not proven: that takes a log",
        *(f"  {digest}  {name}" for name, digest in DIGESTS.items()),
    ]


def test_verify_says_whose_certificate_it_was_and_when_that_was_judged(typed) -> None:
    words = ("verify", "model", "--signature", "ann.sig", "--certificate-chain", "root.pem")
    said = typed(*words).out
    assert f"signed by CN=ann, ann@kennel.example, with the key {ANN.key.public.id}" in said
    assert "under CN=root, good from 2026-01-01 00:00 UTC to 2125-" in said
    assert "judged as of now, 20" in said
    found = typed.holds(*words, "--identity", "ann@kennel.example")["signer"]
    assert found["subject"] == "CN=ann"
    assert found["valid_from"] < found["judged_at"] < found["valid_until"]


def test_a_changed_folder_does_not_hold(typed) -> None:
    typed.holds("sign", "model", "--key", "key.pem")
    (typed.folder / "model" / "config.json").write_bytes(b"[]")

    said = typed("verify", "model", "--key", "key.pub")

    assert said.code == 1
    assert said.out.endswith(": changed: config.json\n")
    assert typed("verify", "model", "--key", "key.pub", "--json").json["changed"] == ["config.json"]


def test_a_signature_may_be_written_elsewhere_and_replaced_if_asked(typed) -> None:
    typed.holds("sign", "model", "--out", "out.sig")
    typed.holds("sign", "model", "--out", "out.sig", "--key", "key.pem", "--force")
    assert not (typed.folder / "model" / "model.sig").exists()
    typed.holds("verify", "model", "--signature", "out.sig", "--key", "key.pub")


def test_add_writes_the_signature_that_it_logs(typed) -> None:
    value = typed.holds("add", "model", "--name", "kennel/model", "--sign")
    assert value["signature"] == "model/model.sig"
    typed("keys", "export", "publisher", "--public", "--out", "publisher.pem")

    found = typed.holds("verify", "model", "--key", "publisher.pem")

    proven = typed.holds("verify", "model")["proven"]
    assert found["entry"] == proven[0]["entry"]
    assert found["artifact"] == value["artifact"]
    assert typed.holds("add", "model", "--name", "kennel/model")["signature"] is None
    assert "signature in model/model.sig" in typed("add", "model", "--sign", "--force").out


REFUSED = {
    "sign nothing": (("sign", "nowhere"), 2, ("nowhere is not a folder",)),
    "sign a file": (("sign", "key.pub"), 2, ("key.pub is not a folder",)),
    "sign twice": (("sign", "signed"), 2, ("signed/model.sig exists", "--force")),
    "add --sign twice": (("add", "signed", "--sign"), 2, ("signed/model.sig exists", "--force")),
    "add --force of nothing": (("add", "model", "--force"), 2, ("--force writes over a model.sig",)),
    "sign with a key that others read": (("sign", "model", "--key", "key.pub"), 2, ("key.pub has mode 0644", "chmod 600")),
    "sign with no key": (("sign", "model", "--key", "nokey"), 2, ("nokey: there is no such key",)),
    "sign with a log's key": (("sign", "model", "--key", "home/keys/log.pem"), 2, ("ecdsa-p256", "ed25519")),
    "sign with a key on another curve": (("sign", "model", "--key", "384.pem"), 2, ("curve secp384r1",)),
    "sign with two keys": (("sign", "model", "--key", "key.pem", "--home", "home"), 2, ("leave out --home home",)),
    "sign into the folder": (("sign", "model", "--out", "model/x"), 2, ("call it model/model.sig",)),
    "verify without a signature": (("verify", "model", "--key", "key.pub"), 2, ("model/model.sig is no file", "--signature")),
    "verify with no key": (("verify", "signed", "--key", "nokey"), 2, ("nokey: No such file",)),
    "verify with a private key": (("verify", "signed", "--key", "key.pem"), 2, ("not a public key",)),
    "verify with another key": (("verify", "signed", "--key", "other.pub"), 1, ("the signature names the key",)),
    "verify whose": (("verify", "signed", "--signature", "ann.sig"), 2, ("--signature ann.sig", "without --key")),
    "verify whom": (("verify", "signed", "--identity", "ann"), 2, ("--identity ann", "without --key")),
    "verify with a log": (("verify", "signed", "--key", "key.pub", "--as", "x/y"), 2, ("--as x/y is about a log",)),
    "verify with a root": (("verify", "signed", "--key", "key.pub", "--root", "x"), 2, ("--root x is about a log",)),
    "verify with a registry": (("verify", "signed", "--key", "key.pub", "--registry", "http://x"), 2, ("--registry http://x is about",)),
    "verify with a home": (("verify", "signed", "--key", "key.pub", "--home", "home"), 2, ("--home home is about a log",)),
    "verify with two signers": (("verify", "signed", "--key", "key.pub", "--certificate-chain", "root.pem"), 2, ("name two signers",)),
    "verify a key's identity": (("verify", "signed", "--key", "key.pub", "--identity", "ann"), 2, ("names no certificate",)),
    "verify the file": (("verify", "signed/model.sig", "--key", "key.pub"), 2, ("signed/model.sig is a file", "--signature")),
    "verify the file alone": (("verify", "signed/model.sig"), 2, ("`studbook verify signed --key PEM`",)),
    "verify by a certificate that is not there": (("verify", "signed", "--certificate-chain", "root.pem"), 1, ("carries no certificate",)),
    "verify somebody else's certificate": (
        ("verify", "model", "--signature", "ann.sig", "--certificate-chain", "root.pem", "--identity", "bob"), 1, ("not of bob",),
    ),
    "verify an expired certificate": (
        ("verify", "model", "--signature", "late.sig", "--certificate-chain", "root.pem"), 1, ("to 2026-01-02 00:00 UTC", "not valid"),
    ),
    "verify under no root": (("verify", "model", "--signature", "ann.sig", "--certificate-chain", "key.pub"), 2, ("not in PEM",)),
    "verify a bundle of a log": (("verify", "model", "--signature", "home/trusted_root.json", "--key", "key.pub"), 2, ("a Sigstore bundle",)),
    "export nobody's": (("keys", "export", "cook", "--public"), 2, ("'cook' is no role", "publisher")),
    "export a witness": (("keys", "export", "witness", "--public"), 2, ("'witness' is no role",)),
    "export a secret": (("keys", "export", "publisher"), 2, ("add --public", "private keys lie in", "home/keys")),
    "export over a file": (("keys", "export", "publisher", "--public", "--out", "key.pem"), 2, ("key.pem: File exists",)),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_refused_in_one_sentence_and_changes_nothing(typed, case: str) -> None:
    signed = typed.folder / "signed"
    (typed.folder / "model").rename(signed)
    typed.holds("sign", "signed", "--key", "key.pem")
    (typed.folder / "model").mkdir()
    for name, data in FILES.items():
        (typed.folder / "model" / name).write_bytes(data)
    (typed.folder / "other.pub").write_bytes(PrivateKey.generate("ecdsa-p256").public.pem())
    other = ec.generate_private_key(ec.SECP384R1())
    (typed.folder / "384.pem").write_bytes(
        other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    (typed.folder / "384.pem").chmod(0o600)

    typed.refuses(*REFUSED[case])
