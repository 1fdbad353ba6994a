import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from signing import checkpoint
from signing.checkpoint import Checkpoint
from signing.errors import Malformed, Untrusted
from signing.keys import PrivateKey

ROOT = bytes(range(32))
ORIGIN = "studbook.example/log"
HERE = Checkpoint(ORIGIN, 7, ROOT)


# The examples of C2SP signed-note, whose text has a blank line in it, and of tlog-cosignature, whose second signature is a
# witness's. Neither specification names the keys.
POEM = """\
Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""
COSIGNED = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""


@pytest.fixture(scope="module")
def notes(shared):
    return json.JSONDecoder().decode((shared / "vectors/notes/notes.json").read_text())


def test_the_note_of_go_sumdb_opens_and_is_signed_the_same(notes):
    case = notes[0]
    name, key = checkpoint.parse_vkey(case["vkey"])
    text = checkpoint.open_note(case["note"].encode(), name, key)
    assert text == case["note"].partition("\n\n")[0] + "\n"
    assert checkpoint.vkey(name, key) == case["vkey"]

    seed = base64.b64decode(case["skey"].split("+", 4)[4])[1:]
    secret = ed25519.Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    blob = base64.b64decode(case["note"].split()[-1])
    assert PrivateKey.parse(secret).sign(text.encode()) == blob[4:]


@pytest.mark.parametrize(
    ("note", "signers"),
    [
        (POEM, ("quasimodo.example/salvatore",)),
        (COSIGNED, ("example.com/behind-the-sofa", "witness.example.com/w1")),
    ],
    ids=["signed-note", "tlog-cosignature"],
)
def test_an_example_of_c2sp_opens_for_the_key_that_signed_it_beside_its_own(log_key, note, signers):
    """A key that shares its name with another one is another key, and is ignored."""
    text = note.rpartition("\n\n")[0] + "\n"
    public = log_key.public.raw
    for name in (*signers, "studbook.example/log"):
        # C2SP signed-note, "Ed25519 signatures".
        known = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
        blob = base64.b64encode(known + log_key.sign(text.encode())).decode()
        with pytest.raises(Untrusted, match=f"it is signed as {', '.join(signers)}"):
            checkpoint.open_note(note.encode(), name, log_key.public)
        signed = f"{note}— {name} {blob}\n".encode()
        assert checkpoint.open_note(signed, name, log_key.public) == text


def test_the_checkpoint_of_c2sp_is_read(notes, log_key):
    case = notes[1]
    expected = case["checkpoint"]
    text = case["note"].partition("\n\n")[0] + "\n"
    found = Checkpoint.parse(text)
    assert found == Checkpoint(expected["origin"], expected["size"], base64.b64decode(expected["root"]))
    assert found.text() == text
    with pytest.raises(Untrusted, match="not signed by example"):
        checkpoint.open_note(case["note"].encode(), expected["origin"], log_key.public)


@settings(max_examples=30, deadline=None)
@given(
    origin=st.text(
        st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="+"), min_size=1
    ),
    size=st.integers(0, 2**53 - 1),
    root=st.binary(min_size=32, max_size=32),
    extensions=st.lists(st.text("ab c+—", min_size=1), max_size=2).map(tuple),
)
def test_a_signed_checkpoint_is_read_back(log_key, origin, size, root, extensions):
    signed = Checkpoint(origin, size, root, extensions)
    note = checkpoint.sign(signed, log_key)
    assert Checkpoint.parse(checkpoint.open_note(note, origin, log_key.public)) == signed
    assert checkpoint.parse_vkey(checkpoint.vkey(origin, log_key.public)) == (origin, log_key.public)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_changed_note_does_not_open(log_key, data):
    note = checkpoint.sign(HERE, log_key)
    at = data.draw(st.integers(0, len(note) - 1))
    changed = bytearray(note)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((Untrusted, Malformed)):
        checkpoint.open_note(bytes(changed), ORIGIN, log_key.public)


def test_signatures_of_strangers_are_ignored(log_key):
    note = checkpoint.sign(HERE, log_key)
    witness = "— witness.example AAAAAAAA\n— studbook.example/log BBBBBBBB\n".encode()
    text = checkpoint.open_note(note + witness, ORIGIN, log_key.public)
    assert Checkpoint.parse(text) == HERE


def test_a_signature_of_the_known_key_that_fails_condemns_the_note(log_key):
    note = checkpoint.sign(HERE, log_key)
    last = note.rpartition(b" ")[2].strip()
    blob = base64.b64decode(last)
    forged = "— studbook.example/log ".encode() + base64.b64encode(blob[:4] + bytes(64)) + b"\n"
    with pytest.raises(Untrusted, match="does not hold"):
        checkpoint.open_note(note + forged, ORIGIN, log_key.public)


def test_another_key_or_name_does_not_open(log_key):
    note = checkpoint.sign(HERE, log_key)
    with pytest.raises(Untrusted, match="it is signed as studbook"):
        checkpoint.open_note(note, ORIGIN, PrivateKey.generate("ed25519").public)
    with pytest.raises(Untrusted, match="not signed by other"):
        checkpoint.open_note(note, "other.example", log_key.public)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"text\n",
        b"text\n\n",
        "— a AAAAAAAA\n".encode(),
        "\n\n— a AAAAAAAA\n".encode(),
        "text\n\n— a AAAAAAAA".encode(),
        b"text\n\n" + "— a AAAAAAAA\n".encode() * 101,
    ],
)
def test_what_is_no_note_is_refused(log_key, note):
    with pytest.raises(Malformed, match="a note is text, a blank line"):
        checkpoint.open_note(note, ORIGIN, log_key.public)


@pytest.mark.parametrize(
    "line",
    [
        "- a AAAAAAAA",
        "— a+b AAAAAAAA",
        "— a b AAAAAAAA",
        "—  AAAAAAAA",
        "— a",
        "— a AAAA",
        "— a\u00a0 AAAAAAAA",
    ],
)
def test_what_is_no_signature_line_is_refused(log_key, line):
    with pytest.raises(Malformed, match="a signature line is"):
        checkpoint.open_note(f"text\n\n{line}\n".encode(), ORIGIN, log_key.public)


@pytest.mark.parametrize(
    ("note", "sentence"),
    [
        (b"a\tb\n\nx\n", "control character"),
        (b"a\r\n\nx\n", "control character"),
        (b"\xff\n\nx\n", "not UTF-8"),
        ("text\n\n— a A===\n".encode(), "not base64"),
        (b" " * (2**20 + 1), "1048577 bytes"),
    ],
)
def test_what_no_note_may_hold_is_refused(log_key, note, sentence):
    with pytest.raises(Malformed, match=sentence):
        checkpoint.open_note(note, ORIGIN, log_key.public)


def test_sixteen_signatures_and_more_are_read(log_key):
    note = checkpoint.sign(HERE, log_key) + "— w.example AAAAAAAA\n".encode() * 99
    assert checkpoint.open_note(note, ORIGIN, log_key.public) == HERE.text()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "origin, size and root"),
        (f"o\n1\n{base64.b64encode(ROOT).decode()}", "origin, size and root"),
        (f"\n1\n{base64.b64encode(ROOT).decode()}\n", "origin, size and root"),
        (f"o\n1\n{base64.b64encode(ROOT).decode()}\n\n", "origin, size and root"),
        (f"o\n01\n{base64.b64encode(ROOT).decode()}\n", "plain decimal number, not '01'"),
        (f"o\n-1\n{base64.b64encode(ROOT).decode()}\n", "plain decimal number"),
        (f"o\n١\n{base64.b64encode(ROOT).decode()}\n", "plain decimal number"),  # noqa: RUF001 - an Arabic digit one
        (f"o\n99999999999999999\n{base64.b64encode(ROOT).decode()}\n", "plain decimal number"),
        ("o\n1\nAAAA\n", "32 bytes, not 3"),
        ("o\n1\n!\n", "not base64"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text, sentence):
    with pytest.raises(Malformed, match=sentence):
        Checkpoint.parse(text)


@pytest.mark.parametrize("changes", [{"origin": "a b"}, {"origin": "a+b"}])
def test_a_log_is_named_like_a_key(log_key, changes):
    with pytest.raises(Malformed, match="no spaces and no plus"):
        checkpoint.sign(Checkpoint(**{"origin": "o", "size": 1, "root": ROOT} | changes), log_key)


@pytest.mark.parametrize("changes", [{"origin": "a\nb"}, {"extensions": ("a\nb",)}])
def test_a_line_is_one_line(log_key, changes):
    with pytest.raises(Malformed):
        checkpoint.sign(Checkpoint(**{"origin": "o", "size": 1, "root": ROOT} | changes), log_key)


def test_a_log_signs_with_ed25519(publisher):
    with pytest.raises(Malformed, match="ecdsa-p256; notes are signed with ed25519"):
        checkpoint.sign(HERE, publisher)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no Ed25519 key"),
        ("a+00000000+AQ==", "no Ed25519 key"),
        ("a+00000000+" + base64.b64encode(b"\x02" + ROOT).decode(), "no Ed25519 key"),
        (
            "a+00000000+" + base64.b64encode(b"\x01" + ROOT).decode(),
            "the hash '00000000', which is not its own",
        ),
        ("a+00000000+?", "not base64"),
        ("+00000000+" + base64.b64encode(b"\x01" + ROOT).decode(), "no spaces and no plus"),
    ],
)
def test_what_is_no_verifier_key_is_refused(text, sentence):
    with pytest.raises(Malformed, match=sentence):
        checkpoint.parse_vkey(text)
