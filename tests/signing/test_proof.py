"""A proof file is text that others read: the specification's example, every way to bend one, and both directions."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing import checkpoint, merkle, proof
from signing.checkpoint import Checkpoint
from signing.errors import Malformed, Refused, Untrusted
from signing.proof import Proof

ORIGIN = "studbook.example/log"
LEAVES = [b"leaf %d" % index for index in range(5)]
HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]

# C2SP tlog-proof, "Transparency Log Proofs"; its signatures are shortened there, so they are not read here.
EXAMPLE = b"""\
c2sp.org/tlog-proof@v1
extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=
RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=
AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=

example.com/fancylog
109482
sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

"""


def nodes():
    inner = {(0, i): one for i, one in enumerate(HASHES)}
    for i in range(len(HASHES)):
        for level, at in merkle.completed(i):
            inner[level, at] = merkle.node_hash(inner[level - 1, 2 * at], inner[level - 1, 2 * at + 1])
    return inner


@pytest.fixture(scope="module")
def note(log_key):
    inner = nodes()
    root = merkle.root(5, [inner[one] for one in merkle.root_nodes(5)])
    return checkpoint.sign(Checkpoint(ORIGIN, 5, root), log_key)


def of(index, note, extra=None):
    inner = nodes()
    path = merkle.inclusion_proof(index, 5, [inner[one] for one in merkle.inclusion_nodes(index, 5)])
    return Proof(index, tuple(path), note, extra)


def test_the_example_of_the_specification_is_read_and_written_again():
    found = Proof.parse(EXAMPLE)
    assert (found.index, len(found.hashes), found.extra[:31]) == (
        73894,
        5,
        b"age-v1.2.1-darwin-arm64.tar.gz\x91",
    )
    assert found.hashes[0].hex().startswith("8122b25e8619")
    assert found.checkpoint.startswith(b"example.com/fancylog\n109482\n")
    assert found.encode() == EXAMPLE


def test_every_leaf_of_a_tree_is_proven(note, log_key):
    for index, leaf in enumerate(LEAVES):
        written = of(index, note, leaf).encode()
        read = Proof.parse(written)
        assert read == of(index, note, leaf)
        assert proof.verify(read, read.extra, ORIGIN, log_key.public).size == 5


def test_a_proof_serves_its_leaf_in_its_log_alone(note, log_key):
    good = of(2, note)
    with pytest.raises(Untrusted, match="does not lead from leaf 2 to the root of 5 leaves"):
        proof.verify(good, LEAVES[3], ORIGIN, log_key.public)
    with pytest.raises(Untrusted, match="is not signed by"):
        proof.verify(good, LEAVES[2], "other.example/log", log_key.public)
    other = Proof(3, good.hashes, note)
    with pytest.raises(Untrusted, match="does not lead from leaf 3"):
        proof.verify(other, LEAVES[2], ORIGIN, log_key.public)


def test_a_checkpoint_of_another_log_by_the_same_key_is_refused(log_key):
    """Signed as ORIGIN, about another log: the note's text is what counts."""
    inner = nodes()
    text = Checkpoint("other.example/log", 5, merkle.root(5, [inner[n] for n in merkle.root_nodes(5)])).text()
    signed = checkpoint.sign(Checkpoint(ORIGIN, 1, HASHES[0]), log_key).decode().rpartition("\n— ")[2]
    blob = log_key.sign(text.encode())
    head = checkpoint.canonical.from_base64(signed.split()[1])[:4]
    forged = f"{text}\n— {ORIGIN} {checkpoint.canonical.to_base64(head + blob)}\n".encode()
    with pytest.raises(Untrusted, match=r"of the log 'other\.example/log', signed by the key"):
        proof.verify(of(0, forged), LEAVES[0], ORIGIN, log_key.public)


@pytest.mark.parametrize(
    ("pattern", "to"),
    [
        ("tlog-proof@v1", "tlog-proof@v2"),
        ("\n\n", "\n"),
        ("index 0", "index 00"),
        ("index 0", "index -1"),
        ("index 0", "index  0"),
        ("index 0", "index \u0660"),
        ("index 0", "Index 0"),
        ("index 0\n", ""),
        ("index 0", "index 0\nindex 0"),
        ("extra ", "extra"),
        ("extra ", "extra  "),
        ("extra ", "extra QQ==\nextra "),
        ("=\n", "\n"),
    ],
)
def test_a_bent_proof_file_is_refused(note, pattern, to):
    text = of(0, note, b"leaf").encode().decode()
    assert pattern in text
    with pytest.raises(Malformed):
        Proof.parse(text.replace(pattern, to, 1).encode())


def test_what_is_no_proof_file_is_refused():
    for raw in (b"", b"\xff", b"{}", f"{proof.HEADER}\n\nx".encode(), proof.HEADER.encode()):
        with pytest.raises(Malformed):
            Proof.parse(raw)
    with pytest.raises(Malformed, match=re.escape(f"at most {proof.MAX_BYTES} are read")):
        Proof.parse(b"x" * (proof.MAX_BYTES + 1))


@given(
    st.integers(0, 2**50),
    st.lists(st.binary(min_size=32, max_size=32), max_size=60),
    st.none() | st.binary(max_size=50),
)
def test_a_proof_file_is_read_as_what_wrote_it(index, hashes, extra):
    one = Proof(index, tuple(hashes), b"origin\n1\nroot\n\nsignature\n", extra)
    assert Proof.parse(one.encode()) == one


@given(st.binary(max_size=300))
def test_whatever_stands_there_is_read_exactly_or_refused(tail):
    raw = proof.HEADER.encode() + b"\n" + tail
    try:
        found = Proof.parse(raw)
    except Refused:
        return
    assert found.encode() == raw


@given(st.data())
def test_t24_a_flipped_bit_in_a_proof_file_is_noticed(note, log_key, data):
    whole = bytearray(of(3, note).encode())
    place = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[place // 8] ^= 1 << place % 8
    with pytest.raises(Refused):
        proof.verify(Proof.parse(bytes(whole)), LEAVES[3], ORIGIN, log_key.public)
